// Goal and method: those of seeds.test.ts, for the next 100 seeds, so that both cores have work.
import { expect, it } from 'vitest';
import { checkSeeds } from './check-seeds.ts';

it('holds for seeds 101 to 200', async () => {
  const { results, failures } = await checkSeeds(101, 100);
  expect(failures).toEqual([]);
  // One of them promotes ten times, each time a little worse than before and never worse than the anchor allows.
  expect(Math.max(...results.map(({ counts }) => counts.promotions))).toBeGreaterThanOrEqual(10);
}, 180_000);
