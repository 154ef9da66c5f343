/** A serving line on the memory log, the reference engine and the simulated clock, and what a world sees of it. */
import { BehaviorSubject } from 'rxjs';
import type { SimulatedClock } from '../../src/adapters/clock/simulated.ts';
import { simulatedClock } from '../../src/adapters/clock/simulated.ts';
import { ReferenceEngine } from '../../src/adapters/engine/reference.ts';
import { memoryLog } from '../../src/adapters/log/memory.ts';
import { memoryVault } from '../../src/adapters/vault/memory.ts';
import type { Fact, FactKind } from '../../src/facts.ts';
import { forward } from '../../src/model/cell.ts';
import type { Model } from '../../src/model/model.ts';
import type { Delivery, Engine, EngineCall, EngineResult, Log, Topic } from '../../src/ports.ts';
import type { Roster } from '../../src/rollout/roster.ts';
import type { ServingLimits } from '../../src/serving/limits.ts';
import type { Line } from '../../src/serving/pipeline.ts';
import { openLine } from '../../src/serving/pipeline.ts';
import { randomFrom } from '../../src/support/random.ts';
import { LABELS, LIMITS } from './samples.ts';

/** The reference engine, with its calls noted, and failing where a test says so. */
export class NotedEngine extends ReferenceEngine {
  readonly calls: EngineCall[] = [];
  fails: (call: EngineCall) => boolean = () => false;

  override infer(call: EngineCall): Promise<EngineResult> {
    this.calls.push(call);
    return this.fails(call) ? Promise.reject(new Error('broken on purpose')) : super.infer(call);
  }
}

export interface Answered { readonly id: string; readonly session: string; readonly labels?: readonly string[]; readonly label?: string; readonly model: string; readonly arm: string; readonly confidence: number }
export interface Refused { readonly code: string; readonly record: string }

export interface World {
  readonly line: Line;
  readonly clock: SimulatedClock;
  readonly log: Log;
  readonly engine: NotedEngine;
  readonly vault: ReturnType<typeof memoryVault>;
  readonly roster$: BehaviorSubject<Roster>;
  readonly facts: Fact[];
  /** The error that ended the facts. */
  readonly ended: () => unknown;
  /** Lets virtual time pass until the condition holds. */
  until(condition: () => boolean | Promise<boolean>): Promise<void>;
  request(id: string, session: string, tokens: readonly number[]): Promise<void>;
  label(id: string, session: string, target: readonly string[] | string): Promise<void>;
  answers(): Promise<readonly Answered[]>;
  refused(): Promise<readonly Refused[]>;
  drain(): Promise<void>;
}

export interface Options {
  readonly models: readonly Model[];
  readonly roster: Roster;
  readonly limits?: Partial<ServingLimits>;
  /** What the line gets instead of the log that the world writes to. */
  readonly log?: (log: Log) => Log;
  /** A world to go on from: its log and clock. */
  readonly after?: Pick<World, 'log' | 'clock'>;
}

const text = (value: Uint8Array): string => new TextDecoder().decode(value);
export const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));

export async function all(log: Log, topic: Topic): Promise<readonly Delivery[]> {
  const found: Delivery[] = [];
  for await (const delivery of log.read(topic)) found.push(delivery);
  return found;
}

export async function openWorld({ models, roster, limits, log: wrap, after }: Options): Promise<World> {
  const clock = after?.clock ?? simulatedClock(1_000_000);
  const log = after?.log ?? memoryLog(clock);
  const engine = new NotedEngine(), vault = memoryVault(), roster$ = new BehaviorSubject(roster), facts: Fact[] = [];
  for (const model of models) await engine.enlist(model);
  const byId = new Map(models.map((model) => [model.id, model]));
  const line = openLine({ log: wrap === undefined ? log : wrap(log), engine: engine satisfies Engine, vault, clock, random: randomFrom(7), instance: 'one' }, { ...LIMITS, ...limits }, byId, roster$, 0.01);
  let ended: unknown;
  line.facts$.subscribe({ next: (fact) => { facts.push(fact); }, error: (error: unknown) => { ended = error; } });
  const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
    for (let turn = 0; turn < 500_000; turn++) {
      if (await condition()) return;
      await clock.advance(1);
    }
    throw new Error('the condition never came to hold');
  };
  const finish = async (promise: Promise<void>): Promise<void> => {
    let done = false;
    promise.then(() => { done = true; }, () => { done = true; });
    await until(() => done);
    await promise;
  };
  const world: World = {
    line, clock, log, engine, vault, roster$, facts, until,
    ended: () => ended,
    request: (id, session, tokens) => log.append([{ topic: 'requests', key: session, value: bytes({ id, session, tokens }) }]),
    label: (id, session, target) => log.append([{ topic: 'labels', key: session, value: bytes({ id, session, target }) }]),
    answers: async () => (await all(log, 'predictions')).map(({ value }) => JSON.parse(text(value)) as Answered),
    refused: async () => (await all(log, 'refused')).map(({ value }) => JSON.parse(text(value)) as Refused),
    drain: () => finish(line.drain()),
  };
  await finish(line.ready);
  return world;
}

export const factsOf = <K extends FactKind>(world: World, kind: K): readonly Extract<Fact, { kind: K }>[] =>
  world.facts.filter((fact): fact is Extract<Fact, { kind: K }> => fact.kind === kind);

/** The labels of a session offline: each sequence by its model, the state carried as float32 as in serving. */
export function offline(sequences: readonly { readonly model: Model; readonly tokens: readonly number[] }[]): readonly (readonly string[])[] {
  let state: Parameters<typeof forward>[2] = null;
  return sequences.map(({ model, tokens }) => {
    const result = forward(model, Int32Array.from(tokens), model.shape.state === 'carry' ? state : null);
    state = { h: Float64Array.from(Float32Array.from(result.h)), c: Float64Array.from(Float32Array.from(result.c)) };
    return Array.from(result.labels, (label) => LABELS[label]!);
  });
}
