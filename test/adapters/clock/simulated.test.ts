// Goal: virtual time passes only when told to, and timers and promises interleave as in real time. Method: the check list, traces against hand-written ones, fast-check.
import fc from 'fast-check';
import { debounceTime, interval, Subject, timer } from 'rxjs';
import { expect, it } from 'vitest';
import { simulatedClock } from '../../../src/adapters/clock/simulated.ts';
import { checkClock } from '../../checks/clock.ts';

const START = 1_700_000_000_000;

checkClock('simulated', () => {
  const clock = simulatedClock(START);
  return { clock, pass: (ms) => clock.advance(ms) };
});

it('stands still by itself, and stops exactly where it is told', async () => {
  const clock = simulatedClock(START);
  expect(clock.now()).toBe(START);
  await clock.advance(12.5);
  expect(clock.now()).toBe(START + 12.5);
  expect(clock.monotonicMs()).toBe(12.5);
  await clock.run(START + 100);
  expect(clock.now()).toBe(START + 100);
});

it('lets promises settle between two actions that are due at once', async () => {
  const clock = simulatedClock(0);
  const trace: string[] = [];
  timer(10, clock.scheduler).subscribe(() => {
    trace.push('first');
    void Promise.resolve().then(() => Promise.resolve()).then(() => { trace.push('its promises'); });
  });
  timer(10, clock.scheduler).subscribe(() => { trace.push('second'); });
  await clock.advance(10);
  expect(trace).toEqual(['first', 'its promises', 'second']);
});

it('runs what is scheduled on the way, such as a sleep after a sleep', async () => {
  const clock = simulatedClock(0);
  const at: number[] = [];
  const walk = (async () => {
    for (let i = 0; i < 5; i++) { await clock.sleep(10); at.push(clock.now()); }
  })();
  await clock.advance(50);
  await walk;
  expect(at).toEqual([10, 20, 30, 40, 50]);
});

it('reschedules one action without keeping the old ones', async () => {
  const clock = simulatedClock(0);
  const source = new Subject<number>();
  const out: number[] = [];
  source.pipe(debounceTime(10, clock.scheduler)).subscribe((value) => { out.push(value); });
  interval(4, clock.scheduler).subscribe((i) => { if (i < 3) source.next(i); });
  await clock.advance(21);
  expect(out).toEqual([]);
  await clock.advance(1);
  expect(out).toEqual([2]);
});

it('wakes any sleepers in order of time, equal times in order of the call', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.nat(50), { maxLength: 40 }), async (durations) => {
    const clock = simulatedClock(0);
    const woken: { ms: number; i: number; at: number }[] = [];
    durations.forEach((ms, i) => { void clock.sleep(ms).then(() => { woken.push({ ms, i, at: clock.now() }); }); });
    await clock.advance(50);
    expect(woken.map((w) => w.at)).toEqual(woken.map((w) => w.ms));
    expect(woken.map((w) => w.i)).toEqual(durations.map((ms, i) => ({ ms, i })).sort((a, b) => a.ms - b.ms || a.i - b.i).map((d) => d.i));
  }), { numRuns: 30 });
});
