/** Contestants in turns: every round gives each one measurement, and a machine that slows down slows all of them. */
import { quantileOf } from '../throughput.ts';
import type { Contestant } from './contestant.ts';
import { fixed } from './contestant.ts';

export interface Measured { readonly contestant: Contestant; readonly batch: number | 'best'; readonly bestBatch?: number; readonly laneStepsPerSecond: number }

/** Lane-steps of one second of the contestant's CPU time, over runs that take so many seconds of it in all. */
export async function rateOf(contestant: Contestant, calls: readonly (readonly number[])[], seconds: number): Promise<number> {
  let busyMs = 0, laneSteps = 0;
  do {
    for (const lengths of calls) {
      busyMs += await contestant.run(lengths);
      laneSteps += lengths.reduce((sum, steps) => sum + steps, 0);
    }
  } while (busyMs < 1000 * seconds);
  return 1000 * laneSteps / busyMs;
}

/** The batch at which a contestant is fastest; the first run of each only warms. */
async function bestOf(contestant: Contestant, batches: readonly number[], seconds: number): Promise<number> {
  let best = { batch: batches[0]!, rate: 0 };
  for (const batch of batches) {
    await contestant.run(fixed(batch));
    const rate = await rateOf(contestant, [fixed(batch)], seconds / 2);
    if (rate > best.rate) best = { batch, rate };
  }
  return best.batch;
}

/** Batch 1 and the best batch of each contestant: medians over the rounds. */
export async function measureFixed(contestants: readonly Contestant[], batches: readonly number[], rounds: number, seconds: number): Promise<readonly Measured[]> {
  const runs = [];
  for (const contestant of contestants) {
    const bestBatch = await bestOf(contestant, batches, seconds);
    runs.push({ contestant, bestBatch, one: [] as number[], best: [] as number[] });
  }
  for (let round = 0; round < rounds; round++) {
    for (const { contestant, bestBatch, one, best } of runs) {
      one.push(await rateOf(contestant, [fixed(1)], seconds));
      best.push(await rateOf(contestant, [fixed(bestBatch)], seconds));
    }
  }
  return runs.flatMap(({ contestant, bestBatch, one, best }) => [
    { contestant, batch: 1, laneStepsPerSecond: quantileOf(one, 0.5) }, { contestant, batch: 'best' as const, bestBatch, laneStepsPerSecond: quantileOf(best, 0.5) },
  ]);
}

/** Sequences that are padded to the longest of so many. */
const blocksOf = (lengths: readonly number[], batch: number): readonly (readonly number[])[] =>
  Array.from({ length: Math.ceil(lengths.length / batch) }, (_, at) => lengths.slice(at * batch, (at + 1) * batch));

/**
 * Ragged sequences. An engine that pads is given them in blocks at the best block size of its own, as they come or sorted
 * (the whole list is sorted: as far ahead as it is long); one that does not is given all at once, and is the same in both.
 */
export async function measureRagged(contestants: readonly Contestant[], lengths: readonly number[], batches: readonly number[], rounds: number, seconds: number): Promise<readonly { readonly contestant: Contestant; readonly sorted: boolean; readonly bestBatch: number; readonly laneStepsPerSecond: number }[]> {
  const sortedLengths = [...lengths].sort((a, b) => b - a);
  const runs = [];
  for (const contestant of contestants) {
    for (const sorted of [false, true]) {
      const given = sorted ? sortedLengths : lengths;
      let best = { batch: given.length, rate: 0, calls: [given] as readonly (readonly number[])[] };
      for (const batch of contestant.pads ? batches.filter((size) => size > 1) : []) {
        const calls = blocksOf(given, batch), rate = await rateOf(contestant, calls, seconds / 2);
        if (rate > best.rate) best = { batch, rate, calls };
      }
      runs.push({ contestant, sorted, ...best, rates: [] as number[] });
    }
  }
  for (let round = 0; round < rounds; round++) for (const run of runs) run.rates.push(await rateOf(run.contestant, run.calls, seconds));
  return runs.map(({ contestant, sorted, batch, rates }) => ({ contestant, sorted, bestBatch: batch, laneStepsPerSecond: quantileOf(rates, 0.5) }));
}

