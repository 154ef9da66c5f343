// Goal: answers and labels are joined whatever comes first, counted once, and blocks give the right D. Method: examples by hand, and a property against a plain model.
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { duelKey, tallyKey } from '../../src/evidence/evidence.ts';
import { pairsOf } from '../../src/serving/blocks.ts';
import { Judge } from '../../src/serving/judge.ts';
import type { Answer, Inference, Shadow, Ticket, Work } from '../../src/serving/work.ts';
import { LIMITS, rosterOf, sampleModel, ticketOf } from './samples.ts';

const [A, B, C] = ['a', 'b', 'c'].map((id, seed) => sampleModel(id, seed)) as [ReturnType<typeof sampleModel>, ReturnType<typeof sampleModel>, ReturnType<typeof sampleModel>];
const ROSTER = rosterOf({ champion: 'a', challenger: 'b', anchor: 'c', shadow: 1, anchorShare: 1 });
const SHADOWS: readonly Shadow[] = [{ role: 'challenger', model: B }, { role: 'anchor', model: C }];
const MARGIN = 0.01;

let judge: Judge;
let ids = 0;
beforeEach(() => { judge = new Judge(LIMITS, MARGIN); });

const ticket = (session: string, block: string, shadows = SHADOWS): Ticket => ticketOf(A, session, block, { shadows, roster: ROSTER, id: `q${ids++}` });
const workOf = (t: Ticket, shadow?: Shadow): Work => (shadow === undefined ? { ticket: t, role: t.arm, model: t.model, live: true } : { ticket: t, ...shadow, live: false });
const answer = (work: Work, labels: readonly number[], fresh = false): Answer => ({ work, answer: { labels: Int32Array.from(labels), confidence: 0.5, h: new Float32Array(0), c: new Float32Array(0) }, fresh, state: null });
const inference = (answers: readonly Answer[], missed: { readonly failed?: readonly Work[]; readonly dropped?: readonly Work[] } = {}): Inference => {
  const work = [...answers.map((each) => each.work), ...missed.failed ?? [], ...missed.dropped ?? []][0]!;
  return {
    batch: { model: work.model, role: work.role, live: work.live, works: [], dropped: missed.dropped ?? [] },
    answers, failures: (missed.failed ?? []).map((each) => ({ work: each, reason: 'x' })), failed: null, activity: null, steps: 1, kernelMs: 0, waitMsMax: 0, carried: new Map(),
  };
};
const live = (t: Ticket, labels: readonly number[], now = 0, fresh = false): void => { judge.answered(inference([answer(workOf(t), labels, fresh)]), now); };
const shadow = (t: Ticket, which: Shadow, labels: readonly number[]): void => { judge.answered(inference([answer(workOf(t, which), labels)]), 0); };
const label = (t: Ticket, target: readonly number[], now = 0, session = t.request.session): void => { judge.label({ id: t.request.id, session, target: Int32Array.from(target), at: 0 }, now); };
/** Answers of champion, challenger and anchor, and the label. */
const whole = (t: Ticket, target: readonly number[], a: readonly number[], b: readonly number[], c: readonly number[]): void => {
  live(t, a);
  shadow(t, SHADOWS[0]!, b);
  shadow(t, SHADOWS[1]!, c);
  label(t, target);
};
const NONE = { joined: 0, late: 0, duplicate: 0, conflict: 0, orphan: 0, expired: 0, invalid: 0 };

