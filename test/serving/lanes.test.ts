// Goal: batches keep every rule of the lanes. Method: properties over random interleavings of arrivals, swaps and batches.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Lanes, SHADOW_TURN } from '../../src/serving/lanes.ts';
import type { MicroBatch, Shadow, Work } from '../../src/serving/work.ts';
import { LIMITS, sampleModel, ticketOf } from './samples.ts';

const MODELS = { carry: ['a', 'b', 'c'].map((id, seed) => sampleModel(id, seed)), reset: ['a', 'b', 'c'].map((id, seed) => sampleModel(id, seed, { state: 'reset' })) };
const limits = { ...LIMITS, batchMax: 3, shadowWaitingMax: 6 };

interface Arrival { readonly session: number; readonly model: number; readonly shadows: readonly number[] }
type Step = Arrival | 'batch';
const arrival: fc.Arbitrary<Arrival> = fc.record({ session: fc.nat(4), model: fc.nat(2), shadows: fc.subarray([0, 1, 2]) });
const steps = fc.array(fc.oneof(arrival, fc.constant<Step>('batch')), { maxLength: 80 });

/** Plays the steps and takes batches to the end; checks what must hold of each batch. */
function play(state: 'carry' | 'reset', script: readonly Step[]): { readonly tickets: number; readonly expected: Map<string, number>; readonly batches: MicroBatch[] } {
  const lanes = new Lanes(limits);
  const expected = new Map<string, number>();
  const batches: MicroBatch[] = [];
  let count = 0;
  const take = (): boolean => {
    const batch = lanes.next();
    if (batch !== null) batches.push(batch);
    expect(lanes.shadowWaiting).toBeLessThanOrEqual(limits.shadowWaitingMax);
    return batch !== null;
  };
  for (const step of script) {
    if (step === 'batch') {
      take();
      continue;
    }
    const shadows: Shadow[] = step.shadows.filter((model) => model !== step.model).map((model) => ({ role: 'anchor', model: MODELS[state][model]! }));
    const ticket = ticketOf(MODELS[state][step.model]!, `s${step.session}`, `s${step.session}/${Math.floor(count / 20)}`, { shadows, id: `${count++}` });
    for (const { model } of [{ model: ticket.model }, ...shadows]) expected.set(`${ticket.request.id}|${model.id}`, 1);
    lanes.add(ticket);
  }
  while (take());
  expect(lanes.empty).toBe(true);
  return { tickets: count, expected, batches };
}

const keyOf = ({ ticket, model }: Work): string => `${ticket.request.id}|${model.id}`;

describe.each(['carry', 'reset'] as const)('lanes of models that %s', (state) => {
  it('hand out every work once, or drop it from the shadow', () => {
    fc.assert(fc.property(steps, (script) => {
      const { expected, batches } = play(state, script);
      const seen = new Map<string, number>();
      for (const work of batches.flatMap(({ works, dropped }) => [...works, ...dropped])) seen.set(keyOf(work), (seen.get(keyOf(work)) ?? 0) + 1);
      expect(seen).toEqual(expected);
      expect(batches.flatMap((batch) => batch.dropped).every((work) => !work.live)).toBe(true);
    }));
  });

  it('form batches of one model, one role, bounded, and with carried state of distinct sessions', () => {
    fc.assert(fc.property(steps, (script) => {
      for (const { works, model, role, live } of play(state, script).batches) {
        expect(works.length).toBeGreaterThan(0);
        expect(works.length).toBeLessThanOrEqual(limits.batchMax);
        expect(works.every((work) => work.model === model && work.role === role && work.live === live)).toBe(true);
        if (state === 'carry') expect(new Set(works.map((work) => work.ticket.request.session)).size).toBe(works.length);
      }
    }));
  });

  it('keep the order of a session for the world, and of a session and model across roles', () => {
    fc.assert(fc.property(steps, (script) => {
      const last = new Map<string, number>();
      for (const work of play(state, script).batches.flatMap((batch) => batch.works)) {
        const number = Number(work.ticket.request.id), session = work.ticket.request.session;
        for (const lane of [...(work.live ? [session] : []), ...(state === 'carry' ? [`${session}|${work.model.id}`] : [])]) {
          expect(number).toBeGreaterThan(last.get(lane) ?? -1);
          last.set(lane, number);
        }
      }
    }));
  });

  it('answer in shadow only after the world', () => {
    fc.assert(fc.property(steps, (script) => {
      const answered = new Set<string>();
      for (const work of play(state, script).batches.flatMap((batch) => batch.works)) {
        if (work.live) answered.add(work.ticket.request.id);
        else expect(answered.has(work.ticket.request.id)).toBe(true);
      }
    }));
  });
});

describe('shadow work', () => {
  const [champion, challenger] = MODELS.carry as [typeof MODELS.carry[0], typeof MODELS.carry[0]];
  const shadows: readonly Shadow[] = [{ role: 'challenger', model: challenger }];

  it('waits while the world waits, but gets its turn', () => {
    const lanes = new Lanes({ ...limits, batchMax: 1, shadowWaitingMax: 100 });
    for (let n = 0; n < 30; n++) lanes.add(ticketOf(champion, `s${n}`, `b${n}`, { shadows }));
    const kinds = Array.from({ length: 20 }, () => lanes.next()!.live);
    expect(kinds.indexOf(false)).toBe(SHADOW_TURN);
    expect(kinds.filter((live) => !live)).toHaveLength(2);
  });

  it('drops the rest of a spoilt block, and finishes begun blocks before it begins others', () => {
    const lanes = new Lanes({ ...limits, batchMax: 1, shadowWaitingMax: 4 });
    const dropped: string[] = [];
    const add = (session: string): void => {
      lanes.add(ticketOf(champion, session, session, { shadows }));
      const batch = lanes.next()!;
      expect(batch.live).toBe(true);
      dropped.push(...batch.dropped.map((work) => work.ticket.request.session));
    };
    for (const session of ['s0', 's1', 's2', 's0', 's2', 's1', 's0']) add(session);
    expect(dropped).toEqual(['s2', 's2', 's0']);
  });

  it('holds up the world only for its own session and model', () => {
    const lanes = new Lanes(limits);
    lanes.add(ticketOf(champion, 's', 'b', { shadows }));
    expect(lanes.next()).toMatchObject({ live: true, model: champion });
    lanes.add(ticketOf(challenger, 's', 'b'));
    lanes.add(ticketOf(challenger, 't', 'c'));
    expect(lanes.next()).toMatchObject({ live: false, model: challenger });
    expect(lanes.next()!.works.map((work) => work.ticket.request.session)).toEqual(['s', 't']);
  });

  it('is discarded where the answer to the world failed', () => {
    const lanes = new Lanes(limits);
    const ticket = ticketOf(champion, 's', 'b', { shadows });
    lanes.add(ticket);
    lanes.next();
    ticket.failed = true;
    expect(lanes.next()).toBeNull();
    expect(lanes.shadowWaiting).toBe(0);
  });

  it('refers to the models it still needs', () => {
    const lanes = new Lanes(limits);
    lanes.add(ticketOf(champion, 's', 'b', { shadows }));
    expect([lanes.refersTo('a'), lanes.refersTo('b'), lanes.refersTo('c')]).toEqual([true, true, false]);
    lanes.next();
    lanes.ended();
    expect([lanes.refersTo('a'), lanes.refersTo('b')]).toEqual([false, true]);
    lanes.next();
    expect(lanes.refersTo('b')).toBe(true);
    lanes.ended();
    expect(lanes.refersTo('b')).toBe(false);
  });
});
