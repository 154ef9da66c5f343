/**
 * The life of a simulated process. When it ends, nothing more happens in it: no timer fires, no call returns, no record
 * arrives. That is what kill -9 looks like from within.
 */
import type { SchedulerAction, SchedulerLike } from 'rxjs';
import { Subscription } from 'rxjs';
import type { Clock } from '../../ports.ts';

export class Life {
  readonly instance: string;
  private readonly ends: (() => void)[] = [];
  private over = false;

  constructor(instance: string) {
    this.instance = instance;
  }

  get dead(): boolean { return this.over; }

  /** Runs when the life ends. */
  onEnd(end: () => void): void {
    this.ends.push(end);
  }

  kill(): void {
    if (this.over) return;
    this.over = true;
    for (const end of this.ends) end();
  }

  /** What a call returns, for as long as there is somebody to return to. */
  answer<T>(result: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      result.then((value) => { if (!this.over) resolve(value); }, (error: unknown) => { if (!this.over) reject(error as Error); });
    });
  }
}

/** The clock of one process: its wall time may be off by `offMs()`, its timers die with it. */
export function clockOf(life: Life, clock: Clock, offMs: () => number): Clock {
  const scheduler: SchedulerLike = {
    now: () => clock.now() + offMs(),
    schedule: <T>(work: (this: SchedulerAction<T>, state?: T) => void, delay?: number, state?: T) => {
      if (life.dead) return Subscription.EMPTY;
      return clock.scheduler.schedule<T>(function (this: SchedulerAction<T>, given?: T) { if (!life.dead) work.call(this, given); }, delay, state);
    },
  };
  return {
    now: () => clock.now() + offMs(),
    monotonicMs: () => clock.monotonicMs(),
    sleep: (ms) => life.answer(clock.sleep(ms)),
    scheduler,
  };
}
