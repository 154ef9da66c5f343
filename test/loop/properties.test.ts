// Goal: the invariants of the loop on any sequence of facts, true, late, doubled or invented. Method: fast-check drives decide; the journal of each run is replayed.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fact, Happening } from '../../src/facts.ts';
import { decide } from '../../src/loop/decide.ts';
import { encodeFact, isJournalled, replay } from '../../src/loop/journal.ts';
import type { Order } from '../../src/loop/orders.ts';
import type { Policy } from '../../src/loop/policy.ts';
import type { LoopState } from '../../src/loop/state.ts';
import { DECISIONS_MAX, DOUBTFUL_MAX, MOMENTS_REFS_MAX, startFact } from '../../src/loop/state.ts';
import { fold } from '../../src/loop/fold.ts';
import { modelsOf } from '../../src/rollout/roster.ts';
import { blocks, enough, evidence, fact, fresh, policy, report, sizeOf } from './support.ts';

const GOALS: readonly Policy[] = (['density', 'loss', 'speed'] as const).map((goal) => ({ ...policy, goal, speedup: 4, cyclesMax: 1000 }));
const MODELS = ['dense', 'm1', 'm2', 'm3', 'm4'];
const DUELS = [blocks(1500, 0), blocks(400, 0), blocks(300, 0.2), blocks(30, 0), blocks(5, 0.02, 0.02)];

/** What happens next: an answer to some order (open, or long gone), evidence, a command, time, or nonsense. */
type Move = { readonly kind: 'answer' | 'fail' | 'late' | 'evidence' | 'enough' | 'command' | 'wait' | 'nonsense'; readonly a: number; readonly b: number };
const moves = fc.array(fc.record<Move>({
  kind: fc.oneof({ weight: 12, arbitrary: fc.constant('answer' as const) }, { weight: 5, arbitrary: fc.constant('evidence' as const) }, { weight: 5, arbitrary: fc.constantFrom('enough' as const, 'wait' as const) }, { weight: 1, arbitrary: fc.constantFrom('fail' as const, 'late' as const, 'command' as const, 'nonsense' as const) }),
  a: fc.nat(1000), b: fc.nat(1000),
}), { minLength: 1, maxLength: 150, size: 'max' });

const pick = <T>(list: readonly T[], at: number): T => list[at % list.length]!;

function answerTo(order: Order, b: number): Happening {
  switch (order.kind) {
    case 'tune': return { kind: 'job-done', order: order.order, candidate: { job: order.job.id, model: b % 9 === 0 ? pick(MODELS, b) : `c${order.job.cycle}`, report: report({ ...sizeOf(order.job), parity: b % 7 === 0 ? 1 : 0 }) } };
    case 'enlist': return { kind: 'enlisted', order: order.order, model: order.model, engine: 'test', ms: 1, parity: 0, ...(b % 3 === 0 ? {} : { times: 1 + b % 7 }) };
    case 'route': return { kind: 'routed', order: order.order, roster: order.roster, swapMs: 1 };
    case 'retire': return { kind: 'retired', order: order.order, model: order.model };
  }
}

function happeningOf({ kind, a, b }: Move, state: LoopState, given: readonly Order[]): Happening {
  const { anchor, challenger, champion, predecessor } = state.roster;
  switch (kind) {
    case 'answer': return state.orders.length === 0 ? { kind: 'tick' } : answerTo(pick(state.orders, a), b);
    case 'late': return given.length === 0 ? { kind: 'tick' } : answerTo(pick(given, a), b);
    case 'fail': return state.orders.length === 0 ? { kind: 'tick' } : { kind: 'order-failed', order: pick(state.orders, a).order, code: 'engine-failed', reason: 'test' };
    case 'evidence': return evidence([[a % 4 === 0 ? predecessor ?? anchor : anchor, challenger ?? champion, pick(DUELS, b)]]);
    case 'enough': return enough(champion, String(a));
    case 'command': return { kind: 'command', command: pick(['pause', 'resume', 'resume', 'promote', 'abort'] as const, a), by: 'test' };
    case 'nonsense': return pick<Happening>([
      { kind: 'enlisted', order: 'x', model: pick(MODELS, b), engine: 'test', ms: 1, parity: 0 },
      { kind: 'retired', order: 'x', model: pick(MODELS, b) },
      { kind: 'ordered', order: { kind: 'retire', order: 'x', deadline: 1, model: 'dense' } },
      evidence([[pick(MODELS, a), pick(MODELS, b), DUELS[0]!]]),
      { kind: 'queues', waiting: 1, shadowWaiting: 0, unsettled: 0, unsettledMax: 1, sessions: 1, pendingLabels: 0 },
    ], a);
    case 'wait': return { kind: 'tick' };
  }
}

