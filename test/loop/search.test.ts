// Goal: with a goal the loop takes units first, then connections, ends near what the budget allows, and says why it rests. Method: promotions and refusals by hand, and worlds with a hidden limit in virtual time.
import { describe, expect, it } from 'vitest';
import type { Fact } from '../../src/facts.ts';
import { nextTake, withRefusal } from '../../src/loop/search.ts';
import { refusalOf } from '../../src/loop/next-job.ts';
import type { LoopState, Trial } from '../../src/loop/state.ts';
import { fold } from '../../src/loop/fold.ts';
import type { Policy } from '../../src/loop/policy.ts';
import type { TuningJob } from '../../src/pruning/job.ts';
import { fact, fresh, policy, report } from './support.ts';
import { world } from './world.ts';

const searching: Policy = { ...policy, goal: 'loss', cyclesMax: 100 };
type Where = Pick<LoopState, 'cycle' | 'density' | 'refusedDensity' | 'search' | 'times' | 'drifted'>;
const at = (change: Partial<Where> = {}): Where => ({ cycle: 1, density: 1, refusedDensity: null, search: { unitShare: 1, refused: {} }, times: null, drifted: false, ...change });

describe('the next order of a search', () => {
  it('halves the units, and after a refusal lies between', () => {
    expect(nextTake(at(), searching)).toEqual({ kind: 'take', granularity: 'unit', density: 0.5 });
    expect(nextTake(at({ search: { unitShare: 0.5, refused: {} } }), searching)).toEqual({ kind: 'take', granularity: 'unit', density: 0.5 });
    const refused = withRefusal({ unitShare: 0.5, refused: {} }, 'unit', 0.25, 0.5);
    expect(refused.refused).toEqual({ unit: { share: 0.25, times: 1 } });
    expect(nextTake(at({ search: refused }), searching)).toEqual({ kind: 'take', granularity: 'unit', density: Math.sqrt(0.5 * 0.25) / 0.5 });
  });

  it('goes on with the connections when units were refused twice, and rests when those were', () => {
    const units = { unit: { share: 0.3, times: 2 } } as const;
    expect(nextTake(at({ search: { unitShare: 0.4, refused: units } }), { ...searching, granularity: 'g4' })).toEqual({ kind: 'take', granularity: 'g4', density: 0.5 });
    expect(nextTake(at({ density: 0.2, search: { unitShare: 0.4, refused: { ...units, connection: { share: 0.1, times: 1 } } } }), searching)).toMatchObject({ granularity: 'connection', density: expect.closeTo(Math.sqrt(0.02), 12) as number });
    expect(nextTake(at({ density: 0.2, search: { unitShare: 0.4, refused: { ...units, connection: { share: 0.15, times: 2 } } } }), searching)).toEqual({ kind: 'rest', reason: expect.stringContaining('refused twice') as string });
  });

  it('rests when the speed is reached, by measurement, and when the jobs are used up', () => {
    const fast = { ...searching, goal: 'speed', speedup: 4 } as const;
    expect(nextTake(at({ times: 3.9 }), fast).kind).toBe('take');
    expect(nextTake(at({ times: null }), fast).kind).toBe('take');
    expect(nextTake(at({ times: 4.2 }), fast)).toEqual({ kind: 'rest', reason: 'the champion was measured 4.2 times as fast as the anchor; 4 were wanted' });
    expect(nextTake(at({ cycle: 100 }), searching)).toEqual({ kind: 'rest', reason: expect.stringContaining('100 jobs') as string });
  });

  it('trains a champion again that has left the budget, taking nothing away', () => {
    const done = at({ density: 0.1, drifted: true, search: { unitShare: 0.4, refused: { unit: { share: 0.3, times: 2 }, connection: { share: 0.07, times: 2 } } } });
    expect(nextTake(done, searching)).toEqual({ kind: 'take', granularity: 'connection', density: 0.1 });
    expect(withRefusal(done.search, 'connection', 0.1, 0.1)).toBe(done.search);
  });
});

