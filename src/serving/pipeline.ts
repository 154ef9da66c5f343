/**
 * The serving line as a sentence: requests are decoded, assigned, put in lanes and inferred; answers are judged,
 * published, observed and told of. Records flow one way; only the settling and the roster travel back.
 */
import type { Observable } from 'rxjs';
import { ReplaySubject, Subject, concat, connect, defer, filter, firstValueFrom, ignoreElements, interval, map, merge, of, takeUntil, tap } from 'rxjs';
import { EspalierError, codeOf } from '../errors.ts';
import type { Fact, Happening } from '../facts.ts';
import type { ModelId } from '../model/model.ts';
import type { Clock, Delivery, Engine, EngineCall, Log, Topic, Vault } from '../ports.ts';
import type { Roster } from '../rollout/roster.ts';
import { modelsOf } from '../rollout/roster.ts';
import type { Registry } from './assign.ts';
import { assign, openRegistry } from './assign.ts';
import { decode } from './decode.ts';
import { inLanes } from './in-lanes.ts';
import type { InferPorts } from './infer.ts';
import { infer } from './infer.ts';
import { Judge, judge } from './judge.ts';
import { Lanes } from './lanes.ts';
import type { ServingLimits } from './limits.ts';
import { checkLimits } from './limits.ts';
import { Observer, observe } from './observe.ts';
import type { Settlement } from './publish.ts';
import { publish } from './publish.ts';
import { report } from './report.ts';
import type { Route } from './route.ts';
import { routeOf } from './route.ts';
import { Sampler } from './sampler.ts';
import { recoverStates } from './state-record.ts';
import { SessionStates } from './states.ts';
import { takeLabels } from './take-labels.ts';
import { tell } from './tell.ts';
import { UnitTable } from './unit-table.ts';
import type { Inference, MicroBatch, Models, Refusal, Ticket } from './work.ts';
import { isRefusal } from './work.ts';

/** The consumer group of the serving processes. */
export const SERVE_GROUP = 'serve';

export interface LinePorts {
  readonly log: Log;
  readonly engine: Engine;
  readonly vault: Vault;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly instance: string;
}

export interface Line {
  /** Hot. Errors with storage-full, storage-failed or log-closed where the line had to stop; completes after `drain`. */
  readonly facts$: Observable<Fact>;
  /** Resolves when states are recovered, the first roster is there and requests are taken. Rejects as `facts$` errors. */
  readonly ready: Promise<void>;
  /** Stops taking records, answers and settles what was taken, reports the evidence, completes. Rejects as `facts$` errors. */
  drain(): Promise<void>;
  /** Resolves when neither the roster nor any request still needs a model, so that it may be retired. */
  released(model: ModelId): Promise<void>;
}

const isTicket = (item: Ticket | Refusal): item is Ticket => !isRefusal(item);
const isInference = (item: Settlement): item is Inference => 'batch' in item;
/** Answers in shadow are nobody's to settle. */
const isToSettle = (item: Settlement): boolean => !isInference(item) || item.batch.live;

/** Opens the line. @param margin accuracy budget of the duels, as a share of steps */
export function openLine(ports: LinePorts, limits: ServingLimits, models: Models, roster$: Observable<Roster>, margin: number): Line {
  checkLimits(limits);
  return new ServingLine(ports, limits, models, margin).open(roster$);
}

class ServingLine {
  private readonly ports: LinePorts;
  private readonly limits: ServingLimits;
  private readonly models: Models;
  private readonly states: SessionStates;
  private readonly lanes: Lanes;
  private readonly table: Judge;
  private readonly observer: Observer;
  private readonly sampler: Sampler;
  private readonly units = new UnitTable();
  private readonly registry: Registry;
  private readonly facts$ = new Subject<Fact>();
  private readonly routed$ = new Subject<void>();
  private readonly free$ = new Subject<void>();
  private readonly stop$ = new ReplaySubject<void>(1);
  private readonly finished$ = new ReplaySubject<void>(1);
  private route: Route | null = null;
  /** Partitions of the requests that this process has, where a log shares them out. */
  private partitions: ReadonlySet<number> = new Set();
  private unsettled = 0;

