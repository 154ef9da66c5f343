/** Second moments of live activity. See `accumulate` and `mergeMoments`. */
import type { ModelId } from '../model/model.ts';

/**
 * Sums over sampled steps of a aᵀ, a = [x(t); h(t−1); 1] in the order of the kernel's rows, then the constant.
 * The means are the last row, so they need no array of their own.
 */
export interface Moments {
  readonly model: ModelId;
  readonly layer: number;
  /** inputs + units + 1 */
  readonly size: number;
  /** Number of sampled vectors. */
  readonly vectors: number;
  /** Σ a aᵀ, packed upper triangle by rows: [size · (size + 1) / 2], float64. */
  readonly second: Float64Array;
}
