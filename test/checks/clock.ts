// Check list of the port Clock: what every clock must do, given a way to let its time pass.
import { firstValueFrom, interval, take, timer, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/ports.ts';

export interface ClockUnderTest {
  readonly clock: Clock;
  /** Lets at least `ms` pass and returns when what is due has run. */
  readonly pass: (ms: number) => Promise<void>;
}

export function checkClock(name: string, make: () => ClockUnderTest): void {
  describe(`the clock ${name}`, () => {
    it('goes forward, and the monotonic time as much as the other', async () => {
      const { clock, pass } = make();
      const now = clock.now();
      const monotonic = clock.monotonicMs();
      await pass(20);
      expect(clock.now()).toBeGreaterThan(now);
      expect(clock.monotonicMs()).toBeGreaterThan(monotonic);
    });

    it('sleeps in the order of the durations', async () => {
      const { clock, pass } = make();
      const woken: number[] = [];
      const sleeps = [30, 1, 15].map(async (ms) => { await clock.sleep(ms); woken.push(ms); });
      await Promise.all([pass(40), ...sleeps]);
      expect(woken).toEqual([1, 15, 30]);
    });

    it('drives the timers of rxjs, and an unsubscribed timer does not fire', async () => {
      const { clock, pass } = make();
      let fired = false;
      const stopped = timer(5, clock.scheduler).subscribe(() => { fired = true; });
      stopped.unsubscribe();
      const ticks = firstValueFrom(interval(5, clock.scheduler).pipe(take(3), toArray()));
      await pass(20);
      expect(await ticks).toEqual([0, 1, 2]);
      expect(fired).toBe(false);
    });

    it('tells its scheduler the same time', () => {
      const { clock } = make();
      expect(Math.abs(clock.scheduler.now() - clock.now())).toBeLessThan(1000);
    });
  });
}

