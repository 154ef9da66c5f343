/**
 * A serving process of several: the line over the shared log, led by the orders on the topic `roster`. It says what it
 * learns, and how it carried out each order, on the topic `evidence`.
 */
import type { Observable, Subscription } from 'rxjs';
import { ReplaySubject, Subject, concatMap, mergeMap } from 'rxjs';
import { timesOf } from '../../adapters/engine/rates.ts';
import { EspalierError, codeOf } from '../../errors.ts';
import type { Fact, Happening, Order } from '../../facts.ts';
import { encodeFact, isJournalled } from '../../loop/journal.ts';
import { decodeOrder } from '../../loop/order-record.ts';
import type { ModelId } from '../../model/model.ts';
import type { Clock, Delivery, Engine, Log, Meter, Vault } from '../../ports.ts';
import type { Roster } from '../../rollout/roster.ts';
import { isSameRoster, modelsOf } from '../../rollout/roster.ts';
import type { ServingLimits } from '../../serving/limits.ts';
import type { Line } from '../../serving/pipeline.ts';
import { openLine } from '../../serving/pipeline.ts';
import type { Models } from './models.ts';
import { factsOf } from './orders.ts';

export interface ServingPorts {
  readonly log: Log;
  readonly vault: Vault;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly models: Models;
  readonly meters: readonly Meter[];
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Of this process alone, also over restarts: it reads the orders from their beginning under this name. */
  readonly instance: string;
}

export interface Serving {
  readonly facts$: Observable<Fact>;
  /** Resolves when a roster is there and requests are taken. */
  readonly ready: Promise<void>;
  readonly roster: () => Roster | null;
  /** Takes no more, answers and settles what was taken, reports the evidence. */
  stop(): Promise<void>;
  /** Rejects where the line or the log fails. */
  readonly failed: Promise<never>;
}

/** Orders that may be on their way at once; more wait in the log. */
const ORDERS_MAX = 64;

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function startServing(ports: ServingPorts, limits: ServingLimits, margin: number): Serving {
  return new ServingProcess(ports, limits, margin);
}

class ServingProcess implements Serving {
  readonly facts$ = new Subject<Fact>();
  readonly failed: Promise<never>;
  readonly ready: Promise<void>;
  readonly #ports: ServingPorts;
  readonly #line: Line;
  readonly #roster$ = new ReplaySubject<Roster>(1);
  readonly #enlisted = new Map<ModelId, Promise<{ readonly ms: number; readonly parity: number }>>();
  readonly #subscriptions: readonly Subscription[];
  readonly #fact: (happening: Happening) => Fact;
  #roster: Roster | null = null;
  #fail: (error: unknown) => void = () => undefined;
  /** Everything reported so far is durable. */
  #reported: Promise<void> = Promise.resolve();

  constructor(ports: ServingPorts, limits: ServingLimits, margin: number) {
    this.#ports = ports;
    this.#fact = factsOf(ports.clock, ports.instance);
    this.failed = new Promise<never>((_, reject) => { this.#fail = reject; });
    this.failed.catch(() => undefined); // whoever awaits it hears of it; nobody has to
    this.#line = openLine(ports, limits, ports.models, this.#roster$, margin);
    this.ready = this.#line.ready;
    const orders$ = ports.log.consume({ topics: ['roster'], group: `orders-${ports.instance}`, unsettledMax: ORDERS_MAX });
    this.#subscriptions = [
      this.#line.facts$.subscribe({ next: (fact) => { this.#say(fact); }, error: this.#fail }),
      // Models are loaded and rosters followed in order; a retiring model waits for its last request beside that.
      orders$.pipe(concatMap((delivery) => this.#take(delivery)), mergeMap((rest) => rest())).subscribe({ error: this.#fail }),
    ];
  }

  roster(): Roster | null { return this.#roster; }

  async stop(): Promise<void> {
    await this.#line.drain();
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    await this.#reported;
    this.facts$.complete();
  }

  #say(fact: Fact): void {
    for (const meter of this.#ports.meters) meter.record(fact);
    this.facts$.next(fact);
    if (!isJournalled(fact)) return;
    const said = this.#ports.log.append([{ topic: 'evidence', key: this.#ports.instance, value: encodeFact(fact) }]);
    this.#reported = Promise.all([this.#reported, said]).then(() => undefined);
    this.#reported.catch(this.#fail);
  }

  /** Carries an order out as far as its turn goes; answers with what is left to do beside the next ones. */
  async #take(delivery: Delivery): Promise<() => Promise<void>> {
    const order = decodeOrder(delivery.value);
    let rest = (): Promise<void> => Promise.resolve();
    if (order === null) this.#say(this.#fact({ kind: 'failed', where: 'orders', code: 'log-corrupt', reason: `Record ${delivery.offset} of the topic roster is no order.` }));
    else if (order.kind === 'enlist') await this.#answer(order, () => this.#enlist(order));
    else if (order.kind === 'route') await this.#answer(order, () => this.#follow(order));
    else if (order.kind === 'retire') rest = () => this.#answer(order, () => this.#retire(order));
    await this.#ports.log.transact({ group: `orders-${this.#ports.instance}`, records: [], settled: [delivery] });
    return rest;
  }

  async #answer(order: Order, carryOut: () => Promise<Happening>): Promise<void> {
    let happening: Happening;
    try { happening = await carryOut(); } catch (error) {
      const code = codeOf(error) ?? 'engine-failed', reason = reasonOf(error);
      happening = order.kind === 'enlist' ? { kind: 'enlist-failed', order: order.order, model: order.model, code, reason } : { kind: 'order-failed', order: order.order, code, reason };
    }
    this.#say(this.#fact(happening));
  }

  async #load(id: ModelId): Promise<{ readonly ms: number; readonly parity: number }> {
    const { models, engine } = this.#ports;
    const known = this.#enlisted.get(id);
    if (known !== undefined) return known;
    const loading = models.load(id).then((model) => engine.enlist(model));
    this.#enlisted.set(id, loading);
    try { return await loading; } catch (error) {
      this.#enlisted.delete(id);
      models.forget(id);
      throw error;
    }
  }

  async #enlist({ order, model }: Extract<Order, { kind: 'enlist' }>): Promise<Happening> {
    const { ms, parity } = await this.#load(model);
    const times = this.#roster === null ? null : await timesOf(this.#ports.engine, model, this.#roster.anchor, this.#ports.models.get(model).shape);
    return { kind: 'enlisted', order, model, engine: this.#ports.engine.name, ms, parity, ...(times === null ? {} : { times }) };
  }

  /** The next request assigned uses the new roster: that is the swap. One that comes late changes nothing, and is not said to be followed. */
  async #follow({ order, roster }: Extract<Order, { kind: 'route' }>): Promise<Happening> {
    for (const id of modelsOf(roster)) await this.#load(id);
    const started = this.#ports.clock.monotonicMs();
    if (this.#roster === null || roster.version > this.#roster.version) {
      this.#roster = roster;
      this.#roster$.next(roster);
    } else if (!isSameRoster(roster, this.#roster)) {
      throw new EspalierError('aborted', `Serving follows another roster, of version ${this.#roster.version}; this one has ${roster.version}.`);
    }
    return { kind: 'routed', order, roster, swapMs: this.#ports.clock.monotonicMs() - started };
  }

  async #retire({ order, model }: Extract<Order, { kind: 'retire' }>): Promise<Happening> {
    if (this.#enlisted.has(model)) {
      await this.#line.released(model);
      await this.#ports.engine.retire(model);
      this.#ports.models.forget(model);
      this.#enlisted.delete(model);
    }
    return { kind: 'retired', order, model };
  }
}
