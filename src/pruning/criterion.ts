/**
 * Criteria: what removing a connection costs (its saliency), from weights, live moments and gradients. The least important go
 * first. A connection is scored by the norm over its gate weights, ‖w‖.
 */
import type { Moments } from '../evidence/moments.ts';
import type { LayerMask, LayerWeights, ModelShape } from '../model/shape.ts';
import type { CriterionName } from './job.ts';
import { gradient } from './criteria/gradient.ts';
import { movement } from './criteria/movement.ts';
import { activity } from './criteria/activity.ts';
import { fisher } from './criteria/fisher.ts';
import { magnitude } from './criteria/magnitude.ts';
import { obs } from './criteria/obs.ts';
import { random } from './criteria/random.ts';

/** What training saw of the weights of a layer, over a number of batches; each [sources, G · units] where nothing else is said. */
export interface LayerGradient {
  readonly batches: number;
  /** Σ (∂L/∂w)², dead weights too. */
  readonly squares: Float64Array;
  /** Σ (∂L/∂b)², [G · units]: how much the loss minds what a gate is told. */
  readonly biasSquares: Float64Array;
  /** Σ −w ∂L/∂w while the weights moved: positive where training drives a weight away from zero. */
  readonly movement: Float64Array;
}

export interface Scoring {
  readonly shape: ModelShape;
  /** Which layer it is, as an index into `Weights.layers`; the first where left out. */
  readonly index?: number;
  readonly layer: LayerWeights;
  readonly mask: LayerMask;
  /** Of this layer; may be null only for criteria that need none. */
  readonly moments: Moments | null;
  /** Of this layer; may be left out only for criteria that need none. */
  readonly gradient?: LayerGradient | null | undefined;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Whether dead connections get a score of their own; otherwise theirs is −Infinity. */
  readonly regrow?: boolean;
}

export interface Criterion {
  readonly name: CriterionName;
  readonly needs: 'moments' | 'gradient' | 'both' | 'nothing';
  /** Saliency [sources, units], row-major, not negative. Throws evidence-invalid where what it needs does not serve. */
  score(scoring: Scoring): Float64Array;
}

export const CRITERIA: Readonly<Record<CriterionName, Criterion>> = { random, magnitude, activity, obs, gradient, movement, fisher };