  constructor(ports: LinePorts, limits: ServingLimits, models: Models, margin: number) {
    this.ports = ports;
    this.limits = limits;
    this.models = models;
    this.states = new SessionStates(limits);
    this.lanes = new Lanes(limits);
    this.table = new Judge(limits, margin);
    this.sampler = new Sampler(limits.sampleEvery, ports.random);
    this.registry = openRegistry(limits);
    this.observer = new Observer({ engine: ports.engine, failed: (error) => { this.failed('observe', error); } });
  }

  open(roster$: Observable<Roster>): Line {
    let begun = (): void => undefined;
    const ready = new Promise<void>((resolve) => { begun = resolve; });
    const done = new Promise<void>((resolve, reject) => {
      // In the next turn, so that whoever opened the line hears its first fact.
      queueMicrotask(() => this.flow(roster$, begun).subscribe({
        next: (happening) => { this.tell(happening); },
        error: (error: unknown) => {
          this.finished$.next();
          this.facts$.error(error);
          reject(error as Error);
        },
        complete: () => {
          this.facts$.complete();
          resolve();
        },
      }));
    });
    const opened = Promise.race([ready, done]);
    // Whoever waits for neither still has the error of `facts$`.
    for (const promise of [opened, done]) promise.catch(() => undefined);
    return {
      facts$: this.facts$.asObservable(),
      ready: opened,
      drain: () => {
        this.stop$.next();
        return done;
      },
      released: (model) => firstValueFrom(merge(of(undefined), this.free$, this.routed$).pipe(filter(() => !this.refersTo(model)), takeUntil(this.finished$)), { defaultValue: undefined }),
    };
  }

  /** Everything that goes on, as what there is to tell of it. */
  private flow(roster$: Observable<Roster>, begun: () => void): Observable<Happening> {
    const { scheduler } = this.ports.clock;
    const { evidenceEveryMs, bulkEveryMs, blockIdleMs, labelWaitMs, sessionIdleMsMax } = this.limits;
    const sweepMs = Math.max(1, Math.min(evidenceEveryMs, blockIdleMs, labelWaitMs, sessionIdleMsMax));
    const isBulk = (tick: number): boolean => Math.floor((tick + 1) * evidenceEveryMs / bulkEveryMs) > Math.floor(tick * evidenceEveryMs / bulkEveryMs);
    const toReport = report({ vault: this.ports.vault, table: this.table, observer: this.observer, states: this.states, units: this.units, queues: () => this.queues() });
    return concat(
      merge(
        concat(defer(() => this.prepare()).pipe(ignoreElements()), defer(() => { begun(); return this.serve(); })).pipe(tap({ complete: () => { this.finished$.next(); } })),
        roster$.pipe(takeUntil(this.finished$), tap((roster) => { this.follow(roster); }), ignoreElements()),
        interval(sweepMs, scheduler).pipe(takeUntil(this.finished$), tap(() => { this.sweep(); }), ignoreElements()),
        interval(evidenceEveryMs, scheduler).pipe(takeUntil(this.finished$), map((tick) => ({ bulk: isBulk(tick) })), toReport),
      ),
      defer(() => {
        this.table.flush();
        return of({ bulk: true });
      }).pipe(toReport),
    );
  }

  /** Recovers the states and waits for the first roster. Damaged states are left out: their sessions begin at zero. */
  private async prepare(): Promise<void> {
    const routed = firstValueFrom(merge(this.routed$, this.stop$));
    if (this.ports.log.shared !== true) await this.recover();
    await routed;
  }

  private async recover(partitions?: readonly number[]): Promise<void> {
    const damaged = await recoverStates(this.ports.log, this.states, this.ports.clock.now(), this.limits, partitions);
    if (damaged > 0) this.failed('recover', new EspalierError('log-corrupt', `${damaged} damaged session states were left out`));
  }

  /** Sessions that another process answered until now come with their partition: their states are read before their requests. */
  private async assigned(held: readonly { readonly partition: number }[]): Promise<void> {
    const partitions = held.map(({ partition }) => partition);
    const gained = partitions.filter((partition) => !this.partitions.has(partition));
    this.partitions = new Set(partitions);
    if (gained.length > 0) await this.recover(gained);
  }

