/**
 * Sixth stage: predictions, changed states and settled records in one transaction, so that a request is answered and
 * settled or neither. One transaction at a time takes everything that waits (group commit). What is told of a batch is
 * told after it is durable.
 */
import type { OperatorFunction } from 'rxjs';
import type { ErrorCode } from '../errors.ts';
import type { Happening } from '../facts.ts';
import { LATENCY_BUCKETS_MS } from '../facts.ts';
import type { Clock, Delivery, Log, LogRecord } from '../ports.ts';
import { encodePrediction, encodeRefusal } from '../traffic/codec.ts';
import { inTurns } from './in-turns.ts';
import { encodeState } from './state-record.ts';
import type { Answer, Inference, Refusal } from './work.ts';
import { isRefusal } from './work.ts';

/** What is to be settled: a batch for the world, a refused record, or a record that was only taken in (a label). */
export type Settlement = Inference | Refusal | { readonly taken: Delivery };

export interface PublishPorts {
  readonly log: Log;
  readonly clock: Clock;
  readonly group: string;
  readonly statesDurable: boolean;
  /** Told of every settled record. */
  readonly settled: (deliveries: readonly Delivery[]) => void;
}

/** Errors with storage-full, storage-failed or log-closed; then nothing of the transaction is settled. */
export const publish = (ports: PublishPorts): OperatorFunction<Settlement, Happening> => inTurns((waiting) => commit(ports, waiting));

async function commit(ports: PublishPorts, waiting: readonly Settlement[]): Promise<readonly Happening[]> {
  const batches = waiting.filter((item) => 'batch' in item);
  const refusals = [...waiting.filter((item) => isRefusal(item)), ...batches.flatMap(refusalsOf)];
  const answers = batches.flatMap((inference) => inference.answers);
  const at = ports.clock.now();
  const settled = [...answers.map((answer) => answer.work.ticket.delivery), ...refusals.map((refusal) => refusal.delivery), ...waiting.flatMap((item) => 'taken' in item ? [item.taken] : [])];
  const records = [...answers.map((answer) => predictionOf(answer, at)), ...refusals.map(refusedOf), ...(ports.statesDurable ? statesOf(answers) : [])];
  await ports.log.transact({ group: ports.group, records, settled });
  ports.settled(settled);
  const now = ports.clock.now();
  const happenings: Happening[] = batches.filter((inference) => inference.answers.length > 0).map((inference) => batchFact(inference, now));
  if (refusals.length > 0) happenings.push({ kind: 'refused', counts: countCodes(refusals) });
  return happenings;
}

const refusalsOf = ({ failures }: Inference): Refusal[] =>
  failures.map(({ work, reason }) => ({ delivery: work.ticket.delivery, code: 'engine-failed', reason }));

function predictionOf({ work, answer }: Answer, at: number): LogRecord {
  const { request, arm, model } = work.ticket;
  const prediction = { id: request.id, session: request.session, labels: answer.labels, values: answer.values ?? null, confidence: answer.confidence, ranked: answer.ranked ?? null, model: model.id, arm, at };
  return { topic: 'predictions', key: request.session, value: encodePrediction(prediction, model.labels, model.shape.task) };
}

const refusedOf = ({ delivery, code, reason }: Refusal): LogRecord => ({ topic: 'refused', key: delivery.key, value: encodeRefusal(delivery.value, code, reason) });

/** The last state of each session. */
function statesOf(answers: readonly Answer[]): LogRecord[] {
  const latest = new Map(answers.flatMap(({ work, state }) => state === null ? [] : [[work.ticket.request.session, state] as const]));
  return [...latest].map(([session, state]) => ({ topic: 'states', key: session, value: encodeState(session, state) }));
}

function countCodes(refusals: readonly Refusal[]): Partial<Record<ErrorCode, number>> {
  const counts: Partial<Record<ErrorCode, number>> = {};
  for (const { code } of refusals) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

/** @param now when the answers were published; null for answers in shadow, whose latency is nobody's */
export function batchFact({ batch, answers, steps, kernelMs, waitMsMax }: Inference, now: number | null): Happening {
  const latency = new Array<number>(LATENCY_BUCKETS_MS.length + 1).fill(0);
  let latencyMsSum = 0;
  if (now !== null) {
    for (const { work } of answers) {
      const ms = Math.max(0, now - work.ticket.delivery.at);
      const bucket = LATENCY_BUCKETS_MS.findIndex((bound) => ms <= bound);
      latency[bucket < 0 ? LATENCY_BUCKETS_MS.length : bucket]!++;
      latencyMsSum += ms;
    }
  }
  return { kind: 'batch', role: batch.role, model: batch.model.id, requests: answers.length, steps, kernelMs, waitMsMax, latency, latencyMsSum };
}
