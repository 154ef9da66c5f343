// Goal: scripted traffic is the same for the same seed, ordered, and as chaotic as its plan says. Method: plans with single shares set, and counting.
import { describe, expect, it } from 'vitest';
import type { WorldPlan, WorldShares } from '../../src/traffic/world.ts';
import { TOKENS_PER_PHASE, labelName, phaseAt, phaseOfToken, scriptTraffic, truthOf } from '../../src/traffic/world.ts';

const NONE: WorldShares = { lost: 0, late: 0, early: 0, doubledLabel: 0, conflict: 0, doubledRequest: 0, unreadable: 0 };
const PLAN: WorldPlan = {
  seed: 1, startMs: 1_000_000, lengthMs: 20_000, rate: 50, openSessions: 5, sessionRequestsMax: 6, stepsMax: 3, phases: 2, outputs: 4,
  burst: 1, burstMs: 1000, burstEveryMs: 10_000, labelMs: 100, lateMs: 5000, shares: NONE,
};
const planOf = (change: Partial<WorldPlan>, shares: Partial<WorldShares> = {}): WorldPlan => ({ ...PLAN, ...change, shares: { ...NONE, ...shares } });
interface Sent { readonly id: string; readonly session: string; readonly sequence: number; readonly tokens: readonly number[]; readonly target: readonly string[] }
const sent = (plan: WorldPlan, topic: 'requests' | 'labels'): readonly Sent[] =>
  scriptTraffic(plan).emissions.filter((emission) => emission.topic === topic).map(({ value }) => JSON.parse(value) as Sent);

describe('scripted traffic', () => {
  it('is the same for the same seed and another for another', () => {
    const chaos = planOf({}, { lost: 0.1, late: 0.1, doubledLabel: 0.1, conflict: 0.1, doubledRequest: 0.1, unreadable: 0.1 });
    expect(scriptTraffic(chaos)).toEqual(scriptTraffic(chaos));
    expect(scriptTraffic({ ...chaos, seed: 2 })).not.toEqual(scriptTraffic(chaos));
  });
  it('comes in the order of time, each session in its own, with true labels for every step', () => {
    const { emissions, requests } = scriptTraffic(PLAN);
    expect(emissions.map(({ at }) => at)).toEqual(emissions.map(({ at }) => at).sort((a, b) => a - b));
    const next = new Map<string, number>();
    for (const { session, sequence } of sent(PLAN, 'requests')) {
      expect(sequence).toBe(next.get(session) ?? 0);
      next.set(session, sequence + 1);
    }
    const labels = new Map(sent(PLAN, 'labels').map((label) => [label.id, label.target]));
    expect(labels.size).toBe(requests.length);
    for (const { id, tokens } of sent(PLAN, 'requests')) expect(labels.get(id)).toEqual(tokens.map((token) => labelName(truthOf(token, 4))));
  });
  it('drifts from phase to phase', () => {
    const tokens = new Map(sent(PLAN, 'requests').map(({ id, tokens: ids }) => [id, ids]));
    for (const { id, phase, at } of scriptTraffic(PLAN).requests) {
      expect(phase).toBe(phaseAt(PLAN, at));
      expect(new Set(tokens.get(id)!.map(phaseOfToken))).toEqual(new Set([phase]));
    }
    expect(TOKENS_PER_PHASE * 2).toBeGreaterThan(Math.max(...[...tokens.values()].flat()));
  });
  it('bursts', () => {
    const { requests } = scriptTraffic(planOf({ burst: 10 }));
    const inBurst = requests.filter(({ at }) => (at - PLAN.startMs) % 10_000 < 1000).length;
    expect(inBurst).toBeGreaterThan(requests.length / 3);
  });
  it.each([
    ['lost', 0, 1], ['doubledLabel', 2, 1], ['conflict', 2, 1], ['doubledRequest', 1, 2], ['late', 1, 1], ['early', 1, 1],
  ] as const)('with every %s it sends %i labels and %i requests for each', (share, labels, copies) => {
    const plan = planOf({}, { [share]: 1 });
    const { requests } = scriptTraffic(plan);
    expect(sent(plan, 'labels').length).toBe(labels * requests.length);
    expect(sent(plan, 'requests').length).toBe(copies * requests.length);
  });
  it('counts what nobody can read', () => {
    const { emissions, requests, unreadable } = scriptTraffic(planOf({}, { unreadable: 0.5 }));
    expect(unreadable).toBeGreaterThan(requests.length / 4);
    expect(emissions.filter(({ topic }) => topic === 'requests').length).toBe(requests.length + unreadable);
  });
});
