/**
 * The processes of a simulated cluster, made of the program's own parts: `startCircle` as one process, or a serving line
 * and one or more loops that die apart. A process that fails is started again, as a supervisor would.
 */
import { BehaviorSubject, Subject, throwError } from 'rxjs';
import type { ObservableInput } from 'rxjs';
import { EspalierError } from '../../errors.ts';
import type { Fact, Happening, Order } from '../../facts.ts';
import { drive } from '../../loop/drive.ts';
import { encodeFact, replay } from '../../loop/journal.ts';
import { decodeOrder } from '../../loop/order-record.ts';
import type { LoopState } from '../../loop/state.ts';
import { initialState } from '../../loop/state.ts';
import type { Engine } from '../../ports.ts';
import type { Roster } from '../../rollout/roster.ts';
import { modelsOf } from '../../rollout/roster.ts';
import { openLine } from '../../serving/pipeline.ts';
import { startCircle } from '../compose/circle.ts';
import { Models } from '../compose/models.ts';
import { enlistFirst, executeOrder, factsOf } from '../compose/orders.ts';
import type { Ground } from './ground.ts';
import { Life } from './life.ts';
import { sabotaged, sabotagedLog, sabotagedOrder } from './sabotage.ts';

const RESTART_MS = 200;

export type Command = Extract<Happening, { kind: 'command' }>['command'];

/** A process that serves. */
export interface Serving {
  readonly life: Life;
  readonly engine: Engine;
  readonly models: Models;
  readonly roster$: BehaviorSubject<Roster>;
  released(model: string): Promise<void>;
  drain(): Promise<void>;
}

/** A process that decides. */
export interface Steering {
  readonly life: Life;
  readonly state: () => LoopState;
  hear(fact: Fact): void;
  command(command: Command): void;
}

export class Cluster {
  serving: Serving | null = null;
  readonly loops: Steering[] = [];
  private readonly ground: Ground;
  private lives = 0;

  constructor(ground: Ground) {
    this.ground = ground;
  }

  start(): void {
    if (this.ground.plan.topology === 'circle') this.begin('circle', (life) => this.circle(life));
    else {
      this.begin('serve', (life) => this.serve(life));
      this.startLoop();
    }
  }

  startLoop(): void {
    this.begin('steer', (life) => this.steer(life));
  }

  /** Ends a process; it is back after `awayMs`, unless nothing of the kind is wanted any more. */
  kill(life: Life | undefined, awayMs: number, again: boolean): void {
    if (life === undefined || life.dead) return;
    life.kill();
    if (this.serving?.life === life) this.serving = null;
    const at = this.loops.findIndex((loop) => loop.life === life);
    if (at >= 0) this.loops.splice(at, 1);
    this.ground.watch.killed(life.instance);
    if (again) this.ground.clock.scheduler.schedule(() => { this.beginAgain(life.instance.split('-')[0]!); }, awayMs);
  }

  private beginAgain(kind: string): void {
    if (kind === 'circle') this.begin(kind, (life) => this.circle(life));
    else if (kind === 'serve') this.begin(kind, (life) => this.serve(life));
    else this.startLoop();
  }

  private begin(kind: string, run: (life: Life) => Promise<void>): void {
    const life = new Life(`${kind}-${++this.lives}`);
    run(life).catch((error: unknown) => { this.failed(life, error); });
  }

  private failed(life: Life, error: unknown): void {
    if (!(error instanceof EspalierError)) this.ground.watch.violated(`${life.instance} ended with ${error instanceof Error ? error.stack ?? error.message : String(error)}`);
    this.kill(life, RESTART_MS, true);
  }

  private partsOf(life: Life) {
    const { ground } = this;
    const vault = ground.vaultFor(life);
    const log = sabotagedLog(ground.sabotage, ground.broker.handle(life), ground.broker.inner, life, ground.random);
    return { log, vault, clock: ground.clockFor(life), engine: ground.engineFor(life), models: new Models(vault), random: ground.random, instance: life.instance };
  }

