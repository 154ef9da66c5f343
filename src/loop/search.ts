/**
 * What the loop takes next: a share of the units, then of the connections, until the goal is reached or every next step
 * was refused. Units go first, since a smaller dense network is faster on any engine. The kept share is halved (of
 * connections: goes down a ladder) while the gate lets it; after a refusal the next one lies between what holds and what
 * did not, as ratios go; the second refusal ends the kind.
 */
import type { Kind } from '../pruning/schedule.ts';
import { densityOf, nextShare } from '../pruning/schedule.ts';
import type { Policy } from './policy.ts';
import type { LoopState } from './state.ts';

/** A density this close to another, relative to it, is the same step of the schedule. */
export const SAME_DENSITY = 0.02;
const REFUSALS_MAX = 2;

/** How far the search has come. Pure data, JSON-safe. */
export interface Search {
  /** Units of the champion, as a share of those that the loop began with. */
  readonly unitShare: number;
  /** By what was to go: the share that was refused last, as above or as a density, and how often any was. */
  readonly refused: Readonly<Partial<Record<Kind, { readonly share: number; readonly times: number }>>>;
}

export const SEARCH_BEGINS: Search = { unitShare: 1, refused: {} };

/** What a trial or a champion stands for in the search. */
export const shareOf = (kind: Kind, { unitShare, density }: { readonly unitShare: number; readonly density: number }): number => (kind === 'unit' ? unitShare : density);

/** Units of all layers. */
export const sumOf = (layers: readonly number[]): number => layers.reduce((sum, units) => sum + units, 0);

/** Notes that a share did not hold; one that takes nothing away says nothing about the next. @param held what the champion keeps */
export function withRefusal(search: Search, kind: Kind, share: number, held: number): Search {
  if (share >= held * (1 - SAME_DENSITY)) return search;
  return { ...search, refused: { ...search.refused, [kind]: { share, times: (search.refused[kind]?.times ?? 0) + 1 } } };
}

export type Next =
  /** An order: the density is a share of the parent's units, or of the connections of its network. */
  | { readonly kind: 'take'; readonly granularity: Kind; readonly density: number }
  | { readonly kind: 'rest'; readonly reason: string };

/**
 * The first density of the cubic schedule clearly below the champion's; the final one where there is none. After a
 * refusal, halfway from the refused density back to the champion's; a champion so won goes on towards the same step.
 */
export function nextDensity({ density, refusedDensity }: Pick<LoopState, 'density' | 'refusedDensity'>, { cycles, density: final }: Pick<Policy, 'cycles' | 'density'>): number {
  if (refusedDensity !== null && refusedDensity < density) return (density + refusedDensity) / 2;
  for (let cycle = 1; cycle < cycles; cycle++) {
    const step = densityOf(cycle, cycles, final);
    if (step < density * (1 - SAME_DENSITY)) return step;
  }
  return Math.min(final, density);
}

/** The next order, or why there is none. A champion that has left the budget is trained again as it is, whatever the search says. */
export function nextTake(state: Pick<LoopState, 'cycle' | 'density' | 'refusedDensity' | 'search' | 'times' | 'drifted'>, policy: Policy): Next {
  const { goal = 'density', granularity = 'connection', cyclesMax, speedup = Infinity } = policy;
  if (state.cycle >= cyclesMax) return { kind: 'rest', reason: `${state.cycle} jobs were ordered, as many as loop.cyclesMax allows` };
  if (goal === 'density') return { kind: 'take', granularity, density: nextDensity(state, policy) };
  if (state.drifted) return { kind: 'take', granularity, density: state.density };
  if (goal === 'speed' && state.times !== null && state.times >= speedup) return { kind: 'rest', reason: `the champion was measured ${state.times.toFixed(1)} times as fast as the anchor; ${speedup} were wanted` };
  const held = { unitShare: state.search.unitShare, density: state.density };
  for (const kind of ['unit', granularity] as const) {
    const refused = state.search.refused[kind];
    if ((refused?.times ?? 0) >= REFUSALS_MAX) continue;
    const kept = shareOf(kind, held), below = refused !== undefined && refused.share < kept ? refused.share : null;
    const share = nextShare(kind, kept, below);
    if (share !== null) return { kind: 'take', granularity: kind, density: kind === 'unit' ? share / held.unitShare : share };
  }
  return { kind: 'rest', reason: 'every next step was refused twice, or is too small to matter' };
}