  /** The line itself. */
  private serve(): Observable<Happening> {
    const { log, clock } = this.ports;
    const { limits, table, lanes, observer } = this;
    const route = (): Route => this.route!;
    const now = (): number => clock.now();
    const toPublish = publish({ log, clock, group: SERVE_GROUP, statesDurable: limits.statesDurable, settled: (deliveries) => { this.settled(deliveries); } });

    const answered$ = this.consume('requests').pipe(
      tap(() => { this.unsettled++; }),
      decode(route),
      assign(route, this.registry, clock, limits),
      connect((sorted$) => merge(
        sorted$.pipe(filter(isRefusal)),
        sorted$.pipe(filter(isTicket), inLanes(lanes, this.free$), infer(this.inferPorts()), judge(table, now)),
      )),
    );
    return merge(answered$, this.consume('labels').pipe(takeLabels(table, route, now))).pipe(
      connect((items$) => merge(
        items$.pipe(filter(isToSettle), toPublish),
        items$.pipe(filter(isInference), observe(observer)),
        items$.pipe(filter(isInference), tap((inference) => { this.units.add(inference); }), tell()),
      )),
    );
  }

  private consume(topic: Topic): Observable<Delivery> {
    const assigned = topic === 'requests' ? { assigned: (held: readonly { readonly partition: number }[]) => this.assigned(held) } : {};
    return this.ports.log.consume({ topics: [topic], group: SERVE_GROUP, unsettledMax: this.limits.unsettledMax, ...assigned }).pipe(takeUntil(this.stop$));
  }

  private inferPorts(): InferPorts {
    return {
      engine: this.ports.engine,
      clock: this.ports.clock,
      top: this.limits.top ?? 1,
      states: this.states,
      sampleOf: (batch) => this.sampleOf(batch),
      ran: (steps) => { this.sampler.ran(steps); },
      // An id whose request was refused for the engine's sake may be sent again.
      refused: (id) => { this.registry.ids.delete(id); },
      free: () => { this.free$.next(); },
    };
  }

  /** Only what the champion does for the world becomes moments. */
  private sampleOf({ live, role, model }: MicroBatch): EngineCall['sample'] {
    const isChampion = live && role === 'champion' && this.route?.champion.id === model.id;
    return isChampion && !this.observer.behind ? this.sampler.next(model.id) : null;
  }

  /** Takes a roster over. One that names an unknown model is told of and left aside; an older one comes too late. */
  private follow(roster: Roster): void {
    if (this.route !== null && roster.version < this.route.roster.version) return;
    try {
      this.route = routeOf(roster, this.models, this.limits, this.route);
      this.states.keepOnly(new Set(modelsOf(roster)));
      this.routed$.next();
    } catch (error) {
      this.failed('route', error);
    }
  }

  private refersTo(model: ModelId): boolean {
    return this.lanes.refersTo(model) || (this.route !== null && modelsOf(this.route.roster).includes(model));
  }

  private settled(deliveries: readonly Delivery[]): void {
    for (const { topic } of deliveries) if (topic === 'requests') this.unsettled--;
  }

  private sweep(): void {
    const now = this.ports.clock.now();
    this.table.sweep(now);
    this.states.sweep(now);
  }

  private queues(): Extract<Happening, { kind: 'queues' }> {
    return {
      kind: 'queues', waiting: this.lanes.waiting, shadowWaiting: this.lanes.shadowWaiting, unsettled: this.unsettled,
      unsettledMax: this.limits.unsettledMax, sessions: this.states.size, pendingLabels: this.table.pending,
    };
  }

  private failed(where: string, error: unknown): void {
    this.tell({ kind: 'failed', where, code: codeOf(error) ?? 'engine-failed', reason: error instanceof Error ? error.message : String(error) });
  }

  private tell(happening: Happening): void {
    this.facts$.next({ v: 1, at: this.ports.clock.now(), instance: this.ports.instance, ...happening });
  }
}
