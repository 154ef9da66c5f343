// Goal: under faults of every kind nothing is lost, doubled or out of order, the gate keeps its promise, and the system comes to rest. Method: 100 seeds of the simulation (the next 100 in more-seeds.test.ts, beside this file on the second core).
import { expect, it } from 'vitest';
import { planOf } from '../../src/cli/simulate/plan.ts';
import { runSeed } from '../../src/cli/simulate/run.ts';
import { checkSeeds } from './check-seeds.ts';

it('holds for seeds 1 to 100', async () => {
  const { results, failures } = await checkSeeds(1, 100);
  expect(failures).toEqual([]);
  // The seeds are worth something: all topologies, deaths in the middle of work, promotions, failed orders.
  expect(new Set(results.map(({ topology }) => topology))).toEqual(new Set(['circle', 'apart', 'two-steers']));
  const sum = (of: (counts: (typeof results)[number]['counts']) => number): number => results.reduce((total, { counts }) => total + of(counts), 0);
  expect(sum(({ kills }) => kills)).toBeGreaterThan(100);
  expect(sum(({ promotions }) => promotions)).toBeGreaterThan(30);
  expect(sum(({ ordersFailed }) => ordersFailed)).toBeGreaterThan(50);
}, 180_000);

it('gives the same trace for the same seed, and another one for another', async () => {
  for (const topology of ['circle', 'apart', 'two-steers'] as const) {
    const seeds = Array.from({ length: 60 }, (_, seed) => seed).filter((seed) => planOf(seed).topology === topology && planOf(seed).faults.length > 0);
    const [one, again, other] = [await runSeed(seeds[0]!), await runSeed(seeds[0]!), await runSeed(seeds[1]!)];
    expect(again).toEqual(one);
    expect(other.trace).not.toBe(one.trace);
  }
});
