import { setTimeout as sleep } from 'node:timers/promises';
import { asyncScheduler } from 'rxjs';
import type { Clock } from '../../ports.ts';

/** The clock of the machine. Durations are taken from `monotonicMs`, which no time server sets back. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
    sleep: (ms) => sleep(ms),
    scheduler: asyncScheduler,
  };
}