describe('labels', () => {
  const alone = (session = 's'): Ticket => ticket(session, `${session}${ids}`, []);

  it('join after the answer, with their delay, and before it', () => {
    const [first, second] = [alone('s'), alone('t')];
    live(first, [0, 1], 100);
    label(first, [0, 0], 140);
    label(second, [1, 1], 150);
    live(second, [1, 1], 160);
    const { counts, delayMsSum } = judge.take();
    expect(counts.labels).toEqual({ ...NONE, joined: 2 });
    expect(delayMsSum).toBe(40);
    expect(counts.tallies).toEqual({ [tallyKey('a', 'champion')]: { requests: 2, steps: 4, correct: 3, confidence: 1 } });
    expect(judge.take().counts).toEqual({ tallies: {}, duels: {}, labels: NONE });
  });

  it('count once: the same again is a duplicate, another one a conflict, early, while it waits and afterwards', () => {
    const t = alone();
    for (const target of [[0, 1], [0, 1], [1, 1]]) label(t, target);
    live(t, [0, 1]);
    for (const target of [[0, 1], [1, 1]]) label(t, target);
    judge.sweep(LIMITS.blockIdleMs + 1);
    expect(judge.pending).toBe(0);
    for (const target of [[0, 1], [1, 1]]) label(t, target);
    expect(judge.take().counts.labels).toEqual({ ...NONE, joined: 1, duplicate: 3, conflict: 3 });
  });

  it('expire, come late, or belong to nothing', () => {
    const [t, other] = [alone('s'), alone('t')];
    live(t, [0, 1], 0);
    label(other, [0, 0], 0);
    judge.sweep(LIMITS.labelWaitMs);
    expect(judge.take().counts.labels).toEqual(NONE);
    judge.sweep(LIMITS.labelWaitMs + 1);
    label(t, [0, 1], LIMITS.labelWaitMs + 2);
    expect(judge.take().counts.labels).toEqual({ ...NONE, expired: 1, late: 1, orphan: 1 });
    expect(judge.pending).toBe(0);
  });

  it('come late too where the rest of the block is still open', () => {
    const first = ticket('s', 'b', []), second = ticket('s', 'b', []);
    live(first, [0, 1], 0);
    live(second, [0, 1], LIMITS.labelWaitMs);
    judge.sweep(LIMITS.labelWaitMs + 1);
    label(first, [0, 1], LIMITS.labelWaitMs + 1);
    expect(judge.take().counts.labels).toEqual({ ...NONE, expired: 1, late: 1 });
  });

  it('of a wrong length or session do not count, and a right one may follow', () => {
    const t = alone();
    live(t, [0, 1]);
    label(t, [0]);
    label(t, [0, 1], 0, 'another');
    label(t, [0, 1]);
    judge.invalid();
    expect(judge.take().counts.labels).toEqual({ ...NONE, joined: 1, invalid: 2, orphan: 1 });
  });

  it('never make the table exceed its limit, and everything is accounted for', () => {
    const limits = { ...LIMITS, pendingMax: 20 };
    fc.assert(fc.property(fc.array(fc.record({ request: fc.nat(60), kind: fc.constantFrom('answer', 'label'), wait: fc.nat(3_000) }), { maxLength: 150 }), (events) => {
      judge = new Judge(limits, MARGIN);
      const all = Array.from({ length: 61 }, (_, n) => ticket(`s${n % 5}`, `s${n % 5}/${Math.floor(n / 15)}`, []));
      const answered = new Set<number>();
      let now = 0, labels = 0;
      for (const { request, kind, wait } of events) {
        now += wait;
        judge.sweep(now);
        if (kind === 'label') {
          label(all[request]!, [0, 1], now);
          labels++;
        } else if (!answered.has(request)) {
          answered.add(request);
          live(all[request]!, [0, 1], now);
        }
        expect(judge.pending).toBeLessThanOrEqual(limits.pendingMax);
      }
      judge.flush();
      expect(judge.pending).toBe(0);
      const { joined, late, duplicate, conflict, orphan, expired, invalid } = judge.take().counts.labels;
      expect(joined + late + duplicate + orphan).toBe(labels);
      expect(joined + expired).toBe(answered.size);
      expect(conflict + invalid).toBe(0);
    }));
  });
});