interface Run { readonly state: LoopState; readonly journal: readonly Fact[] }

/** Runs the moves and calls `check` after each decision. */
function run(sequence: readonly Move[], check: (before: LoopState, after: ReturnType<typeof decide>) => void): Run {
  const loose = pick(GOALS, sequence.length);
  const start = startFact(fresh({ cyclesMax: 1000 }), 0, 'test');
  let state = fold(fresh({ cyclesMax: 1000 }), start);
  const journal: Fact[] = [start];
  const given: Order[] = [];
  let at = 1000;
  for (const move of sequence) {
    at += move.kind !== 'wait' ? move.b % 300 : move.a % 12 === 0 ? 125_000 : 2500;
    const happened = fact(happeningOf(move, state, given), at);
    const decided = decide(state, happened, loose);
    check(state, decided);
    // What the loop itself says comes from decide alone; from outside it is ignored and so not journalled.
    if (decided.state !== state) journal.push(...[happened].filter(isJournalled), ...decided.facts);
    given.push(...decided.orders);
    state = decided.state;
  }
  return { state, journal };
}

const settings = { numRuns: 150, seed: 3 };

describe('the loop, whatever happens', () => {
  it('never routes a model that was not enlisted, never retires one in the roster, never the anchor', () => {
    fc.assert(fc.property(moves, (sequence) => {
      run(sequence, (_, { state, orders }) => {
        for (const order of orders) {
          if (order.kind === 'route') for (const model of modelsOf(order.roster)) expect(state.enlisted).toContain(model);
          if (order.kind === 'retire') {
            expect(modelsOf(state.roster)).not.toContain(order.model);
            expect(state.orders.some((open) => open.kind === 'route' && modelsOf(open.roster).includes(order.model))).toBe(false);
          }
        }
        for (const model of modelsOf(state.roster)) expect(state.enlisted).toContain(model);
        expect(state.enlisted).toContain('dense');
      });
    }), settings);
  });

  it('has one tuning job and one route order at most, rising roster versions, a deadline on every order', () => {
    fc.assert(fc.property(moves, (sequence) => {
      let version = 1;
      const names = new Set<string>();
      run(sequence, (before, { state, orders }) => {
        expect(state.orders.filter(({ kind }) => kind === 'tune').length).toBeLessThanOrEqual(1);
        expect(state.orders.filter(({ kind }) => kind === 'route').length).toBeLessThanOrEqual(1);
        for (const order of orders) {
          expect(names).not.toContain(order.order);
          names.add(order.order);
          expect(order.deadline).toBeGreaterThan(0);
          expect(before.orders).not.toContain(order);
          if (order.kind === 'route') { expect(order.roster.version).toBeGreaterThan(version); version = order.roster.version; }
        }
      });
    }), settings);
  });

  it('stays bounded', () => {
    fc.assert(fc.property(moves, (sequence) => {
      const { state } = run(sequence, () => undefined);
      expect(state.orders.length).toBeLessThanOrEqual(24);
      expect(state.enlisted.length).toBeLessThanOrEqual(8);
      expect(state.doubtful.length).toBeLessThanOrEqual(DOUBTFUL_MAX);
      expect(state.moments.refs.length).toBeLessThanOrEqual(MOMENTS_REFS_MAX);
      expect(state.decisions.length).toBeLessThanOrEqual(DECISIONS_MAX);
      expect(Object.keys(state.duels).length).toBeLessThanOrEqual(8 * 8);
    }), settings);
  });

  it('is its journal: replayed from bytes it is the same', () => {
    fc.assert(fc.property(moves, (sequence) => {
      const { state, journal } = run(sequence, () => undefined);
      expect(JSON.parse(JSON.stringify(replay(journal.map(encodeFact))))).toEqual(JSON.parse(JSON.stringify(state)));
    }), settings);
  });

  it('is reached at all: the moves lead to promotions, refusals and returns', () => {
    const seen = new Set<string>();
    fc.assert(fc.property(moves, (sequence) => {
      run(sequence, (_, { facts }) => { for (const own of facts) if (own.kind === 'decided') seen.add(own.outcome); });
    }), settings);
    expect([...seen].sort()).toEqual(['candidate-failed', 'certified', 'kept', 'not-enough-evidence', 'promoted', 'refused', 'rolled-back']);
  });
});
