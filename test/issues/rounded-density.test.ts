// Goal: a champion whose density is the final one to rounding is tuned on, not refused for not being smaller still.
// Method: the refusal rule on the numbers of the run that found it (0.100038 alive of an ordered 0.1).
import { expect, it } from 'vitest';
import { refusalOf } from '../../src/loop/next-job.ts';
import type { Trial } from '../../src/loop/state.ts';
import { fresh, report } from '../loop/support.ts';

it('takes a density within rounding of the ordered one as the same', () => {
  const density = 0.10003810975609756;
  const trial = { model: 'candidate', density: 0.1 } as Trial;
  expect(refusalOf({ ...fresh(), density }, trial, report({ density }))).toBeNull();
  expect(refusalOf({ ...fresh(), density: 0.2 }, trial, report({ density: 0.2 }))).toContain('density');
});
