/** A tuning process: takes jobs off the shared log, one at a time, and answers each with a candidate or why there is none. */
import type { Observable, Subscription } from 'rxjs';
import { Subject, catchError, concatMap, defer, from, map, of, takeUntil, tap, timer } from 'rxjs';
import { codeOf } from '../../errors.ts';
import type { Fact, Happening, Order } from '../../facts.ts';
import { encodeFact, isJournalled } from '../../loop/journal.ts';
import { decodeOrder } from '../../loop/order-record.ts';
import type { Clock, Delivery, Log, Meter, Trainer } from '../../ports.ts';
import type { Device } from '../../pruning/job.ts';
import { isEnded } from './job-ends.ts';
import { factsOf } from './orders.ts';

export interface TuningPorts {
  readonly log: Log;
  readonly trainer: Trainer;
  readonly clock: Clock;
  readonly meters: readonly Meter[];
  readonly instance: string;
}

const GROUP = 'tune';

type TuneOrder = Extract<Order, { kind: 'tune' }>;

const isEnd = ({ kind }: Fact): boolean => kind === 'job-done' || kind === 'job-failed';

export class Tuning {
  readonly facts$ = new Subject<Fact>();
  readonly failed: Promise<never>;
  readonly #ports: TuningPorts;
  readonly #subscription: Subscription;
  readonly #fact: (happening: Happening) => Fact;
  #job: string | null = null;
  #device: Device | null = null;
  #fail: (error: unknown) => void = () => undefined;

  constructor(ports: TuningPorts) {
    this.#ports = ports;
    this.#fact = factsOf(ports.clock, ports.instance);
    this.failed = new Promise<never>((_, reject) => { this.#fail = reject; });
    this.failed.catch(() => undefined); // whoever awaits it hears of it; nobody has to
    this.#subscription = ports.log.consume({ topics: ['jobs'], group: GROUP, unsettledMax: 1 })
      .pipe(concatMap((delivery) => this.#take(delivery))).subscribe({ error: this.#fail });
  }

  /** The job that is being done. */
  get job(): string | null { return this.#job; }
  /** Where the jobs are computed; null before the first. */
  get device(): Device | null { return this.#device; }

  /** Gives a running job up; it stays in the log, for another process or the next start. */
  stop(): void {
    this.#subscription.unsubscribe();
    this.facts$.complete();
  }

  #take(delivery: Delivery): Observable<void> {
    const order = decodeOrder(delivery.value);
    const settle = (facts: readonly Fact[]): Promise<void> => this.#ports.log.transact({
      group: GROUP, settled: [delivery],
      records: facts.filter(isJournalled).map((fact) => ({ topic: 'evidence', key: this.#ports.instance, value: encodeFact(fact) })),
    });
    if (order?.kind !== 'tune') {
      this.#say({ kind: 'failed', where: 'jobs', code: 'log-corrupt', reason: `Record ${delivery.offset} of the topic jobs is no job.` });
      return from(settle([]));
    }
    // The loop has given it up already.
    if (order.deadline <= this.#ports.clock.now()) return from(settle([]));
    const ended = (): Promise<boolean> => isEnded(this.#ports.log, order, delivery);
    // Asked again at the end: a process that was thought dead may have lost the job to another one meanwhile.
    const publish = async (fact: Fact): Promise<void> => settle(await ended() ? [] : [fact]);
    return from(ended()).pipe(concatMap((over) => (over ? settle([]) : defer(() => { this.#job = order.job.id; return this.#run(order); }).pipe(
      concatMap((fact) => (isEnd(fact) ? publish(fact) : of(undefined))),
      tap({ finalize: () => { this.#job = null; } }),
    ))));
  }

  /** The facts of a job; the last one is its end. */
  #run(order: TuneOrder): Observable<Fact> {
    const { trainer, clock } = this.#ports, { deadline } = order;
    let ended = false;
    const end = (happening: Happening): Happening => { ended = true; return happening; };
    const failure = (error: unknown): Happening => end({ kind: 'job-failed', order: order.order, deadline, code: codeOf(error) ?? 'trainer-failed', reason: error instanceof Error ? error.message : String(error) });
    const news$ = trainer.tune(order.job).pipe(
      takeUntil(timer(Math.max(0, deadline - clock.now()), clock.scheduler)),
      tap((news) => { if (news.kind === 'device') this.#device = news.device; }),
      map((news): Happening => (news.kind === 'candidate' ? end({ kind: 'job-done', order: order.order, deadline, candidate: news.candidate }) : { kind: 'job-news', job: order.job.id, news })),
      catchError((error: unknown) => of(failure(error))),
    );
    const late$ = defer(() => (ended ? [] : [{ kind: 'job-failed', order: order.order, deadline, code: 'aborted', reason: 'no candidate by the deadline of the job' } satisfies Happening]));
    return from([news$, late$]).pipe(concatMap((part$) => part$), map((happening) => this.#say(happening)));
  }

  #say(happening: Happening): Fact {
    const fact = this.#fact(happening);
    for (const meter of this.#ports.meters) meter.record(fact);
    this.facts$.next(fact);
    return fact;
  }
}
