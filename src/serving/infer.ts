/**
 * Fifth stage: the states are fetched, the engine is called once, the new states are kept. A failing call is run again
 * sequence by sequence, so that one bad sequence, or a challenger that fails, hurts nobody else.
 */
import type { OperatorFunction } from 'rxjs';
import { concatMap, defer, tap } from 'rxjs';
import { assert, codeOf } from '../errors.ts';
import type { Model, ModelId } from '../model/model.ts';
import { stateLengths } from '../model/shape.ts';
import type { Clock, Engine, EngineCall, EngineResult, EngineSequence } from '../ports.ts';
import { backwards, carryState } from '../pruning/carry.ts';
import type { SessionState, SessionStates } from './states.ts';
import type { Answer, Failure, Inference, MicroBatch, Work } from './work.ts';

export interface InferPorts {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly states: SessionStates;
  /** Labels of each answer to the world; 1 where left out. Answers in shadow need no more than one. */
  readonly top?: number;
  /** The sampling of a batch, null for none; and what it is told afterwards. */
  readonly sampleOf: (batch: MicroBatch) => EngineCall['sample'];
  readonly ran: (steps: number) => void;
  /** Told of the id of a request that will not be answered. */
  readonly refused: (id: string) => void;
  /** The engine is free for the next batch. */
  readonly free: () => void;
}

export const infer = (ports: InferPorts): OperatorFunction<MicroBatch, Inference> =>
  concatMap((batch) => defer(() => run(ports, batch)).pipe(tap({ complete: ports.free })));

async function run(ports: InferPorts, batch: MicroBatch): Promise<Inference> {
  const { engine, clock } = ports;
  const waitMsMax = batch.works.reduce((longest, { ticket }) => Math.max(longest, clock.monotonicMs() - ticket.since), 0);
  const carried = new Map<ModelId, number>();
  const starts = batch.works.map((work) => startOf(ports, work, carried));
  const sequences = batch.works.map((work, at): EngineSequence => ({ inputs: work.ticket.request.inputs, h: starts[at]?.h ?? null, c: starts[at]?.c ?? null }));
  const sample = ports.sampleOf(batch);
  const top = batch.live ? ports.top ?? 1 : 1;
  const outcome = await attempt(engine, { model: batch.model.id, sequences, sample, top });
  if (typeof outcome !== 'string') {
    if (sample !== null) ports.ran(outcome.steps);
    const answers = batch.works.map((work, at) => keep(ports, work, starts[at]!, outcome.answers[at]!));
    return { batch, answers, failures: [], failed: null, activity: outcome.activity, ...(outcome.deeper === undefined ? {} : { deeper: outcome.deeper }), ...(outcome.units === undefined ? {} : { units: outcome.units }), steps: outcome.steps, kernelMs: outcome.kernelMs, waitMsMax, carried };
  }
  const answers: Answer[] = [], failures: Failure[] = [];
  let steps = 0, kernelMs = 0;
  for (const [at, work] of batch.works.entries()) {
    const alone = await attempt(engine, { model: batch.model.id, sequences: [sequences[at]!], sample: null, top });
    if (typeof alone === 'string') {
      if (work.live) {
        work.ticket.failed = true;
        ports.refused(work.ticket.request.id);
      }
      failures.push({ work, reason: alone });
    } else {
      steps += alone.steps;
      kernelMs += alone.kernelMs;
      answers.push(keep(ports, work, starts[at]!, alone.answers[0]!));
    }
  }
  return { batch, answers, failures, failed: outcome, activity: null, steps, kernelMs, waitMsMax, carried };
}

/** The engine's result, or why there is none. */
async function attempt(engine: Engine, call: EngineCall): Promise<EngineResult | string> {
  try {
    const result = await engine.infer(call);
    assert(result.answers.length === call.sequences.length, 'one answer for each sequence');
    return result;
  } catch (error) {
    return `${codeOf(error) ?? 'engine-failed'}: ${error instanceof Error ? error.message : String(error)}`.slice(0, 300);
  }
}

/**
 * The state to start from, null for zero: the model's own, if it has answered every request of the session so far;
 * else the one of the model that answered the session, carried over; zero where the units do not correspond.
 */
function startOf({ states }: InferPorts, work: Work, carried: Map<ModelId, number>): SessionState | null {
  const { ticket, model, live } = work;
  if (model.shape.state === 'reset') return null;
  if (live) ticket.before = states.answering(ticket.request.session);
  const before = ticket.before;
  if (before === null || before.model === model.id) return before;
  const own = states.of(ticket.request.session, model.id, before.position);
  if (own !== null) return own;
  const map = unitMap(before, model);
  if (map === 'none') return null;
  try {
    // The former model may be retired by now; of its shape only the number of units matters, and the state has that.
    const state = { model: model.id, position: before.position, ...carryState({ ...model.shape, layers: [before.h.length] }, model.shape, before, map) };
    carried.set(before.model, (carried.get(before.model) ?? 0) + 1);
    return state;
  } catch (error) {
    if (codeOf(error) !== 'shape-unsupported') throw error;
    return null;
  }
}

/** Which unit became which: by the map of either model to its parent; undefined where none was moved, none where it is not known. */
function unitMap(before: SessionState, { id, shape, lineage: { parent, origins } }: Model): Int32Array | 'none' | undefined {
  if (origins !== undefined) return parent === before.model ? Int32Array.from(origins) : 'none';
  if (before.lineage?.origins === undefined) return undefined;
  return before.lineage.parent === id ? backwards(before.lineage.origins, stateLengths(shape).h) : 'none';
}

/** Keeps the new state of the session. */
function keep({ states, clock }: InferPorts, work: Work, start: SessionState | null, answer: EngineResult['answers'][number]): Answer {
  const { ticket, model, live } = work;
  if (model.shape.state === 'reset') return { work, answer, fresh: true, state: null };
  const state: SessionState = { model: model.id, position: (ticket.before?.position ?? 0) + 1, h: answer.h, c: answer.c, ...(model.lineage.origins === undefined ? {} : { lineage: model.lineage }) };
  if (live) states.answered(ticket.request.session, state, clock.now());
  else states.shadowed(ticket.request.session, state);
  return { work, answer, fresh: start === null, state };
}
