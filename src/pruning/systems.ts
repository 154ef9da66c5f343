/**
 * In what each gate of a unit is linear: the least-squares systems of a layer.
 *
 * The sampled vector is a = [x(t); h(t−1); 1], for the GRUs with [r(t)] (gru) or [r ⊙ h(t−1)] (gru-before) before the
 * constant. All gates of an LSTM or a simple RNN are linear in [x; h; 1], and share one system. Of a GRU, z and r are;
 * - reset before: the candidate is linear in [x; r ⊙ h; 1], which is another block of the same moments: exact as well;
 * - reset after: the candidate of unit j is W x + b + r_j (U h + b'), linear in [x; r_j h; 1; r_j]. Its moments would be
 *   a matrix for each unit (Σ r_j² h hᵀ, of fourth order), so r_j is taken as independent of x and h:
 *   E[r_j h xᵀ] ≈ E[r_j] E[h xᵀ], E[r_j² h hᵀ] ≈ E[r_j²] E[h hᵀ]. That is the Schur product of G with
 *   [[1, E r_j], [E r_j, E r_j²]], positive definite where G is.
 */
import type { Cell, LayerShape, ModelShape } from '../model/shape.ts';
import { layerShapes } from '../model/shape.ts';

/** Gates that are linear in the same vector, for every unit of the layer. */
export interface System {
  /** Indices of the gates. */
  readonly gates: readonly number[];
  /** Where the sampled vector has what source k gives to these gates, [sources]. */
  readonly at: Int32Array;
  /** Whether the sources of the state, and a bias of their own, are multiplied by r of the unit. */
  readonly reset: boolean;
}

/** Numbers of the sampled vector, the constant (its last) among them. */
export const momentsSize = ({ sources, units, gates }: Pick<LayerShape, 'sources' | 'units' | 'gates'>): number => sources + (gates === 3 ? units : 0) + 1;

/** The layer of this index into `Weights.layers`; the only one where there is one. */
export const layerAt = (shape: ModelShape, index = 0): LayerShape => layerShapes(shape)[index]!;

/** The systems of a layer; every gate is in one of them. */
export function systemsOf(cell: Cell, { inputs, sources, gates }: LayerShape): readonly System[] {
  const plain = Int32Array.from({ length: sources }, (_, k) => k);
  if (gates !== 3) return [{ gates: Array.from({ length: gates }, (_, gate) => gate), at: plain, reset: false }];
  const candidate = cell === 'gru-before' ? plain.map((k) => (k < inputs ? k : sources + k - inputs)) : plain;
  return [{ gates: [0, 1], at: plain, reset: false }, { gates: [2], at: candidate, reset: cell === 'gru' }];
}
