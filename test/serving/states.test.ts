// Goal: session states are bounded, exact in position, and survive as records. Method: examples, and properties over random use and bytes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memoryLog } from '../../src/adapters/log/memory.ts';
import { simulatedClock } from '../../src/adapters/clock/simulated.ts';
import { decodeState, encodeState, recoverStates } from '../../src/serving/state-record.ts';
import type { SessionState } from '../../src/serving/states.ts';
import { SessionStates } from '../../src/serving/states.ts';

const state = (model: string, position: number): SessionState => ({ model, position, h: Float32Array.of(position, 0.5), c: Float32Array.of(-position, 2) });
const LIMITS = { sessionsMax: 3, sessionIdleMsMax: 100 };

describe('the states of sessions', () => {
  it('are given out to a model only at the position that it has reached', () => {
    const states = new SessionStates(LIMITS);
    expect(states.answering('s')).toBeNull();
    states.answered('s', state('a', 1), 0);
    states.shadowed('s', state('b', 1));
    expect(states.of('s', 'b', 1)).toEqual(state('b', 1));
    states.answered('s', state('a', 2), 0);
    expect(states.of('s', 'b', 2)).toBeNull();
    expect(states.of('s', 'a', 2)).toEqual(state('a', 2));
  });

  it('keep the former answering model, so that it may go on in shadow', () => {
    const states = new SessionStates(LIMITS);
    states.answered('s', state('a', 1), 0);
    states.answered('s', state('b', 2), 0);
    expect(states.answering('s')).toEqual(state('b', 2));
    expect(states.of('s', 'a', 1)).toEqual(state('a', 1));
    states.keepOnly(new Set(['b']));
    expect(states.of('s', 'a', 1)).toBeNull();
  });

  it('are not set back by a late shadow', () => {
    const states = new SessionStates(LIMITS);
    states.answered('s', state('a', 3), 0);
    states.shadowed('s', state('b', 3));
    states.shadowed('s', state('b', 2));
    states.shadowed('s', state('a', 2));
    expect(states.of('s', 'b', 3)).not.toBeNull();
    expect(states.answering('s')).toEqual(state('a', 3));
  });

  it('are evicted by number, the least recently used first, and by age', () => {
    const states = new SessionStates(LIMITS);
    for (const [at, session] of ['s', 't', 'u', 's', 'v'].entries()) states.answered(session, state('a', 1), at);
    expect(states.answering('t')).toBeNull();
    expect(states.answering('s')).not.toBeNull();
    states.sweep(103);
    expect(states.size).toBe(2);
    expect(states.takeEvictions()).toEqual({ age: 1, number: 1 });
    expect(states.takeEvictions()).toEqual({ age: 0, number: 0 });
  });

  it('never exceed their number', () => {
    fc.assert(fc.property(fc.array(fc.nat(9)), (sessions) => {
      const states = new SessionStates(LIMITS);
      for (const [at, session] of sessions.entries()) states.answered(`s${session}`, state('a', 1), at);
      expect(states.size).toBe(Math.min(3, new Set(sessions).size));
      for (const session of [...new Set([...sessions].reverse())].slice(0, 3)) expect(states.answering(`s${session}`)).not.toBeNull();
    }));
  });
});

describe('a state record', () => {
  const float = fc.float({ noNaN: true, noDefaultInfinity: true });
  const record = fc.record({ session: fc.string({ unit: 'grapheme' }), model: fc.string({ unit: 'grapheme' }), position: fc.nat(), numbers: fc.array(fc.tuple(float, float)) });

  it('reads back as it was written', () => {
    fc.assert(fc.property(record, ({ session, model, position, numbers }) => {
      const written = { model, position, h: Float32Array.from(numbers, ([h]) => h), c: Float32Array.from(numbers, ([, c]) => c) };
      expect(decodeState(encodeState(session, written))).toEqual({ session, state: written });
    }));
  });

  it('is refused when cut, lengthened or not one at all', () => {
    const bytes = encodeState('session', state('model', 3));
    for (let length = 0; length < bytes.length; length++) expect(decodeState(bytes.subarray(0, length))).toBeNull();
    expect(decodeState(Uint8Array.from([...bytes, 0]))).toBeNull();
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (value) => { expect(decodeState(value)).toBeNull(); }));
    expect(decodeState(encodeState('s', { model: 'm', position: 1, h: Float32Array.of(NaN), c: Float32Array.of(0) }))).toBeNull();
  });

  it('recovers the latest state of each session, without idle and damaged ones', async () => {
    const clock = simulatedClock(1_000);
    const log = memoryLog(clock);
    const put = (session: string, value: Uint8Array): Promise<void> => log.append([{ topic: 'states', key: session, value }]);
    await put('old', encodeState('old', state('a', 1)));
    await clock.advance(101);
    await put('s', encodeState('s', state('a', 1)));
    await put('t', encodeState('t', state('a', 4)));
    await put('s', encodeState('s', state('b', 2)));
    await put('broken', Uint8Array.of(1, 2, 3));
    const states = new SessionStates(LIMITS);
    expect(await recoverStates(log, states, clock.now(), LIMITS)).toBe(1);
    expect(states.answering('s')).toEqual(state('b', 2));
    expect(states.answering('t')).toEqual(state('a', 4));
    expect(states.answering('old')).toBeNull();
  });
});
