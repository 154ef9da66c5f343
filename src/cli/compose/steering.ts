/**
 * The steering process: the loop over the shared log. It reads the topic `evidence`, and is the only one that writes the
 * journal. The orders to serving go to the topic `roster`, the jobs to `jobs`; what answers them comes back as evidence.
 *
 * The topic `evidence` has one partition, so of several steers one has it and is active; the others stand by, and take
 * over from the journal when it is theirs.
 */
import type { Subscription } from 'rxjs';
import { EMPTY, Subject, from, ignoreElements, interval } from 'rxjs';
import { sha256 } from '../../adapters/digest.ts';
import { EspalierError, codeOf } from '../../errors.ts';
import type { Fact, Happening, Order } from '../../facts.ts';
import type { Driven } from '../../loop/drive.ts';
import { drive } from '../../loop/drive.ts';
import { decodeFact, encodeFact, replay } from '../../loop/journal.ts';
import { decodeOrder, encodeOrder } from '../../loop/order-record.ts';
import type { Policy } from '../../loop/policy.ts';
import type { LoopState } from '../../loop/state.ts';
import { initialState } from '../../loop/state.ts';
import type { ModelId } from '../../model/model.ts';
import type { Clock, Delivery, Log, LogRecord, Meter } from '../../ports.ts';
import { factsOf } from './orders.ts';
import { Quorum } from './quorum.ts';

export interface SteeringPorts {
  readonly log: Log;
  readonly clock: Clock;
  readonly meters: readonly Meter[];
  readonly instance: string;
}

export interface SteeringSettings {
  readonly policy: Policy;
  readonly aliveMsMax: number;
  /** The dense model that serves first, in the vault; needed where the journal is empty. */
  readonly first: ModelId | null;
  readonly salt: string;
}

const GROUP = 'steer';
const UNSETTLED_MAX = 1000;
const LOOK_MS = 250;
/** Evidence records whose checksums are kept, so that one delivered again after a crash is not counted again. */
const DIGESTS_MAX = 20_000;

interface Pending { readonly delivery: Delivery; done: boolean }

export class Steering {
  readonly facts$ = new Subject<Fact>();
  readonly failed: Promise<never>;
  readonly #ports: SteeringPorts;
  readonly #settings: SteeringSettings;
  readonly #quorum: Quorum;
  readonly #heard$ = new Subject<Fact>();
  readonly #digests = new Set<string>();
  /** Taken and not yet settled, in order; by the fact that the loop journals, where there is one. */
  readonly #pending: Pending[] = [];
  readonly #byFact = new WeakMap<Fact, Pending>();
  readonly #subscriptions: Subscription[] = [];
  readonly #fact: (happening: Happening) => Fact;
  #driven: Driven | null = null;
  #state: LoopState | null = null;
  #fail: (error: unknown) => void = () => undefined;

