// Goal: the simulation finds what it is there to find. Method: the program broken on purpose, one way at a time, until a seed says what is wrong.
import { expect, it } from 'vitest';
import { ALPHA, planOf } from '../../src/cli/simulate/plan.ts';
import { runSeed } from '../../src/cli/simulate/run.ts';
import type { Sabotage } from '../../src/cli/simulate/sabotage.ts';
import { SABOTAGES } from '../../src/cli/simulate/sabotage.ts';
import { wrongMax } from '../../src/cli/simulate/verdict.ts';

/** What a run says of each; `ignore-harm` is found by the number of false certificates. */
const FOUND: Readonly<Record<Exclude<Sabotage, 'ignore-harm'>, RegExp>> = {
  'settle-first': /a transaction settles \d+ requests .* with 0 answers/,
  'drop-redelivery': /was sent 1 times and answered or refused 0 times/,
  'answer-out-of-order': /has a state that saw|out of order/,
  'answer-twice': /a transaction settles .* with \d+ answers/,
  'forget-journal': /the journal gives another state/,
  'route-unlisted': /was given a roster that it cannot follow|which is not enlisted/,
  'evidence-twice': /was counted twice/,
};
const SEEDS_MAX = 60;

/** Short runs of processes that die apart, with candidates that hide what they are. */
function isSuited(seed: number): boolean {
  const { topology, world, outcomes, faults } = planOf(seed);
  return topology === 'apart' && world.lengthMs < 60_000 && faults.some(({ kind }) => kind.startsWith('kill')) && outcomes.some(([outcome]) => outcome === 'hidden');
}

it('has a way to find each', () => {
  expect([...Object.keys(FOUND), 'ignore-harm'].sort()).toEqual([...SABOTAGES].sort());
});

it.each(Object.entries(FOUND))('finds %s', async (sabotage, says) => {
  for (let seed = 1; seed < 1 + SEEDS_MAX; seed++) {
    if (!isSuited(seed)) continue;
    const { violations } = await runSeed(seed, sabotage as Sabotage);
    if (violations.some((violation) => says.test(violation))) return;
  }
  expect.fail(`${SEEDS_MAX} seeds did not find ${sabotage}`);
});

it('finds a gate that is blind to harm', async () => {
  let runs = 0, wrong = 0;
  for (let seed = 1; runs < 16; seed++) {
    if (!isSuited(seed)) continue;
    runs++;
    if ((await runSeed(seed, 'ignore-harm')).wrong) wrong++;
  }
  expect(wrong).toBeGreaterThan(wrongMax(runs, ALPHA));
});