describe('blocks', () => {
  it('give one D for each pair: the mean over the steps of a session', () => {
    for (const [target, a, b, c] of [[[0, 0], [0, 0], [0, 1], [0, 0]], [[1, 1], [1, 0], [1, 1], [0, 0]], [[2, 2], [2, 2], [0, 0], [2, 2]]] as const) whole(ticket('s', 'x'), target, a, b, c);
    const { duels, tallies } = judge.take().counts;
    expect(Object.keys(duels).sort()).toEqual([duelKey('a', 'b'), duelKey('c', 'a'), duelKey('c', 'b')].sort());
    expect(duels[duelKey('a', 'b')]).toMatchObject({ blocks: 1, sum: (3 - 1) / 6, bothRight: 2, referenceOnly: 3, candidateOnly: 1, bothWrong: 0, agreed: 2, margin: MARGIN });
    expect(duels[duelKey('c', 'b')]).toMatchObject({ blocks: 1, sum: (3 - 2) / 6 });
    expect(duels[duelKey('c', 'a')]).toMatchObject({ blocks: 1, sum: -1 / 6 });
    expect(tallies[tallyKey('b', 'challenger')]).toMatchObject({ requests: 3, steps: 6, correct: 3 });
    expect(tallies[tallyKey('c', 'anchor')]).toMatchObject({ requests: 3, steps: 6, correct: 4 });
  });

  it('wait for every answer and label, in whatever order they come', () => {
    const events: ((t: Ticket) => void)[] = [(t) => { shadow(t, SHADOWS[0]!, [0, 1]); }, (t) => { shadow(t, SHADOWS[1]!, [0, 0]); }, (t) => { label(t, [0, 0]); }];
    fc.assert(fc.property(fc.array(fc.shuffledSubarray(events, { minLength: 3 }), { minLength: 3, maxLength: 3 }), (orders) => {
      judge = new Judge(LIMITS, MARGIN);
      const all = orders.map(() => ticket('s', 'x'));
      for (const t of all) live(t, [1, 0]);
      for (const [at, order] of orders.entries()) {
        expect(judge.take().counts.duels).toEqual({});
        for (const event of order) event(all[at]!);
      }
      expect(judge.take().counts.duels[duelKey('a', 'b')]).toMatchObject({ blocks: 1, sum: 0, referenceOnly: 3, candidateOnly: 3 });
      expect(judge.pending).toBe(0);
    }));
  });

  it('close after a pause and when the session begins another', () => {
    whole(ticket('s', 'x'), [0, 0], [0, 0], [0, 0], [0, 0]);
    whole(ticket('s', 'y'), [0, 0], [0, 0], [0, 0], [0, 0]);
    expect(judge.take().counts.duels[duelKey('a', 'b')]?.blocks).toBe(1);
    judge.sweep(LIMITS.blockIdleMs);
    expect(judge.take().counts.duels).toEqual({});
    judge.sweep(LIMITS.blockIdleMs + 1);
    expect(judge.take().counts.duels[duelKey('a', 'b')]?.blocks).toBe(1);
  });

  it.each(['dropped', 'failed'] as const)('leave the rest out for the pairs of a model whose answer was %s', (how) => {
    const [first, second, third] = [ticket('s', 'x'), ticket('s', 'x'), ticket('s', 'x')];
    whole(first, [0, 0], [0, 0], [1, 0], [0, 0]);
    live(second, [0, 0]);
    judge.answered(inference([], { [how]: [workOf(second, SHADOWS[0])] }), 0);
    shadow(second, SHADOWS[1]!, [0, 0]);
    label(second, [0, 0]);
    whole(third, [0, 0], [0, 0], [1, 1], [0, 0]);
    const { duels, tallies } = judge.take().counts;
    expect(duels[duelKey('a', 'b')]).toMatchObject({ blocks: 1, sum: 0.5 });
    expect(duels[duelKey('c', 'a')]).toMatchObject({ blocks: 1, bothRight: 6 });
    expect(tallies[tallyKey('b', 'challenger')]).toMatchObject({ requests: 2 });
  });

  it('judge what is there when a shadow does not come in time', () => {
    const t = ticket('s', 'x');
    live(t, [0, 0]);
    shadow(t, SHADOWS[1]!, [0, 1]);
    label(t, [0, 0]);
    judge.sweep(LIMITS.labelWaitMs + 1);
    expect(judge.take().counts).toMatchObject({ labels: { joined: 1, expired: 0 }, duels: { [duelKey('c', 'a')]: { blocks: 1, sum: -0.5 } } });
    shadow(t, SHADOWS[0]!, [0, 0]);
    expect(judge.take().counts.tallies).toEqual({});
  });

  it('leave requests without labels out', () => {
    const t = ticket('s', 'x');
    live(t, [0, 0]);
    shadow(t, SHADOWS[0]!, [1, 1]);
    shadow(t, SHADOWS[1]!, [1, 1]);
    whole(ticket('s', 'x'), [0, 0], [0, 0], [0, 1], [0, 0]);
    judge.flush();
    expect(judge.take().counts).toMatchObject({ labels: { joined: 1, expired: 1 }, duels: { [duelKey('a', 'b')]: { sum: 0.5, referenceOnly: 1, bothRight: 1 } } });
  });
});

