/** What evidence adds to the state: sums merge in any order, references are kept up to a bound, the rest is counted. */
import type { Fact } from '../facts.ts';
import { LAMBDAS, mergeDuel } from '../evidence/duel.ts';
import type { Duel } from '../evidence/evidence.ts';
import { mergeTally, EMPTY_TALLY } from '../evidence/tally.ts';
import type { ModelId } from '../model/model.ts';
import type { Gathered, LoopState } from './state.ts';
import { MOMENTS_REFS_MAX, REPLAY_REFS_MAX } from './state.ts';

type Evidence = Extract<Fact, { readonly kind: 'evidence' }>;

/** Keeps the duels and tallies of enlisted models, the moments of the champion and every replay sample. */
export function addEvidence(state: LoopState, fact: Evidence): LoopState {
  const duels = new Map(Object.entries(state.duels));
  const tallies = new Map(Object.entries(state.tallies));
  let dropped = 0;
  for (const [key, duel] of Object.entries(fact.counts.duels)) {
    const [reference = '', candidate = ''] = key.split('|');
    const held = duels.get(key);
    if (known(state, reference) && known(state, candidate) && soundDuel(duel, state.margin)) duels.set(key, held === undefined ? duel : mergeDuel(held, duel));
    else dropped++;
  }
  for (const [key, tally] of Object.entries(fact.counts.tallies)) {
    if (known(state, key.split('|')[0]!) && Object.values(tally).every(Number.isFinite)) tallies.set(key, mergeTally(tallies.get(key) ?? EMPTY_TALLY, tally));
    else dropped++;
  }
  const { moments, replay } = fact;
  return {
    ...state,
    duels: Object.fromEntries(duels),
    tallies: Object.fromEntries(tallies),
    moments: moments !== null && moments.model === state.roster.champion ? keep(state.moments, moments.ref, moments.vectors, MOMENTS_REFS_MAX, (moments.layer ?? 0) > 0) : state.moments,
    replay: replay === null ? state.replay : keep(state.replay, replay.ref, replay.items, REPLAY_REFS_MAX),
    counts: { ...state.counts, evidenceDropped: state.counts.evidenceDropped + dropped },
  };
}

/** The state without the duels of a model: its next place starts with evidence of its own. */
export const withoutDuels = (state: LoopState, model: ModelId): LoopState => ({ ...state, duels: without(state.duels, model) });

/** The state without anything about a model that is retired. */
export const withoutModel = (state: LoopState, model: ModelId): LoopState => ({
  ...state,
  enlisted: state.enlisted.filter((other) => other !== model),
  doubtful: state.doubtful.filter((other) => other !== model),
  duels: without(state.duels, model),
  tallies: without(state.tallies, model),
});

const known = (state: LoopState, model: ModelId): boolean => state.enlisted.includes(model);

/** A reference is counted once; the newest are kept. @param beside kept and not counted: a deeper layer's moments are of the steps that the first one's are of */
function keep(gathered: Gathered, ref: string, count: number, refsMax: number, beside = false): Gathered {
  if (!(count > 0) || gathered.refs.some((kept) => kept.ref === ref)) return gathered;
  const all = [...gathered.refs, { ref, count: beside ? 0 : count }];
  const refs = all.slice(-refsMax);
  return { refs, total: refs.reduce((sum, kept) => sum + kept.count, 0), dropped: gathered.dropped + all.length - refs.length };
}

/** A sum that came through JSON as null (it was infinite) would poison all later ones. */
const soundDuel = (duel: Duel, margin: number): boolean =>
  duel.margin === margin && duel.blocks >= 0 && [duel.certify, duel.harm, duel.harmAtZero].every((sums) => sums.length === LAMBDAS.length) && [duel.sum, duel.squares, ...duel.certify, ...duel.harm, ...duel.harmAtZero].every(Number.isFinite);

const without = <T>(record: Readonly<Record<string, T>>, model: ModelId): Readonly<Record<string, T>> =>
  Object.fromEntries(Object.entries(record).filter(([key]) => !key.split('|').includes(model)));