  private async circle(life: Life): Promise<void> {
    const { ground } = this;
    const { limits, policy } = ground.plan;
    const parts = this.partsOf(life);
    const meter = { record: (fact: Fact) => { if (!life.dead) ground.watch.hear(fact); } };
    const circle = await startCircle({ ...parts, trainer: ground.trainerFor(life), meters: [meter] }, { limits, policy, champion: ground.anchor, salt: 'salt' });
    circle.failed.catch((error: unknown) => { this.failed(life, error); });
    const roster$ = new BehaviorSubject(circle.state().roster);
    this.serving = { life, engine: parts.engine, models: parts.models, roster$, released: () => Promise.resolve(), drain: () => circle.stop() };
    this.loops.push({ life, state: circle.state, hear: () => undefined, command: (command) => { circle.command(command, 'world'); } });
  }

  private async serve(life: Life): Promise<void> {
    const { ground } = this;
    const parts = this.partsOf(life);
    let roster = initialState(ground.plan.policy, { champion: ground.anchor, salt: 'salt' }).roster;
    for await (const { value } of parts.log.read('roster')) {
      const order = decodeOrder(value);
      if (order?.kind === 'route' && order.roster.version > roster.version) roster = order.roster;
    }
    for (const model of modelsOf(roster)) await enlistFirst(parts, model);
    const roster$ = new BehaviorSubject(roster);
    const line = openLine(parts, ground.plan.limits, parts.models, roster$, ground.plan.policy.margin);
    line.facts$.subscribe({
      next: (fact) => {
        if (life.dead) return;
        ground.watch.hear(fact);
        for (const heard of sabotaged(ground.sabotage, fact)) for (const loop of this.loops) loop.hear(heard);
      },
      error: (error: unknown) => { if (!life.dead) this.failed(life, error); },
    });
    await life.answer(line.ready);
    this.serving = { life, engine: parts.engine, models: parts.models, roster$, released: (model) => life.answer(line.released(model)), drain: () => line.drain() };
  }

  private async steer(life: Life): Promise<void> {
    const { ground } = this;
    const { policy } = ground.plan;
    const parts = this.partsOf(life), trainer = ground.trainerFor(life);
    const records: Uint8Array[] = [];
    for await (const { value } of parts.log.read('journal')) records.push(value);
    const initial = replay(records) ?? initialState(policy, { champion: ground.anchor, salt: 'salt' });
    const heard$ = new Subject<Fact>();
    let state = initial;
    const execute = (order: Order): ObservableInput<Fact> => {
      const { serving } = this;
      if (serving === null && order.kind !== 'tune') return throwError(() => new EspalierError('engine-unavailable', 'no serving process'));
      const at = serving ?? { ...parts, roster$: new BehaviorSubject(state.roster), released: () => Promise.resolve() };
      const ports = { ...parts, engine: at.engine, models: at.models, roster$: at.roster$, released: at.released.bind(at), trainer };
      return sabotagedOrder(ground.sabotage, ports, order) ?? executeOrder(ports, order);
    };
    const driven = drive({
      facts$: heard$, clock: parts.clock, instance: life.instance, policy, initial, execute,
      journal: async (facts) => { if (facts.length > 0) await parts.log.append(facts.map((one) => ({ topic: 'journal', key: life.instance, value: encodeFact(one) }))); },
    });
    driven.state$.subscribe({ next: (next) => { if (!life.dead) state = next; }, error: (error: unknown) => { if (!life.dead) this.failed(life, error); } });
    driven.facts$.subscribe({ next: (fact) => { if (!life.dead) ground.watch.hear(fact); }, error: () => undefined });
    life.onEnd(() => { driven.stop(); });
    const fact = factsOf(parts.clock, life.instance);
    const say = (one: Fact): void => { if (!life.dead) heard$.next(one); };
    this.loops.push({
      life, state: () => state, hear: say,
      command: (command) => {
        const asked = fact({ kind: 'command', command, by: 'world' });
        ground.watch.hear(asked);
        say(asked);
      },
    });
  }
}
