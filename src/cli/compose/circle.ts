/**
 * The circle in one process: the serving line, the loop, and what carries out its orders, joined on one stream of facts.
 * The training process is behind the Trainer port.
 */
import { BehaviorSubject, Subject, share } from 'rxjs';
import type { Observable, Subscription } from 'rxjs';
import type { Fact, Happening } from '../../facts.ts';
import { drive } from '../../loop/drive.ts';
import { encodeFact, replay } from '../../loop/journal.ts';
import type { Policy } from '../../loop/policy.ts';
import { initialState } from '../../loop/state.ts';
import type { LoopState } from '../../loop/state.ts';
import type { ModelId } from '../../model/model.ts';
import type { Clock, Engine, Log, Meter, Trainer, Vault } from '../../ports.ts';
import type { ServingLimits } from '../../serving/limits.ts';
import { openLine } from '../../serving/pipeline.ts';
import type { Models } from './models.ts';
import { enlistFirst, executeOrder, factsOf } from './orders.ts';

export interface CirclePorts {
  readonly log: Log;
  readonly vault: Vault;
  readonly engine: Engine;
  readonly trainer: Trainer;
  readonly clock: Clock;
  readonly meters: readonly Meter[];
  readonly models: Models;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly instance: string;
}

export interface CircleSettings {
  readonly limits: ServingLimits;
  readonly policy: Policy;
  /** The dense model that serves first, in the vault; where there is a journal, its roster serves instead. */
  readonly champion: ModelId;
  readonly salt: string;
}

export interface Circle {
  /** Every fact of serving, loop and orders; hot. */
  readonly facts$: Observable<Fact>;
  readonly state: () => LoopState;
  readonly command: (command: Extract<Happening, { kind: 'command' }>['command'], by: string) => void;
  /** Ends the loop (open orders are cancelled), then drains the line: nothing that was taken is left unanswered. */
  stop(): Promise<void>;
  /** Rejects where the line or the journal fails, for example with storage-full. */
  readonly failed: Promise<never>;
}

/** The state that the journal tells of, or the first one. Throws log-corrupt. */
async function recoveredState(log: Log, settings: CircleSettings): Promise<LoopState> {
  const records: Uint8Array[] = [];
  for await (const { value } of log.read('journal')) records.push(value);
  return replay(records) ?? initialState(settings.policy, { champion: settings.champion, salt: settings.salt });
}

/**
 * Starts serving and the loop, from where the journal of the log ends. Throws the artifact and engine errors where a
 * model of the roster cannot serve, log-corrupt where the journal is damaged.
 */
export async function startCircle(ports: CirclePorts, settings: CircleSettings): Promise<Circle> {
  const { log, clock, instance, models } = ports;
  const { policy } = settings;
  const initial = await recoveredState(log, settings);
  for (const id of initial.enlisted) await enlistFirst(ports, id);
  const roster$ = new BehaviorSubject(initial.roster);
  const out$ = new Subject<Fact>();
  const asked$ = new Subject<Fact>();
  const fact = factsOf(clock, instance);

  const line = openLine({ ...ports }, settings.limits, models, roster$, policy.margin);
  const served$ = line.facts$.pipe(share());
  let state = initial;
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => { fail = reject; });
  failed.catch(() => undefined); // whoever awaits it hears of it; nobody has to

  const heard$ = new Subject<Fact>();
  const driven = drive({
    facts$: heard$, clock, instance, policy, initial,
    execute: (order) => executeOrder({ ...ports, roster$, released: (model) => line.released(model) }, order),
    journal: async (facts) => { if (facts.length > 0) await log.append(facts.map((one) => ({ topic: 'journal', key: instance, value: encodeFact(one) }))); },
  });
  const subscriptions: Subscription[] = [
    out$.subscribe((one) => { for (const meter of ports.meters) meter.record(one); }),
    driven.state$.subscribe({ next: (next) => { state = next; }, error: fail }),
    driven.facts$.subscribe({ next: (one) => { out$.next(one); }, error: fail }),
    asked$.subscribe((one) => { out$.next(one); heard$.next(one); }),
    served$.subscribe({ next: (one) => { out$.next(one); heard$.next(one); }, error: fail }),
  ];
  await Promise.race([line.ready, failed]);
  out$.next(fact({ kind: 'routed', order: 'first', roster: initial.roster, swapMs: 0 }));

  async function stop(): Promise<void> {
    driven.stop();
    await line.drain();
    for (const subscription of subscriptions) subscription.unsubscribe();
    out$.complete();
  }
  return { facts$: out$.asObservable(), state: () => state, command: (command, by) => { asked$.next(fact({ kind: 'command', command, by })); }, stop, failed };
}
