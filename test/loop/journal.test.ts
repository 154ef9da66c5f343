// Goal: the journal's records are read back as written, and nothing else is read. Method: round trips and damaged records.
import { describe, expect, it } from 'vitest';
import type { Fact } from '../../src/facts.ts';
import { decodeFact, encodeFact, isJournalled, replay } from '../../src/loop/journal.ts';
import { fold } from '../../src/loop/fold.ts';
import { startFact } from '../../src/loop/state.ts';
import { codeOf } from '../../src/errors.ts';
import { enough, fact, fresh } from './support.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const codeFrom = (work: () => unknown): string | undefined => { try { work(); } catch (error) { return codeOf(error); } return undefined; };

describe('journal', () => {
  it('reads back what it wrote', () => {
    const one = fact(enough('dense'));
    expect(decodeFact(encodeFact(one))).toEqual(one);
  });

  it.each([
    ['no JSON', '{'], ['no object', '1'], ['null', 'null'], ['another version', JSON.stringify({ ...fact(enough('a')), v: 2 })], ['no version', '{"kind":"evidence"}'],
    ['no time', '{"v":1,"kind":"evidence","instance":"a"}'], ['a kind that is not journalled', JSON.stringify(fact({ kind: 'tick' }))], ['an unknown kind', JSON.stringify({ ...fact({ kind: 'tick' }), kind: 'other' })],
  ])('refuses %s', (_, text) => { expect(codeFrom(() => decodeFact(bytes(text)))).toBe('log-corrupt'); });

  it('refuses what is not UTF-8', () => { expect(codeFrom(() => decodeFact(Uint8Array.of(0x22, 0xff, 0x22)))).toBe('log-corrupt'); });

  it('replays an empty journal to nothing, and one without its beginning not at all', () => {
    expect(replay([])).toBeNull();
    expect(codeFrom(() => replay([encodeFact(fact(enough('dense')))]))).toBe('log-corrupt');
  });

  it('starts over where a journal says so', () => {
    const start = startFact(fresh(), 5, 'test');
    expect(replay([start, fact(enough('dense')), start].map(encodeFact))).toEqual(fold(fresh(), start));
    expect(replay([encodeFact(start)])?.begun).toBe(5);
  });

  it('keeps what the fold uses and nothing else', () => {
    expect(isJournalled(fact(enough('dense')))).toBe(true);
    const state = fresh();
    const idle: Fact[] = [fact({ kind: 'tick' }), fact({ kind: 'queues', waiting: 1, shadowWaiting: 0, unsettled: 0, unsettledMax: 1, sessions: 1, pendingLabels: 0 }), fact({ kind: 'failed', where: 'x', code: 'engine-failed', reason: '' })];
    for (const one of idle) { expect(isJournalled(one)).toBe(false); expect(fold(state, one)).toBe(state); }
    expect(fold(state, { ...fact({ kind: 'tick' }), kind: 'from-the-future' } as unknown as Fact)).toBe(state);
  });
});
