/** Which connections stay, from their scores. */
import { assert } from '../errors.ts';
import type { LayerMask, Mask } from '../model/shape.ts';
import type { RankingScope } from './job.ts';

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
 * few alive cannot use goes to the others.
 */
export function choose({ scores, mask, sources, units, density, scope, regrow = false }: Choice): LayerMask {
  assert(scores.length === sources * units && mask.length === scores.length, 'scores and mask are [sources, units]');
  assert(density >= 0 && density <= 1, 'density lies in 0 to 1');
  assert(!scores.some(Number.isNaN), 'scores are numbers');
  const wanted = Math.round(density * scores.length);
  const eligible = (at: number): boolean => scores[at]! > -Infinity && (regrow || mask[at] === 1);
  const kept = scope === 'network' ? bestOf(scores, eligible).slice(0, wanted) : bestOfEachUnit(scores, eligible, sources, units, wanted);
  const chosen = new Uint8Array(scores.length);
  for (const at of kept) chosen[at] = 1;
  return chosen;
}

/**
 * The same for all layers together. Scope network is one ranking over the connections of all layers, each score divided
 * by the mean of its layer: a layer may keep more than another, but none dies because its activity is small as a whole
 * (layer collapse; Tanaka et al. 2020), which raw scores did to the inputs of a stack. Scope unit gives each layer its share.
 */
export function chooseAll(layers: readonly Pick<Choice, 'scores' | 'mask' | 'sources' | 'units'>[], { density, scope, regrow = false }: Pick<Choice, 'density' | 'scope' | 'regrow'>): Mask {
  if (scope === 'unit' || layers.length === 1) return layers.map((layer) => choose({ ...layer, density, scope, regrow }));
  const lengths = layers.map(({ mask }) => mask.length), all = lengths.reduce((sum, length) => sum + length, 0);
  const scores = new Float64Array(all), mask = new Uint8Array(all);
  let end = 0;
  const starts = lengths.map((length, at) => {
    scores.set(relative(layers[at]!.scores), end);
    mask.set(layers[at]!.mask, end);
    end += length;
    return end - length;
  });
  const chosen = choose({ scores, mask, sources: all, units: 1, density, scope, regrow });
  return starts.map((start, at) => chosen.slice(start, start + lengths[at]!));
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
