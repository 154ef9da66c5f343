// Goal: evidence adds up in any order, within its bounds, and bad parts of it are left out and counted. Method: examples and a property over shuffled reports.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { duelKey } from '../../src/evidence/evidence.ts';
import { fold } from '../../src/loop/fold.ts';
import type { LoopState } from '../../src/loop/state.ts';
import { MOMENTS_REFS_MAX, REPLAY_REFS_MAX } from '../../src/loop/state.ts';
import { NO_LABELS, blocks, evidence, fact, fresh } from './support.ts';

const start: LoopState = { ...fresh(), enlisted: ['dense', 'small'] };
const key = duelKey('dense', 'small');

describe('evidence in the state', () => {
  it('merges the duels of a pair in any order', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.constantFrom(0, 0.01, -0.1)), { minLength: 1, maxLength: 8 }), (parts) => {
      const reports = parts.map(([n, d]) => fact(evidence([['dense', 'small', blocks(n, d)]])));
      const one = reports.reduce(fold, start).duels[key]!, other = reports.toReversed().reduce(fold, start).duels[key]!;
      expect(one.blocks).toBe(parts.reduce((sum, [n]) => sum + n, 0));
      expect(one.blocks).toBe(other.blocks);
      one.certify.forEach((sum, at) => { expect(sum).toBeCloseTo(other.certify[at]!, 10); });
    }));
  });

  it('leaves out and counts models not enlisted, other margins and damaged sums', () => {
    const sound = blocks(5, 0);
    const state = fold(start, fact(evidence([
      ['dense', 'stranger', sound], ['small', 'dense', blocks(5, 0, 0.02)], ['dense', 'small', { ...sound, certify: [null as unknown as number, 0, 0, 0, 0, 0] }], ['dense', 'dense', { ...sound, harm: [0] }],
    ])));
    expect(state).toMatchObject({ duels: {}, counts: { evidenceDropped: 4 } });
  });

  it('adds tallies of enlisted models', () => {
    const tally = { requests: 2, steps: 20, correct: 18, confidence: 1.5 };
    const report = fact({ kind: 'evidence', counts: { tallies: { 'dense|champion': tally, 'stranger|champion': tally }, duels: {}, labels: NO_LABELS }, moments: null, replay: null, momentsCpuMs: 0 });
    expect([report, report].reduce(fold, start)).toMatchObject({ tallies: { 'dense|champion': { requests: 4, steps: 40, correct: 36, confidence: 3 } }, counts: { evidenceDropped: 2 } });
  });

  it('keeps the newest references, counts the others, and none twice', () => {
    let state = start;
    for (let at = 0; at < REPLAY_REFS_MAX + 10; at++) state = fold(state, fact(evidence([], { model: 'dense', ref: String(at), vectors: 2, items: 3 })));
    expect(state.moments).toMatchObject({ total: 2 * MOMENTS_REFS_MAX, dropped: REPLAY_REFS_MAX + 10 - MOMENTS_REFS_MAX });
    expect(state.replay).toMatchObject({ total: 3 * REPLAY_REFS_MAX, dropped: 10 });
    expect(state.replay.refs.at(-1)).toEqual({ ref: `replay-${REPLAY_REFS_MAX + 9}`, count: 3 });
    expect(fold(state, fact(evidence([], { model: 'dense', ref: String(REPLAY_REFS_MAX + 9), vectors: 2, items: 3 }))).replay).toEqual(state.replay);
  });
});
