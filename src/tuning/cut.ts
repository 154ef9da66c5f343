/** One cut through all layers: score, choose, and repair what is left by least squares. */
import type { Moments } from '../evidence/moments.ts';
import type { ReplayItem } from '../evidence/replay.ts';
import { maskLayer, maskWeights } from '../model/mask.ts';
import type { Mask, Weights } from '../model/shape.ts';
import { layerShapes } from '../model/shape.ts';
import { chooseAll } from '../pruning/choose.ts';
import { CRITERIA } from '../pruning/criterion.ts';
import type { CriterionName, RankingScope } from '../pruning/job.ts';
import { reconstruct } from '../pruning/reconstruct.ts';
import { momentsOf } from './moments-of.ts';
import type { Runtime } from './ops.ts';
import type { Network } from './parameters.ts';

export interface CutPlan {
  readonly criterion: CriterionName;
  /** Wanted density of connections; never adds any. */
  readonly density: number;
  readonly scope: RankingScope;
}

/** Saliency [sources, units] of the connections that are alive, for each layer. @param moments of each layer; null where the criterion needs none */
export function score({ shape, weights }: Network, mask: Mask, criterion: CriterionName, moments: readonly Moments[] | null, random: () => number): readonly Float64Array[] {
  return weights.layers.map((layer, index) => CRITERIA[criterion].score({ shape, index, layer, mask: mask[index]!, moments: moments?.[index] ?? null, random }));
}

/** The masks of the wanted density. */
export function chooseMask({ shape }: Network, mask: Mask, scores: readonly Float64Array[], { density, scope }: Omit<CutPlan, 'criterion'>): Mask {
  return chooseAll(layerShapes(shape).map(({ index, sources, units }) => ({ scores: scores[index]!, mask: mask[index]!, sources, units })), { density, scope });
}

/** The weights with what is dead exactly zero, and nothing else changed. */
export const applyMask = ({ shape, weights }: Network, mask: Mask): Weights => maskWeights(shape, weights, mask);

/** The weights that keep the pre-activations of the parent as well as the masks allow; `moments` are the parent's own, of each layer. */
export function repair({ shape, weights }: Network, mask: Mask, moments: readonly Moments[]): Weights {
  const layers = layerShapes(shape).map(({ index, units }) => {
    const parent = weights.layers[index]!;
    return reconstruct({ shape, index, parent, current: maskLayer(parent, mask[index]!, units), mask: mask[index]!, moments: moments[index]!, cross: null }).layer;
  });
  return { ...weights, layers };
}

/**
 * Repairs again under the cut model's own activity: its states, and with them what deeper layers read, are not its
 * parent's any more, and the least squares of the first repair were made for the parent's. Throws evidence-invalid, aborted.
 */
export async function repairAgain(runtime: Runtime, parent: Network, cut: Weights, mask: Mask, items: readonly ReplayItem[], vectorsMax: number, signal: AbortSignal): Promise<Weights> {
  const { shape } = parent;
  const { moments, cross } = await momentsOf(runtime, { id: 'cut', model: { shape, weights: cut }, parent, items, vectorsMax }, signal);
  const layers = cut.layers.map((current, index) => reconstruct({ shape, index, parent: parent.weights.layers[index]!, current, mask: mask[index]!, moments: moments[index]!, cross: cross?.[index] ?? null }).layer);
  return { ...cut, layers };
}