  constructor(ports: SteeringPorts, settings: SteeringSettings) {
    this.#ports = ports;
    this.#settings = settings;
    this.#quorum = new Quorum(settings.aliveMsMax, ports.clock.now());
    this.#fact = factsOf(ports.clock, ports.instance);
    this.failed = new Promise<never>((_, reject) => { this.#fail = reject; });
    this.failed.catch(() => undefined); // whoever awaits it hears of it; nobody has to
    this.#subscriptions.push(
      ports.log.consume({ topics: ['evidence'], group: GROUP, unsettledMax: UNSETTLED_MAX, assigned: (held) => this.#assigned(held.length > 0) })
        .subscribe({ next: (delivery) => { this.#take(delivery); }, error: this.#fail }),
      interval(LOOK_MS, ports.clock.scheduler).subscribe(() => { this.#answer(); }),
    );
  }

  /** Null while another steer is active. */
  get state(): LoopState | null { return this.#state; }
  /** Serving processes heard of lately. */
  get alive(): readonly string[] { return this.#quorum.alive(this.#ports.clock.now()); }

  stop(): void {
    this.#driven?.stop();
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.facts$.complete();
  }

  /** Becomes active with the partition. Whoever loses it again must not go on: another one has read the journal by then. */
  async #assigned(active: boolean): Promise<void> {
    if (active && this.#driven === null) await this.#begin();
    else if (!active && this.#driven !== null) throw new EspalierError('aborted', 'Another steering process has taken over.');
  }

  async #begin(): Promise<void> {
    const { log, clock, instance } = this.#ports;
    const { policy, first, salt } = this.#settings;
    const records: Uint8Array[] = [];
    for await (const { value } of log.read('journal')) {
      records.push(value);
      this.#isNew(value);
    }
    const replayed = replay(records);
    if (replayed === null && first === null) throw new EspalierError('usage', 'The journal is empty: `espalier steer --first MODEL_FILE` begins it with a dense model.');
    const initial = replayed ?? initialState(policy, { champion: first!, salt });
    const sent = await this.#jobsSent(initial);
    await log.append([{ topic: 'roster', key: 'route', value: encodeOrder({ kind: 'route', order: 'first', deadline: clock.now() + policy.routeMsMax, roster: initial.roster }) }]);
    this.#state = initial;
    const driven = drive({
      facts$: this.#heard$, clock, instance, policy, initial,
      execute: (order) => (sent.has(order.order) ? EMPTY : from(this.#send(order)).pipe(ignoreElements())),
      journal: (facts) => this.#journal(facts),
    });
    this.#driven = driven;
    this.#subscriptions.push(
      driven.state$.subscribe({ next: (state) => { this.#state = state; }, error: this.#fail }),
      driven.facts$.subscribe({ next: (fact) => { this.#say(fact); }, error: this.#fail }),
    );
    this.#say(this.#fact({ kind: 'routed', order: 'first', roster: initial.roster, swapMs: 0 }));
  }

  /** Jobs that were open when the last steer ended, and are in the topic: they are not to be done twice. */
  async #jobsSent({ orders }: LoopState): Promise<ReadonlySet<string>> {
    const open = new Set(orders.filter(({ kind }) => kind === 'tune').map(({ order }) => order));
    const sent = new Set<string>();
    if (open.size === 0) return sent;
    for await (const { value } of this.#ports.log.read('jobs')) {
      const order = decodeOrder(value);
      if (order !== null && open.has(order.order)) sent.add(order.order);
    }
    return sent;
  }

  /** Sends an order out; its answer comes as evidence. */
  async #send(order: Order): Promise<void> {
    const record: LogRecord = order.kind === 'tune' ? { topic: 'jobs', key: order.order, value: encodeOrder(order) } : { topic: 'roster', key: order.kind, value: encodeOrder(order) };
    await this.#ports.log.append([record]);
  }

  #take(delivery: Delivery): void {
    const pending: Pending = { delivery, done: true };
    this.#pending.push(pending);
    let fact: Fact | null = null;
    try { fact = decodeFact(delivery.value); } catch (error) {
      this.#say(this.#fact({ kind: 'failed', where: 'evidence', code: codeOf(error) ?? 'log-corrupt', reason: error instanceof Error ? error.message : String(error) }));
    }
    if (fact !== null && this.#isNew(delivery.value)) {
      if (!this.#quorum.hear(fact)) {
        pending.done = false;
        this.#byFact.set(fact, pending);
        this.#hear(fact);
      }
      this.#answer();
    }
    if (this.#pending[0]?.done === true) this.#settle([]).catch(this.#fail);
  }

  #hear(fact: Fact): void {
    this.#say(fact);
    this.#heard$.next(fact);
  }

  #answer(): void {
    if (this.#state === null) return;
    for (const fact of this.#quorum.settled(this.#state.orders, this.#ports.clock.now())) this.#hear(fact);
  }

  #isNew(value: Uint8Array): boolean {
    const digest = sha256(value);
    if (this.#digests.has(digest)) return false;
    this.#digests.add(digest);
    if (this.#digests.size > DIGESTS_MAX) this.#digests.delete(this.#digests.values().next().value!);
    return true;
  }

  /** What the loop has taken is in the journal, and only then settled; so is all that came before it. */
  async #journal(facts: readonly Fact[]): Promise<void> {
    const last = Math.max(-1, ...facts.map((fact) => { const pending = this.#byFact.get(fact); return pending === undefined ? -1 : this.#pending.indexOf(pending); }));
    for (let at = 0; at <= last; at++) this.#pending[at]!.done = true;
    await this.#settle(facts.map((fact): LogRecord => ({ topic: 'journal', key: fact.instance, value: encodeFact(fact) })));
  }

  async #settle(records: readonly LogRecord[]): Promise<void> {
    const open = this.#pending.findIndex(({ done }) => !done);
    const settled = this.#pending.splice(0, open < 0 ? this.#pending.length : open).map(({ delivery }) => delivery);
    if (records.length > 0 || settled.length > 0) await this.#ports.log.transact({ group: GROUP, records, settled });
  }

  #say(fact: Fact): void {
    for (const meter of this.#ports.meters) meter.record(fact);
    this.facts$.next(fact);
  }
}