describe('the pairs of a roster', () => {
  it('are anchor and champion against their candidates, none against itself', () => {
    expect(pairsOf(ROSTER)).toEqual([['c', 'b'], ['c', 'a'], ['a', 'b']]);
    expect(pairsOf(rosterOf({ champion: 'a', challenger: 'b' }))).toEqual([['a', 'b']]);
    expect(pairsOf(rosterOf({ champion: 'b', anchor: 'a', predecessor: 'a' }))).toEqual([['a', 'b']]);
    expect(pairsOf(rosterOf({ champion: 'a' }))).toEqual([]);
  });
});

describe('the replay sample', () => {
  const item = (session: string, block: string, inputs: readonly number[], model = A): Ticket => ticketOf(model, session, block, { id: `i${ids++}`, inputs: Int32Array.from(inputs) });

  it('joins the requests of a block that begins at the zero state, −1 where no label came', () => {
    const [first, second, third] = [item('s', 'x', [1, 2]), item('s', 'x', [3]), item('s', 'x', [4, 5])];
    live(first, [0, 0], 0, true);
    live(second, [0]);
    live(third, [0, 0]);
    label(first, [2, 1]);
    label(third, [0, 2]);
    judge.flush();
    expect(judge.takeReplay()).toEqual([{ id: `s/${first.request.id}`, inputs: Int32Array.of(1, 2, 3, 4, 5), targets: Int32Array.of(2, 1, -1, 0, 2) }]);
    expect(judge.takeReplay()).toEqual([]);
  });

  it('leaves out what continues an unknown state, and begins anew where the state did', () => {
    const [first, second, third] = [item('s', 'x', [1]), item('s', 'x', [2]), item('s', 'x', [3])];
    live(first, [0]);
    live(second, [0], 0, true);
    live(third, [0]);
    judge.flush();
    expect(judge.takeReplay()).toEqual([{ id: `s/${second.request.id}`, inputs: Int32Array.of(2, 3), targets: null }]);
  });

  it.each([{ state: 'reset' }, { task: 'classify', state: 'reset' }] as const)('keeps one item a request for models of %j', (shape) => {
    const model = sampleModel('m', 9, shape);
    const all = [item('s', 'x', [1, 2], model), item('s', 'x', [3], model)];
    for (const t of all) live(t, 'task' in shape ? [1] : Array.from(t.request.inputs, () => 1), 0, true);
    label(all[1]!, [2]);
    judge.flush();
    const items = [...judge.takeReplay()].sort((a, b) => (a.id < b.id ? -1 : 1));
    expect(items).toEqual(all.map((t, at) => ({ id: `s/${t.request.id}`, inputs: t.request.inputs, targets: at === 1 ? Int32Array.of(2) : null })));
  });

  it('stays within its limit', () => {
    judge = new Judge({ ...LIMITS, replayItemsMax: 5 }, MARGIN);
    for (let n = 0; n < 40; n++) live(item(`s${n}`, `s${n}`, [1]), [0], 0, true);
    judge.flush();
    expect(judge.takeReplay()).toHaveLength(5);
  });
});
