/** Carries out the orders of the loop, each answered by facts. */
import { catchError, concat, defer, from, map, of } from 'rxjs';
import type { BehaviorSubject, Observable } from 'rxjs';
import { timesOf } from '../../adapters/engine/rates.ts';
import { EspalierError, codeOf } from '../../errors.ts';
import type { ErrorCode } from '../../errors.ts';
import type { Fact, Happening, Order } from '../../facts.ts';
import { encodeOrder } from '../../loop/order-record.ts';
import type { ModelId } from '../../model/model.ts';
import type { Clock, Engine, Log, Trainer, Vault } from '../../ports.ts';
import type { Roster } from '../../rollout/roster.ts';
import { isSameRoster } from '../../rollout/roster.ts';
import type { Models } from './models.ts';

export interface OrderPorts {
  readonly engine: Engine;
  readonly trainer: Trainer;
  readonly vault: Vault;
  readonly log: Log;
  readonly clock: Clock;
  readonly models: Models;
  readonly roster$: BehaviorSubject<Roster>;
  readonly instance: string;
  /** Resolves when no request still needs the model. */
  readonly released: (model: ModelId) => Promise<void>;
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Makes facts of this instance. */
export const factsOf = (clock: Clock, instance: string) => (happening: Happening): Fact => ({ ...happening, v: 1, at: clock.now(), instance });

function tune(ports: OrderPorts, order: Extract<Order, { kind: 'tune' }>): Observable<Happening> {
  return ports.trainer.tune(order.job).pipe(
    map((news): Happening => (news.kind === 'candidate'
      ? { kind: 'job-done', order: order.order, candidate: news.candidate }
      : { kind: 'job-news', job: order.job.id, news })),
    catchError((error: unknown) => of<Happening>({ kind: 'job-failed', order: order.order, code: codeOf(error) ?? 'trainer-failed', reason: reasonOf(error) })),
  );
}

async function enlist(ports: OrderPorts, order: Extract<Order, { kind: 'enlist' }>): Promise<Happening> {
  try {
    const model = await ports.models.load(order.model);
    const { ms, parity, engine = ports.engine.name } = await ports.engine.enlist(model);
    const times = await timesOf(ports.engine, model.id, ports.roster$.value.anchor, model.shape);
    return { kind: 'enlisted', order: order.order, model: order.model, engine, ms, parity, ...(times === null ? {} : { times }) };
  } catch (error) {
    ports.models.forget(order.model);
    return { kind: 'enlist-failed', order: order.order, model: order.model, code: codeOf(error) ?? 'engine-failed', reason: reasonOf(error) };
  }
}

/** Whether serving follows another roster of the same version or a later one: of a second loop, or of this one long ago. */
function isOvertaken({ roster$: { value: followed } }: OrderPorts, roster: Roster): boolean {
  return followed.version > roster.version || (followed.version === roster.version && !isSameRoster(followed, roster));
}

/** Throws model-unknown, the errors of the log, and aborted where serving follows another roster, which it would not leave for this one. */
async function route(ports: OrderPorts, order: Extract<Order, { kind: 'route' }>): Promise<Happening> {
  const started = ports.clock.monotonicMs();
  const { roster } = order;
  for (const id of [roster.champion, roster.challenger, roster.anchor, roster.predecessor]) if (id !== null) ports.models.get(id);
  const refuseOvertaken = (): void => {
    if (isOvertaken(ports, roster)) throw new EspalierError('aborted', `Serving follows another roster, of version ${ports.roster$.value.version}; this one has ${roster.version}.`);
  };
  refuseOvertaken();
  await ports.log.append([{ topic: 'roster', key: order.kind, value: encodeOrder(order) }]);
  refuseOvertaken();
  if (roster.version > ports.roster$.value.version) ports.roster$.next(roster);
  return { kind: 'routed', order: order.order, roster, swapMs: ports.clock.monotonicMs() - started };
}

async function retire(ports: OrderPorts, order: Extract<Order, { kind: 'retire' }>): Promise<Happening> {
  await ports.released(order.model);
  await ports.engine.retire(order.model);
  ports.models.forget(order.model);
  return { kind: 'retired', order: order.order, model: order.model };
}

/** The facts that answer an order; never errors. Cold: nothing happens before it is subscribed to. */
export function executeOrder(ports: OrderPorts, order: Order): Observable<Fact> {
  const failed = (error: unknown): Observable<Happening> => of({ kind: 'order-failed', order: order.order, code: codeOf(error) ?? ('storage-failed' satisfies ErrorCode), reason: reasonOf(error) });
  const happenings = defer((): Observable<Happening> => {
    switch (order.kind) {
      case 'tune': return tune(ports, order);
      case 'enlist': return from(enlist(ports, order));
      case 'route': return from(route(ports, order));
      case 'retire': return from(retire(ports, order));
    }
  });
  return concat(happenings).pipe(catchError(failed), map(factsOf(ports.clock, ports.instance)));
}

/** Throws engine-mismatch details on as a fact; used where a model must be there before anything starts. */
export async function enlistFirst(ports: Pick<OrderPorts, 'models' | 'engine'>, id: string): Promise<void> {
  try {
    await ports.engine.enlist(await ports.models.load(id));
  } catch (error) {
    throw error instanceof EspalierError ? error : new EspalierError('engine-failed', reasonOf(error), error);
  }
}