describe('a candidate of fewer units', () => {
  const trial = { granularity: 'unit', density: 0.5, model: 'small' } as Trial;
  const refused = (layers: readonly number[] | undefined, parentLayers: readonly number[]): string | null =>
    refusalOf(fresh(), trial, report({ density: 1, granularity: 'unit', ...(layers === undefined ? {} : { layers }), parentLayers }));
  it('is refused where it has more than was ordered, as many as before, or does not say', () => {
    expect(refused([32, 32], [64, 64])).toBeNull();
    expect(refused([33, 32], [64, 64])).toContain('65 units are left of 128');
    expect(refused([1, 1], [1, 1])).toContain('not smaller');
    expect(refused([1, 1], [2, 1])).toBeNull();
    expect(refused(undefined, [64])).toContain('does not say');
  });
});

/** A task whose dense network is far too large: a quarter of the units and a tenth of the connections do, and less does not. */
async function run(change: Partial<Policy>): Promise<{ readonly state: LoopState; readonly jobs: readonly TuningJob[]; readonly rested: Extract<Fact, { kind: 'rested' }> | undefined }> {
  const sizes = new Map([['dense', { units: 1, density: 1 }]]);
  const it = world({
    policy: { ...searching, cycles: 1, ...change },
    execute: (order) => {
      if (order.kind !== 'tune') return undefined;
      const { units, density } = sizes.get(order.job.parent)!;
      sizes.set(`small-${order.job.cycle}`, order.job.granularity === 'unit' ? { units: units * order.job.density, density } : { units, density: order.job.density });
      return undefined;
    },
    loss: (model) => { const { units, density } = sizes.get(model)!; return units < 0.24 || density < 0.095 ? 0.06 : 0.001; },
    times: (model) => { const { units, density } = sizes.get(model)!; return 1 / (units * units * density); },
  });
  await it.clock.advance(60 * 60_000);
  it.driven.stop();
  const jobs = it.executed.flatMap((order) => (order.kind === 'tune' ? [order.job] : []));
  const rested = it.facts.filter((one) => one.kind === 'rested');
  expect(it.error).toBeNull();
  expect(rested.length).toBeLessThanOrEqual(1);
  return { state: it.state, jobs, rested: rested[0] };
}

describe('a search to its end', () => {
  it('finds the fastest model that stays within the margin: units first, then connections', async () => {
    const { state, jobs, rested } = await run({ goal: 'loss' });
    const kinds = jobs.map(({ granularity = 'connection' }) => granularity);
    expect(kinds.slice(0, 2)).toEqual(['unit', 'unit']);
    expect(kinds.lastIndexOf('unit')).toBeLessThan(kinds.indexOf('connection'));
    expect(state.search.unitShare).toBeGreaterThanOrEqual(0.24);
    expect(state.search.unitShare).toBeLessThan(0.3);
    expect(state.density).toBeGreaterThanOrEqual(0.095);
    expect(state.density).toBeLessThan(0.13);
    expect(rested).toMatchObject({ reason: expect.stringContaining('refused twice') as string, model: state.roster.champion, times: state.times });
    expect(state.phase).toBe('rest');
  });

  it('stops at the speed that is wanted', async () => {
    const { state, jobs, rested } = await run({ goal: 'speed', speedup: 10 });
    expect(jobs).toHaveLength(2);
    expect(state.times).toBeCloseTo(16, 6);
    expect(rested?.reason).toContain('16.0 times as fast');
  });

  it('says when the jobs are used up', async () => {
    expect((await run({ goal: 'loss', cyclesMax: 2 })).rested?.reason).toContain('2 jobs');
    expect((await run({ goal: 'density', cyclesMax: 1 })).rested?.reason).toContain('1 jobs');
  });
});

it('a job clears the word of rest', () => {
  const rested = fold(fresh(), fact({ kind: 'rested', reason: 'enough', model: 'dense', density: 1, unitShare: 1, times: null }));
  expect(rested).toMatchObject({ rested: 'enough', phase: 'rest' });
});
