// Goal: each place of the ladder leads where the design says. Method: duels made to measure at every place and deadline.
import { describe, expect, it } from 'vitest';
import { EMPTY_STEPS, addBlock, emptyDuel } from '../../src/evidence/duel.ts';
import type { Duel } from '../../src/evidence/evidence.ts';
import type { LadderPolicy, Place } from '../../src/rollout/ladder.ts';
import { stepLadder } from '../../src/rollout/ladder.ts';

const policy: LadderPolicy = { alpha: 0.05, rungs: [{ share: 0.1, blocksMin: 50, msMin: 1000 }, { share: 0.5, blocksMin: 100, msMin: 0 }], trialMsMax: 60_000, probationBlocks: 200, probationMsMax: 30_000 };

const blocks = (n: number, difference: number): Duel => {
  let duel = emptyDuel(0.01);
  for (let at = 0; at < n; at++) duel = addBlock(duel, difference, EMPTY_STEPS);
  return duel;
};
const none = emptyDuel(0.01), harmful = blocks(200, 0.2), healthy = blocks(1500, 0);
const shadow: Place = { kind: 'shadow', since: 0, candidate: 1 };
const rung = (at: number, blocksBefore = 0): Place => ({ kind: 'rung', rung: at, since: 0, blocksBefore });
const probation: Place = { kind: 'probation', since: 0 };
const kindOf = (place: Place, anchor: Duel, now: number, other: Duel | null = null): string => stepLadder(place, { anchor, other }, now, policy).kind;

describe('ladder', () => {
  it('certifies in shadow, whenever the evidence suffices', () => {
    expect(kindOf(shadow, healthy, 10)).toBe('certified');
    expect(kindOf(shadow, blocks(300, 0), 10)).toBe('stay');
    expect(kindOf(shadow, healthy, 1e9)).toBe('certified');
  });

  it('asks more of later candidates', () => {
    const enough = blocks(700, 0);
    expect(kindOf(shadow, enough, 10)).toBe('certified');
    expect(kindOf({ kind: 'shadow', since: 0, candidate: 5 }, enough, 10)).toBe('stay');
  });

  it('gives up without a certificate at the deadline, also where no evidence came at all', () => {
    expect(kindOf(shadow, none, 59_999)).toBe('stay');
    expect(kindOf(shadow, none, 60_000)).toBe('give-up');
    expect(stepLadder(shadow, { anchor: none, other: null }, 60_000, policy).judgement).toMatchObject({ blocks: 0, difference: null });
  });

  it('stops on harm everywhere, against the anchor and against the other', () => {
    for (const place of [shadow, rung(0), rung(1), probation]) {
      expect(kindOf(place, harmful, 10)).toBe('harmful');
      expect(kindOf(place, none, 10, harmful)).toBe('harmful');
    }
    expect(stepLadder(probation, { anchor: none, other: harmful }, 10, policy)).toMatchObject({ reason: expect.stringContaining('predecessor'), judgement: { blocks: 200 } });
  });

  it('only warns of a loss within the margin', () => {
    const small = blocks(3000, 0.009);
    expect(stepLadder(rung(0, 2990), { anchor: small, other: null }, 10, policy)).toMatchObject({ kind: 'stay', harmAtZero: true });
    expect(stepLadder(rung(0), { anchor: none, other: null }, 10, policy).harmAtZero).toBe(false);
  });

  it('climbs after both blocks and time, and promotes after the last rung', () => {
    expect(kindOf(rung(0), blocks(50, 0), 999)).toBe('stay');
    expect(kindOf(rung(0), blocks(49, 0), 1000)).toBe('stay');
    expect(kindOf(rung(0), blocks(50, 0), 1000)).toBe('climb');
    expect(kindOf(rung(1, 50), blocks(149, 0), 1000)).toBe('stay');
    expect(kindOf(rung(1, 50), blocks(150, 0), 1000)).toBe('promote');
  });

  it('never climbs without traffic, and does not wait for it for ever', () => {
    expect(kindOf(rung(0), none, 60_999)).toBe('stay');
    expect(kindOf(rung(0), none, 61_000)).toBe('give-up');
  });

  it('ends the probation by blocks of the predecessor or by time', () => {
    expect(kindOf(probation, blocks(500, 0), 10, blocks(199, 0))).toBe('stay');
    expect(kindOf(probation, none, 10, blocks(200, 0))).toBe('keep');
    expect(kindOf(probation, blocks(200, 0), 10)).toBe('keep');
    expect(kindOf(probation, none, 30_000)).toBe('keep');
  });
});
