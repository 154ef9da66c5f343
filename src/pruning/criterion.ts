/**
 * Criteria: what removing a connection costs (its saliency), from weights and live moments. The least important go
 * first. A connection is scored by the norm over its gate weights, ‖w‖.
 */
import type { Moments } from '../evidence/moments.ts';
import type { LayerMask, LayerWeights, ModelShape } from '../model/shape.ts';
import type { CriterionName } from './job.ts';
import { activity } from './criteria/activity.ts';
import { magnitude } from './criteria/magnitude.ts';
import { obs } from './criteria/obs.ts';
import { random } from './criteria/random.ts';

export interface Scoring {
  readonly shape: ModelShape;
  /** Which layer it is, as an index into `Weights.layers`; the first where left out. */
  readonly index?: number;
  readonly layer: LayerWeights;
  readonly mask: LayerMask;
  /** Of this layer; may be null only for criteria that need nothing. */
  readonly moments: Moments | null;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Whether dead connections get a score of their own; otherwise theirs is −Infinity. */
  readonly regrow?: boolean;
}

export interface Criterion {
  readonly name: CriterionName;
  readonly needs: 'moments' | 'nothing';
  /** Saliency [sources, units], row-major, not negative. Throws evidence-invalid where the moments do not serve. */
  score(scoring: Scoring): Float64Array;
}

export const CRITERIA: Readonly<Record<CriterionName, Criterion>> = { random, magnitude, activity, obs };
