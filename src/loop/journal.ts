/**
 * The journal's records: one fact each, as JSON in UTF-8. What the fold uses is kept, and nothing else; ticks, batches
 * and progress are not. Replaying the records gives the state again, byte for byte.
 *
 * After a restart the open orders of the replayed state are given out again (`drive`): a tuning job starts anew, enlist,
 * route and retire are idempotent. Those past their deadline expire at the first tick instead.
 */
import { EspalierError } from '../errors.ts';
import type { Fact } from '../facts.ts';
import { FOLDED, fold, isFolded } from './fold.ts';
import type { LoopState } from './state.ts';
import { emptyState } from './state.ts';

/** The version of facts that this program reads and writes. */
export const FACTS_VERSION = 1;

export const isJournalled = isFolded;

export const encodeFact = (fact: Fact): Uint8Array => new TextEncoder().encode(JSON.stringify(fact));

/** Throws log-corrupt for what is no fact, or one of another version. */
export function decodeFact(bytes: Uint8Array): Fact {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new EspalierError('log-corrupt', 'A journal record is not JSON.', cause);
  }
  const fact = (typeof value === 'object' && value !== null ? value : {}) as Partial<Fact>;
  if (fact.v !== FACTS_VERSION) throw new EspalierError('log-corrupt', `A journal record has version ${JSON.stringify(fact.v) ?? 'none'}; this program reads ${FACTS_VERSION}.`);
  if (!(FOLDED as readonly unknown[]).includes(fact.kind) || !Number.isFinite(fact.at) || typeof fact.instance !== 'string') {
    throw new EspalierError('log-corrupt', 'A journal record is not a fact of the journal.');
  }
  return fact as Fact;
}

/** The state that a journal tells of; null for an empty one. Throws log-corrupt, also where the beginning is missing. */
export function replay(records: Iterable<Uint8Array>): LoopState | null {
  let state: LoopState | null = null;
  for (const record of records) {
    const fact = decodeFact(record);
    if (fact.kind === 'loop-started') state = fold(emptyState(fact.roster, fact.density, fact), fact);
    else if (state === null) throw new EspalierError('log-corrupt', `The journal begins with ${fact.kind}, not with loop-started.`);
    else state = fold(state, fact);
  }
  return state;
}
