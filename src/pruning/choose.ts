/** Which connections stay, from their scores. */
import { assert } from '../errors.ts';
import type { LayerMask, Mask } from '../model/shape.ts';
import { groupMask, groupMembers, groupScores, groupsOf, groupsWanted } from './groups.ts';
import type { Granularity, RankingScope } from './job.ts';

export interface Choice {
  /** Saliency [sources, units], row-major; −Infinity never stays. NaN is a programmer's mistake. */
  readonly scores: Float64Array;
  /** What is alive now. */
  readonly mask: LayerMask;
  readonly sources: number;
  readonly units: number;
  /** Wanted density, 0 to 1. */
  readonly density: number;
  readonly scope: RankingScope;
  /** connection where left out. */
  readonly granularity?: Extract<Granularity, 'connection' | 'g4'>;
  /** Whether dead connections may come back; the scores must then be made with regrowth too. */
  readonly regrow?: boolean;
}

/**
 * Keeps exactly round(density · sources · units) connections, those with the highest scores, ties to the lower index.
 * Without regrowth only alive ones can stay, so where fewer are alive than wanted, all of them do: pruning never adds.
 *
 * Scope network ranks all connections together; a unit may lose every one and then runs on its bias alone: still a
 * sound network, and reconstruction sets that bias to the mean pre-activation it had. Scope unit gives each unit the
 * same number; what does not divide goes to the units whose next connection scores highest, and what a unit with too
 * few alive cannot use goes to the others. Scope layer is one ranking within each layer: of one layer, that of the network.
 *
 * Granularity g4 keeps exactly `groupsWanted` groups instead, by the root of the sum of the squared saliencies of their
 * connections. A group stays with what is alive of it: from a full mask that is four connections for each group, and less
 * only for the last group of a unit whose sources are no multiple of four.
 */
export function choose({ granularity = 'connection', ...choice }: Choice): LayerMask {
  const { scores, mask, sources, units, density, scope, regrow = false } = choice;
  assert(density >= 0 && density <= 1, 'density lies in 0 to 1');
  if (granularity === 'connection') return best({ scores, mask, sources, units, scope, regrow, wanted: Math.round(density * scores.length) });
  const { wanted, ...groups } = groupsIn(choice);
  return groupMembers(best({ ...groups, wanted, scope, regrow }), mask, units, regrow);
}

const groupsIn = ({ scores, mask, sources, units, density }: Pick<Choice, 'scores' | 'mask' | 'sources' | 'units' | 'density'>) =>
  ({ scores: groupScores(scores, sources, units), mask: groupMask(mask, sources, units), sources: groupsOf(sources), units, wanted: groupsWanted(density, sources, units) });

type Ranked = Required<Pick<Choice, 'scores' | 'mask' | 'sources' | 'units' | 'scope' | 'regrow'>> & { readonly wanted: number };

/** The best `wanted` of [sources, units]. */
function best({ scores, mask, sources, units, wanted, scope, regrow }: Ranked): LayerMask {
  assert(scores.length === sources * units && mask.length === scores.length, 'scores and mask are [sources, units]');
  assert(!scores.some(Number.isNaN), 'scores are numbers');
  const eligible = (at: number): boolean => scores[at]! > -Infinity && (regrow || mask[at] === 1);
  const kept = scope === 'unit' ? bestOfEachUnit(scores, eligible, sources, units, wanted) : bestOf(scores, eligible).slice(0, wanted);
  const chosen = new Uint8Array(scores.length);
  for (const at of kept) chosen[at] = 1;
  return chosen;
}

/**
 * The same for all layers together. Scope network is one ranking over all layers, each score divided by the mean of its
 * layer: a layer may keep more than another, but none dies because its activity is small as a whole (layer collapse;
 * Tanaka et al. 2020), which raw scores did to the inputs of a stack. The scopes layer and unit give each layer its share.
 * @param sensitivity for each layer what its scores are to be multiplied by instead, so that those of all layers are in one
 * unit: the error of the network's output that they cause (see `sensitivityOf`)
 */
