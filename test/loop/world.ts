/** A scripted environment for the loop, in virtual time and from a seed: it answers orders and feeds evidence. */
import type { ObservableInput } from 'rxjs';
import { Observable, Subject, interval, of, throwError } from 'rxjs';
import type { SimulatedClock } from '../../src/adapters/clock/simulated.ts';
import { simulatedClock } from '../../src/adapters/clock/simulated.ts';
import { sessionBlocks } from '../../src/cli/bench/gate.ts';
import type { Fact, Happening, Outcome } from '../../src/facts.ts';
import { EMPTY_STEPS, addBlock, emptyDuel } from '../../src/evidence/duel.ts';
import type { Duel } from '../../src/evidence/evidence.ts';
import { encodeFact } from '../../src/loop/journal.ts';
import type { Driven } from '../../src/loop/drive.ts';
import { drive } from '../../src/loop/drive.ts';
import type { Order } from '../../src/loop/orders.ts';
import type { Policy } from '../../src/loop/policy.ts';
import type { LoopState } from '../../src/loop/state.ts';
import type { Roster } from '../../src/rollout/roster.ts';
import { randomFrom } from '../../src/support/random.ts';
import { evidence, fresh, policy, report, sizeOf } from './support.ts';

export interface Script {
  readonly policy?: Partial<Policy>;
  readonly seed?: number;
  /** True loss of a model against the dense one, as the world stands; by model and whether it is champion. */
  loss?(model: string, isChampion: boolean): number;
  /** Measured speed of a candidate in those of the dense model; not measured where left out. */
  times?(model: string): number;
  /** Takes an order instead of the world; undefined leaves it to the world. */
  execute?(order: Order): ObservableInput<Fact> | undefined;
  journal?(facts: readonly Fact[]): Promise<void>;
  readonly initial?: LoopState;
  readonly startMs?: number;
}

export interface World {
  readonly clock: SimulatedClock;
  readonly driven: Driven;
  readonly journal: Uint8Array[];
  /** What the loop emitted. */
  readonly facts: Fact[];
  readonly executed: Order[];
  state: LoopState;
  error: unknown;
  outcomes(): Outcome[];
  say(happening: Happening): void;
}

/** Blocks of labelled sessions each second, of each pair that answers the same requests. */
const BLOCKS_PER_SECOND = 60;

export function world(script: Script = {}): World {
  const clock = simulatedClock(script.startMs ?? 1_000_000);
  const chosen = { ...policy, cycles: 1, cyclesMax: 1, ...script.policy };
  const initial = script.initial ?? fresh(chosen);
  const random = randomFrom(script.seed ?? 1);
  const input$ = new Subject<Fact>();
  const stamp = (happening: Happening): Fact => ({ ...happening, v: 1, at: clock.now(), instance: 'world' });
  const lossOf = (model: string, roster: Roster): number => (model === 'dense' ? 0 : script.loss?.(model, model === roster.champion) ?? 0);
  let serving = initial.roster;
  let reports = 0;
  const journal: Uint8Array[] = [], executed: Order[] = [];

  function answer(order: Order): Happening {
    switch (order.kind) {
      case 'tune': return { kind: 'job-done', order: order.order, candidate: { job: order.job.id, model: `small-${order.job.cycle}`, report: report(sizeOf(order.job)) } };
      case 'enlist': return { kind: 'enlisted', order: order.order, model: order.model, engine: 'world', ms: 100, parity: 0, ...(script.times === undefined ? {} : { times: script.times(order.model) }) };
      case 'route':
        if (order.roster.version > serving.version) serving = order.roster;
        return { kind: 'routed', order: order.order, roster: order.roster, swapMs: 1 };
      case 'retire': return { kind: 'retired', order: order.order, model: order.model };
    }
  }

  function drawn(reference: string, candidate: string, roster: Roster): [string, string, Duel] {
    const draw = sessionBlocks(Math.max(0, lossOf(candidate, roster) - lossOf(reference, roster)), 'spread', random);
    let duel = emptyDuel(chosen.margin);
    for (let at = 0; at < BLOCKS_PER_SECOND; at++) duel = addBlock(duel, draw(), EMPTY_STEPS);
    return [reference, candidate, duel];
  }

  const seen: World = {
    clock, journal, facts: [], executed, state: initial, error: null,
    outcomes: () => seen.facts.flatMap((one) => (one.kind === 'decided' ? [one.outcome] : [])),
    say: (happening) => { input$.next(stamp(happening)); },
    driven: drive({
      facts$: input$, clock, instance: 'steer', policy: chosen, initial,
      execute: (order) => {
        executed.push(order);
        const own = script.execute?.(order);
        if (own !== undefined) return own;
        const ms = order.kind === 'tune' ? 20_000 : 100;
        return new Observable<Fact>((to) => clock.scheduler.schedule(() => { to.next(stamp(answer(order))); to.complete(); }, ms));
      },
      journal: script.journal ?? ((facts) => { journal.push(...facts.map(encodeFact)); return Promise.resolve(); }),
    }),
  };
  seen.driven.state$.subscribe({ next: (state) => { seen.state = state; }, error: (error: unknown) => { seen.error = error; } });
  seen.driven.facts$.subscribe({ next: (one) => { seen.facts.push(one); }, error: () => undefined });
  interval(1000, clock.scheduler).subscribe(() => {
    const { champion, challenger, anchor, predecessor } = serving;
    const pairs = [[anchor, challenger], [champion, challenger], [anchor, champion], [predecessor, champion]] as const;
    const distinct = new Map(pairs.flatMap(([reference, candidate]) => (reference === null || candidate === null || reference === candidate ? [] : [[`${reference}|${candidate}`, [reference, candidate] as const]])));
    seen.say(evidence([...distinct.values()].map(([reference, candidate]) => drawn(reference, candidate, serving)), { model: champion, ref: String(reports++), vectors: 20, items: 5 }));
  });
  return seen;
}

export const failsWith = (error: unknown): ObservableInput<Fact> => throwError(() => error);
export const answersAtOnce = (one: Fact): ObservableInput<Fact> => of(one);
