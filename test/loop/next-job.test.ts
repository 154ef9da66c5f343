// Goal: the densities that are ordered approach the final one by the cubic schedule. Method: walks of promotions and refusals.
import { describe, expect, it } from 'vitest';
import { nextJob } from '../../src/loop/next-job.ts';
import { nextDensity } from '../../src/loop/search.ts';
import { densityOf } from '../../src/pruning/schedule.ts';
import { TAKE, fresh, policy as whole } from './support.ts';

const policy = { cycles: 4, density: 0.1 };

describe('next density', () => {
  it('follows the schedule while every candidate is promoted, then stays', () => {
    let density = 1;
    for (let cycle = 1; cycle <= 6; cycle++) {
      density = nextDensity({ density, refusedDensity: null }, policy);
      expect(density).toBeCloseTo(densityOf(cycle, 4, 0.1), 12);
    }
  });

  it('takes a density that was missed by rounding for the step itself', () => {
    expect(nextDensity({ density: densityOf(1, 4, 0.1) * 1.005, refusedDensity: null }, policy)).toBeCloseTo(densityOf(2, 4, 0.1), 12);
  });

  it('goes halfway back after each refusal, never above the champion', () => {
    let refused = 0.2;
    for (let again = 0; again < 5; again++) {
      const next = nextDensity({ density: 0.4, refusedDensity: refused }, policy);
      expect(next).toBeCloseTo((0.4 + refused) / 2, 12);
      refused = next;
    }
    expect(nextDensity({ density: 0.1, refusedDensity: 0.1 }, policy)).toBe(0.1);
  });

  it('never goes up for a champion that is thinner than the final density', () => {
    expect(nextDensity({ density: 0.05, refusedDensity: null }, policy)).toBe(0.05);
  });
});

it('a job demands the device of the policy, and any where it names none', () => {
  expect(nextJob(fresh(), whole, TAKE).device).toBe('any');
  expect(nextJob(fresh(), { ...whole, device: 'gpu' }, TAKE).device).toBe('gpu');
});

describe('the next job', () => {
  it('says what goes and what may come back only where that was chosen', () => {
    expect(Object.keys(nextJob(fresh(), whole, TAKE))).not.toContain('granularity');
    expect(nextJob(fresh(), { ...whole, regrow: 0.1, scope: 'sensitivity' }, { ...TAKE, granularity: 'g4' })).toMatchObject({ granularity: 'g4', regrow: 0.1, scope: 'sensitivity' });
    expect(nextJob(fresh(), { ...whole, granularity: 'connection', regrow: 0 }, TAKE)).toEqual(nextJob(fresh(), whole, TAKE));
  });
});
