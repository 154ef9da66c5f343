// Goal: language models are judged by their own sequences and regressions by their errors, and both give what can be trained on. Method: examples by hand through the judge's table.
import { expect, it } from 'vitest';
import { tallyKey } from '../../src/evidence/evidence.ts';
import { Judge } from '../../src/serving/judge.ts';
import { joined } from '../../src/serving/observe.ts';
import { decodeState, encodeState } from '../../src/serving/state-record.ts';
import type { Inference, Ticket } from '../../src/serving/work.ts';
import { LIMITS, sampleModel, ticketOf } from './samples.ts';

const none = new Float32Array(0);

function answered(judge: Judge, ticket: Ticket, labels: readonly number[], values: readonly number[] | null, fresh: boolean): void {
  const work = { ticket, role: 'champion', model: ticket.model, live: true } as const;
  const inference: Inference = {
    batch: { model: ticket.model, role: 'champion', live: true, works: [], dropped: [] }, failures: [], failed: null, activity: null, steps: 1, kernelMs: 0, waitMsMax: 0, carried: new Map(),
    answers: [{ work, answer: { labels: Int32Array.from(labels), values: values === null ? null : Float32Array.from(values), confidence: 0.5, h: none, c: none }, fresh, state: null }],
  };
  judge.answered(inference, 0);
}

it('a language model is judged by the next tokens of its own request, and trained on whole runs of a session', () => {
  const model = sampleModel('a', 1, { task: 'next', outputs: 16 }), judge = new Judge(LIMITS, 0.01);
  const first = ticketOf(model, 's', 'b', { inputs: Int32Array.of(3, 4, 5) }), second = ticketOf(model, 's', 'b', { inputs: Int32Array.of(6) });
  answered(judge, first, [4, 9, 1], null, true);
  answered(judge, second, [2], null, false);
  judge.label({ id: first.request.id, session: 's', target: Int32Array.of(4, 5), at: 0 }, 1);
  judge.label({ id: first.request.id, session: 's', target: Int32Array.of(4, 6), at: 0 }, 1);
  judge.flush();
  const { counts } = judge.take();
  expect(counts.tallies[tallyKey('a', 'champion')]).toMatchObject({ requests: 2, steps: 2, correct: 1 });
  expect(counts.labels).toMatchObject({ joined: 2, duplicate: 1, conflict: 1 });
  expect(judge.takeReplay()).toMatchObject([{ inputs: Int32Array.of(3, 4, 5, 6), targets: null }]);
});

it('a regression is right where every error is tolerated', () => {
  const model = sampleModel('a', 1, { task: 'regress', outputs: 2, vocabulary: 0, state: 'reset' }), judge = new Judge({ ...LIMITS, errorMax: 0.25 }, 0.01);
  const inputs = new Float32Array(6);
  const [good, bad, odd] = [1, 2, 3].map(() => ticketOf(model, 's', 'b', { inputs })) as [Ticket, Ticket, Ticket];
  for (const [ticket, values] of [[good, [1, 2]], [bad, [1, 2]], [odd, [1, 2]]] as const) answered(judge, ticket, [], values, true);
  const label = (ticket: Ticket, values: readonly number[]): void => { judge.label({ id: ticket.request.id, session: 's', target: new Int32Array(0), values: Float32Array.from(values), at: 0 }, 1); };
  label(good, [1.2, 1.9]);
  label(good, [1.2, 1.9]);
  label(bad, [1, 2.5]);
  label(odd, [1]);
  judge.flush();
  const { counts } = judge.take();
  expect(counts.tallies[tallyKey('a', 'champion')]).toMatchObject({ requests: 2, steps: 2, correct: 1 });
  expect(counts.labels).toMatchObject({ joined: 2, duplicate: 1, invalid: 1, expired: 1 });
  expect(judge.takeReplay().map(({ targets }) => targets?.length ?? null).sort()).toEqual([2, 2, null]);
});

it('activity waits for each layer apart', () => {
  const model = sampleModel('a', 1, { layers: [4, 5] });
  const part = (layer: number, value: number) => ({ layer, rows: 1, columns: 2, values: Float32Array.of(value, value) });
  const inference = { batch: { model }, activity: part(0, 1), deeper: [part(1, 2)] } as unknown as Inference;
  expect(joined([inference, inference]).map(({ activity }) => [activity.layer, activity.rows, ...activity.values])).toEqual([[0, 2, 1, 1, 1, 1], [1, 2, 2, 2, 2, 2]]);
});

it('a state without c reads back, and is nothing when cut', () => {
  const bytes = encodeState('s', { model: 'm', position: 4, h: Float32Array.of(1, 2), c: none });
  expect(decodeState(bytes)).toEqual({ session: 's', state: { model: 'm', position: 4, h: Float32Array.of(1, 2), c: none } });
  expect(decodeState(bytes.subarray(0, bytes.length - 4))).toBeNull();
});
