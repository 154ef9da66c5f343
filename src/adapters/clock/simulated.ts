import { setImmediate as macrotaskTurn } from 'node:timers/promises';
import { Subscription, type SchedulerAction, type SchedulerLike } from 'rxjs';
import { assert } from '../../errors.ts';
import type { Clock } from '../../ports.ts';

export interface SimulatedClock extends Clock {
  /** Lets `ms` milliseconds of virtual time pass. */
  advance(ms: number): Promise<void>;
  /** Runs everything that is due up to the virtual time `untilMs` (included), and leaves the clock there. */
  run(untilMs: number): Promise<void>;
}

type Work<T> = (this: SchedulerAction<T>, state?: T) => void;

/** What is due when; equal times keep the order in which they were scheduled. */
interface Agenda {
  nowMs: number;
  readonly actions: VirtualAction<unknown>[];
}

/**
 * One action of the virtual scheduler. rxjs has a virtual scheduler of its own, but it runs everything in one
 * synchronous flush, so that no promise settles in between, and keeps every firing of an interval in memory.
 */
class VirtualAction<T> extends Subscription implements SchedulerAction<T> {
  dueMs = 0;
  private state: T | undefined;
  private readonly agenda: Agenda;
  private readonly work: Work<T>;

  constructor(agenda: Agenda, work: Work<T>) {
    super();
    this.agenda = agenda;
    this.work = work;
  }

  schedule(state?: T, delay = 0): Subscription {
    if (this.closed || !Number.isFinite(delay)) return this;
    this.leave();
    this.state = state;
    this.dueMs = this.agenda.nowMs + Math.max(0, delay);
    const { actions } = this.agenda;
    let at = actions.length;
    while (at > 0 && actions[at - 1]!.dueMs > this.dueMs) at--;
    actions.splice(at, 0, this as VirtualAction<unknown>);
    return this;
  }

  execute(): void {
    this.work(this.state);
  }

  override unsubscribe(): void {
    this.leave();
    super.unsubscribe();
  }

  private leave(): void {
    const at = this.agenda.actions.indexOf(this as VirtualAction<unknown>);
    if (at >= 0) this.agenda.actions.splice(at, 1);
  }
}

/**
 * A clock whose time passes only when told to. One action is run at a time and a whole turn of the event loop is
 * awaited in between, so promises and rxjs timers interleave as they would in real time, and the same way every time.
 * @param startMs virtual time at the start, milliseconds since the epoch
 */
export function simulatedClock(startMs: number): SimulatedClock {
  const agenda: Agenda = { nowMs: startMs, actions: [] };
  let running = false;
  const scheduler: SchedulerLike = {
    now: () => agenda.nowMs,
    schedule: <T>(work: Work<T>, delay = 0, state?: T) => new VirtualAction<T>(agenda, work).schedule(state, delay),
  };

  async function run(untilMs: number): Promise<void> {
    assert(!running, 'the simulated clock is stepped by one caller at a time');
    running = true;
    try {
      await macrotaskTurn();
      while (agenda.actions.length > 0 && agenda.actions[0]!.dueMs <= untilMs) {
        const action = agenda.actions.shift()!;
        agenda.nowMs = action.dueMs;
        action.execute();
        await macrotaskTurn();
      }
      agenda.nowMs = Math.max(agenda.nowMs, untilMs);
    } finally {
      running = false;
    }
  }

  return {
    now: () => agenda.nowMs,
    monotonicMs: () => agenda.nowMs - startMs,
    sleep: (ms) => new Promise((resolve) => { scheduler.schedule(() => { resolve(); }, ms); }),
    scheduler,
    advance: (ms) => run(agenda.nowMs + ms),
    run,
  };
}
