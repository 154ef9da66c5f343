// Goal: the bench of the moments runs and gives a share for each size with its spread. Method: the quick form of it; no figure is judged.
import { expect, it } from 'vitest';
import { runMomentsBench } from '../../../src/cli/bench/moments.ts';

it('a median within its quartiles', { timeout: 60_000 }, async () => {
  const rows = await runMomentsBench({ seed: 1, quick: true });
  expect(rows).toHaveLength(1);
  const [low, median, high] = rows[0]!.share;
  expect(low).toBeLessThanOrEqual(median);
  expect(median).toBeLessThanOrEqual(high);
  expect(rows[0]!.every).toBe(32);
});