export function chooseAll(layers: readonly Pick<Choice, 'scores' | 'mask' | 'sources' | 'units'>[], { density, scope, granularity = 'connection', regrow = false }: Pick<Choice, 'density' | 'scope' | 'granularity' | 'regrow'>, sensitivity: readonly number[] | null = null): Mask {
  if (scope === 'layer' || scope === 'unit' || layers.length === 1) return layers.map((layer) => choose({ ...layer, density, scope, granularity, regrow }));
  if (granularity === 'connection') return bestOfAll(layers, Math.round(density * layers.reduce((sum, { mask }) => sum + mask.length, 0)), regrow, sensitivity);
  const grouped = layers.map((layer) => groupsIn({ ...layer, density }));
  return bestOfAll(grouped, grouped.reduce((sum, { wanted }) => sum + wanted, 0), regrow, sensitivity).map((chosen, at) => groupMembers(chosen, layers[at]!.mask, layers[at]!.units, regrow));
}

function bestOfAll(layers: readonly Pick<Choice, 'scores' | 'mask'>[], wanted: number, regrow: boolean, sensitivity: readonly number[] | null): Mask {
  const lengths = layers.map(({ mask }) => mask.length), all = lengths.reduce((sum, length) => sum + length, 0);
  const scores = new Float64Array(all), mask = new Uint8Array(all);
  let end = 0;
  const starts = lengths.map((length, at) => {
    const factor = sensitivity?.[at];
    scores.set(factor === undefined ? relative(layers[at]!.scores) : layers[at]!.scores.map((score) => (score === -Infinity ? score : score * factor)), end);
    mask.set(layers[at]!.mask, end);
    end += length;
    return end - length;
  });
  const chosen = best({ scores, mask, sources: all, units: 1, wanted, scope: 'network', regrow });
  return starts.map((start, at) => chosen.slice(start, start + lengths[at]!));
}

/**
 * What turns the scores of each layer into the output's error: √(error / Σ squared scores of what was cut), with the error
 * that the output showed when that layer alone was cut. Layers of which nothing was cut, or that showed none, get the
 * smallest factor of the others: they are not known to matter. Null where no layer showed any.
 */
export function sensitivityOf(scores: readonly Float64Array[], before: Mask, after: Mask, errors: readonly number[]): readonly number[] | null {
  const factors = scores.map((layer, index) => {
    let cut = 0;
    for (let at = 0; at < layer.length; at++) if (before[index]![at] === 1 && after[index]![at] === 0 && layer[at]! > -Infinity) cut += layer[at]! ** 2;
    return cut > 0 && errors[index]! > 0 ? Math.sqrt(errors[index]! / cut) : Infinity;
  });
  const least = Math.min(...factors);
  return least === Infinity ? null : factors.map((factor) => (factor === Infinity ? least : factor));
}

/** Scores divided by the mean of those that count. */
function relative(scores: Float64Array): Float64Array {
  const counted = scores.filter((score) => score > -Infinity), mean = counted.reduce((sum, score) => sum + score, 0) / counted.length;
  return mean > 0 ? scores.map((score) => score / mean) : scores;
}

/** Indices that are eligible, best first. */
function bestOf(scores: Float64Array, eligible: (at: number) => boolean): Uint32Array {
  return Uint32Array.from(scores.keys()).filter(eligible).sort(byScore(scores));
}

const byScore = (scores: Float64Array) => (a: number, b: number): number => {
  const left = scores[a]!, right = scores[b]!;
  return left > right ? -1 : left < right ? 1 : a - b;
};

function bestOfEachUnit(scores: Float64Array, eligible: (at: number) => boolean, sources: number, units: number, wanted: number): readonly number[] {
  const ranked = Array.from({ length: units }, (_, j) =>
    Array.from({ length: sources }, (__, k) => k * units + j).filter(eligible).sort(byScore(scores)));
  const share = shareOf(ranked.map((ranking) => ranking.length), wanted);
  const kept = ranked.flatMap((ranking) => ranking.slice(0, share));
  const next = ranked.flatMap((ranking) => ranking.slice(share, share + 1)).sort(byScore(scores));
  return [...kept, ...next.slice(0, wanted - kept.length)];
}

/** The largest equal share q with Σ min(alive, q) ≤ wanted. */
function shareOf(alive: readonly number[], wanted: number): number {
  let share = 0, left = wanted;
  const most = Math.max(0, ...alive);
  while (share < most) {
    const takers = alive.filter((count) => count > share).length;
    if (takers > left) break;
    left -= takers;
    share++;
  }
  return share;
}
