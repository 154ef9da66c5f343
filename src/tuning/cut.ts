/** One cut: score, choose, and repair what is left by least squares. */
import type { Moments } from '../evidence/moments.ts';
import type { ReplayItem } from '../evidence/replay.ts';
import { maskLayer } from '../model/mask.ts';
import type { LayerMask, Weights } from '../model/shape.ts';
import { sourcesOf, unitsOf } from '../model/shape.ts';
import { choose } from '../pruning/choose.ts';
import { CRITERIA } from '../pruning/criterion.ts';
import type { CriterionName, RankingScope } from '../pruning/job.ts';
import { reconstruct } from '../pruning/reconstruct.ts';
import { momentsOf } from './moments-of.ts';
import type { Network } from './network.ts';
import type { Runtime } from './ops.ts';

export interface CutPlan {
  readonly criterion: CriterionName;
  /** Wanted density of connections; never adds any. */
  readonly density: number;
  readonly scope: RankingScope;
}

const withLayer = (weights: Weights, layer: Weights['layers'][number]): Weights => ({ ...weights, layers: [layer] });

/** Saliency [sources, units] of the connections that are alive. */
export function score({ shape, weights }: Network, mask: LayerMask, criterion: CriterionName, moments: Moments | null, random: () => number): Float64Array {
  return CRITERIA[criterion].score({ shape, layer: weights.layers[0]!, mask, moments, random });
}

/** The mask of the wanted density. */
export function chooseMask({ shape }: Network, mask: LayerMask, scores: Float64Array, { density, scope }: Omit<CutPlan, 'criterion'>): LayerMask {
  return choose({ scores, mask, sources: sourcesOf(shape), units: unitsOf(shape), density, scope });
}

/** The weights with what is dead exactly zero, and nothing else changed. */
export function applyMask({ shape, weights }: Network, mask: LayerMask): Weights {
  return withLayer(weights, maskLayer(weights.layers[0]!, mask, unitsOf(shape)));
}

/** The weights that keep the pre-activations of the parent as well as the mask allows; `moments` are the parent's own. */
export function repair({ shape, weights }: Network, mask: LayerMask, moments: Moments): Weights {
  const parent = weights.layers[0]!;
  return withLayer(weights, reconstruct({ shape, parent, current: maskLayer(parent, mask, unitsOf(shape)), mask, moments, cross: null }).layer);
}

/**
 * Repairs again under the cut model's own activity: its state is not its parent's any more, and the least squares of the
 * first repair were made for the parent's. Throws evidence-invalid, aborted.
 */
export async function repairAgain(runtime: Runtime, parent: Network, cut: Weights, mask: LayerMask, items: readonly ReplayItem[], vectorsMax: number, signal: AbortSignal): Promise<Weights> {
  const { shape } = parent;
  const { moments, cross } = await momentsOf(runtime, { id: 'cut', model: { shape, weights: cut }, parent, items, vectorsMax }, signal);
  return withLayer(cut, reconstruct({ shape, parent: parent.weights.layers[0]!, current: cut.layers[0]!, mask, moments, cross }).layer);
}
