/** One cut through all layers: score, choose, and repair what is left by least squares. */
import type { Moments } from '../evidence/moments.ts';
import { maskLayer, maskWeights } from '../model/mask.ts';
import type { Mask, Weights } from '../model/shape.ts';
import { layerShapes } from '../model/shape.ts';
import { chooseAll } from '../pruning/choose.ts';
import type { LayerGradient } from '../pruning/criterion.ts';
import { CRITERIA } from '../pruning/criterion.ts';
import type { CriterionName, Granularity, RankingScope } from '../pruning/job.ts';
import { repairLayer } from '../pruning/reconstruct.ts';
import type { Network } from './parameters.ts';

export interface CutPlan {
  readonly criterion: CriterionName;
  /** Wanted density of connections; never adds any. */
  readonly density: number;
  readonly scope: RankingScope;
  /** connection where left out. */
  readonly granularity?: Extract<Granularity, 'connection' | 'g4'>;
}

/** Saliency [sources, units] of the connections that are alive, for each layer. @param moments and @param gradients of each layer; null where the criterion needs none */
export function score({ shape, weights }: Network, mask: Mask, criterion: CriterionName, moments: readonly Moments[] | null, random: () => number, gradients: readonly LayerGradient[] | null = null): readonly Float64Array[] {
  return weights.layers.map((layer, index) => CRITERIA[criterion].score({ shape, index, layer, mask: mask[index]!, moments: moments?.[index] ?? null, gradient: gradients?.[index] ?? null, random }));
}

/** The masks of the wanted density. @param sensitivity of each layer, for the scope of that name */
export function chooseMask({ shape }: Pick<Network, 'shape'>, mask: Mask, scores: readonly Float64Array[], { density, scope, granularity = 'connection' }: Omit<CutPlan, 'criterion'>, sensitivity: readonly number[] | null = null): Mask {
  return chooseAll(layerShapes(shape).map(({ index, sources, units }) => ({ scores: scores[index]!, mask: mask[index]!, sources, units })), { density, scope, granularity }, sensitivity);
}

/** The weights with what is dead exactly zero, and nothing else changed. */
export const applyMask = ({ shape, weights }: Network, mask: Mask): Weights => maskWeights(shape, weights, mask);

/** The weights that keep the pre-activations of the parent as well as the masks allow; `moments` are the parent's own, of each layer. */
export function repair({ shape, weights }: Network, mask: Mask, moments: readonly Moments[]): Weights {
  const layers = layerShapes(shape).map(({ index, units }) => {
    const parent = weights.layers[index]!;
    return repairLayer({ shape, index, parent, current: maskLayer(parent, mask[index]!, units), mask: mask[index]!, moments: moments[index]!, cross: null });
  });
  return { ...weights, layers };
}
