/**
 * The only cycle of the program: facts -> decide -> orders -> facts.
 *
 * One queue, one fact at a time. What is decided is in the journal before it is done, and orders are carried out later,
 * on the clock's scheduler, never inside the call that gave them: an order executed at once would re-enter the stream.
 */
import type { Observable, ObservableInput, Subscription } from 'rxjs';
import { BehaviorSubject, Subject, concatMap, defer, filter, from, interval, map, merge, subscribeOn } from 'rxjs';
import { codeOf } from '../errors.ts';
import type { Fact, Happening } from '../facts.ts';
import type { Clock } from '../ports.ts';
import { decide } from './decide.ts';
import { fold, isFolded } from './fold.ts';
import type { Order } from './orders.ts';
import type { Policy } from './policy.ts';
import type { LoopState } from './state.ts';
import { startFact } from './state.ts';

const TICK_MS = 1000;

export interface DriveOptions {
  /** What serving and the operator report; what this loop emits itself must not come back in here. */
  readonly facts$: Observable<Fact>;
  readonly clock: Clock;
  readonly instance: string;
  readonly policy: Policy;
  /** `initialState`, or what `replay` returned. */
  readonly initial: LoopState;
  /** Carries out one order and emits its answer (and news before it). Unsubscribed when the order is given up. */
  execute(order: Order): ObservableInput<Fact>;
  /** Resolves when the facts are durable, all of them in this order. A failure ends the loop with the same error. */
  journal(facts: readonly Fact[]): Promise<void>;
}

export interface Driven {
  /** The present state, then each new one. Errors where the journal fails. */
  readonly state$: Observable<LoopState>;
  /** What was decided, and what the executed orders answered. Errors where the journal fails. */
  readonly facts$: Observable<Fact>;
  /** Ends the loop and cancels what is being carried out; the streams complete. */
  stop(): void;
}

export function drive({ facts$, clock, instance, policy, initial, execute, journal }: DriveOptions): Driven {
  const state$ = new BehaviorSubject(initial);
  const said$ = new Subject<Fact>();
  const answers$ = new Subject<Fact>();
  let tickWaiting = false;
  let stopped = false;
  const stamped = (happening: Happening): Fact => ({ ...happening, v: 1, at: clock.now(), instance });
  const orders = ordersIn(clock, execute, stamped, (fact) => { said$.next(fact); answers$.next(fact); });

  async function take(fact: Fact): Promise<void> {
    if (fact.kind === 'tick') tickWaiting = false;
    const decided = fact.kind === 'loop-started'
      ? { state: fold(state$.value, fact), orders: [], facts: [] }
      : decide(state$.value, fact, policy);
    if (decided.state === state$.value && decided.facts.length === 0) return;
    await journal(isFolded(fact) ? [fact, ...decided.facts] : decided.facts);
    if (stopped) return;
    state$.next(decided.state);
    for (const own of decided.facts) {
      if (own.kind === 'order-failed') orders.cancel(own.order);
      said$.next(own);
    }
    decided.orders.forEach(orders.carryOut);
  }

  const ticks$ = interval(TICK_MS, clock.scheduler).pipe(
    filter(() => !tickWaiting),
    map(() => { tickWaiting = true; return stamped({ kind: 'tick' }); }),
  );
  const begin = initial.begun === null ? [startFact(initial, clock.now(), instance)] : [];
  const asked$ = facts$.pipe(filter((fact) => fact.kind !== 'loop-started' && fact.kind !== 'tick'));
  const heard$ = merge(from(begin), ticks$, answers$, asked$).pipe(filter((fact) => fact.kind === 'tick' || isFolded(fact)));
  initial.orders.filter(({ deadline }) => deadline > clock.now()).forEach(orders.carryOut);
  const halt = (): void => {
    stopped = true;
    loop.unsubscribe();
    orders.cancelAll();
  };
  const loop = heard$.pipe(concatMap((fact) => take(fact))).subscribe({
    error: (error: unknown) => { halt(); state$.error(error); said$.error(error); },
  });
  const stop = (): void => {
    halt();
    state$.complete();
    said$.complete();
  };
  return { state$: state$.asObservable(), facts$: said$.asObservable(), stop };
}

interface Orders {
  readonly carryOut: (order: Order) => void;
  readonly cancel: (order: string) => void;
  readonly cancelAll: () => void;
}

/** The orders that are being carried out. An error of one becomes the fact that it failed. */
function ordersIn(clock: Clock, execute: DriveOptions['execute'], stamped: (happening: Happening) => Fact, emit: (fact: Fact) => void): Orders {
  const running = new Map<string, Subscription>();
  const cancel = (order: string): void => {
    running.get(order)?.unsubscribe();
    running.delete(order);
  };
  return {
    carryOut: (order) => {
      const subscription = defer(() => from(execute(order))).pipe(subscribeOn(clock.scheduler)).subscribe({
        next: emit,
        error: (error: unknown) => { running.delete(order.order); emit(stamped(failureOf(order, error))); },
        complete: () => { running.delete(order.order); },
      });
      if (!subscription.closed) running.set(order.order, subscription);
    },
    cancel,
    cancelAll: () => { [...running.keys()].forEach(cancel); },
  };
}

/** What an order that ended in an error answers with. */
function failureOf(order: Order, error: unknown): Happening {
  const reason = error instanceof Error ? error.message : String(error);
  switch (order.kind) {
    case 'tune': return { kind: 'job-failed', order: order.order, code: codeOf(error) ?? 'trainer-failed', reason };
    case 'enlist': return { kind: 'enlist-failed', order: order.order, model: order.model, code: codeOf(error) ?? 'engine-failed', reason };
    case 'route': case 'retire': return { kind: 'order-failed', order: order.order, code: codeOf(error) ?? 'engine-failed', reason };
  }
}
