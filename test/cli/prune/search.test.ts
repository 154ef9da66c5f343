// Goal: the search takes units first, backs off on refusal, starts from what was accepted, ends when a kind was refused twice or time is over, and keeps the fastest. Method: attempts that lose by formulas, no training.
import { describe, expect, it } from 'vitest';
import type { Attempt, Goal, Held, Take, Verdict } from '../../../src/cli/prune/search.ts';
import { search } from '../../../src/cli/prune/search.ts';
import type { Kind } from '../../../src/pruning/schedule.ts';
import { nextShare } from '../../../src/pruning/schedule.ts';

const FIRST: Held = { model: 'first', units: 64, density: 1 };

/** A world in which a model of so many units and such a density loses and runs as the formulas say. */
function world(lossOf: (units: number, density: number) => number, attemptsMax = Infinity) {
  const verdicts: Verdict<Attempt>[] = [], from: string[] = [];
  const attempt = (held: Held, { kind, share }: Take): Promise<Attempt> => {
    from.push(held.model);
    const units = kind === 'unit' ? Math.round(share * held.units) : held.units, density = kind === 'unit' ? held.density : share;
    return Promise.resolve({ model: `${units}/${density.toFixed(3)}`, units, density, loss: lossOf(units, density), times: (64 / units) ** 2 / density });
  };
  const run = (kinds: readonly Kind[], goal: Goal) => search(FIRST, kinds, goal, { attempt, heard: (verdict) => { verdicts.push(verdict); }, over: () => (from.length < attemptsMax ? null : 'time') });
  return { run, verdicts, from };
}

describe('search', () => {
  it('halves the units, backs off, goes on to connections, and keeps the fastest accepted', async () => {
    const { run, verdicts, from } = world((units, density) => (units < 16 ? 2 : 0) + (density < 0.25 ? 2 : 0));
    const { best, why } = await run(['unit', 'connection'], { kind: 'loss', points: 0.5 });
    expect(verdicts.map(({ attempt, accepted }) => `${attempt!.model} ${accepted ? 'yes' : 'no'}`)).toEqual(['32/1.000 yes', '16/1.000 yes', '8/1.000 no', '11/1.000 no', '16/0.500 yes', '16/0.300 yes', '16/0.200 no', '16/0.245 no']);
    expect(from).toEqual(['first', '32/1.000', '16/1.000', '16/1.000', '16/1.000', '16/0.500', '16/0.300', '16/0.300']);
    expect(best).toMatchObject({ units: 16, density: 0.3 });
    expect(why).toContain('refused twice');
    expect(verdicts[2]!.why).toBe('2.00 points lost, 0.5 allowed');
  });

  it('finds nothing where nothing holds, and says when time ended it', async () => {
    const strict = world(() => 1);
    expect(await strict.run(['unit', 'g4'], { kind: 'loss', points: 0.5 })).toMatchObject({ best: null });
    expect(strict.verdicts).toHaveLength(4);
    const short = world(() => 0, 2);
    expect(await short.run(['unit'], { kind: 'loss', points: 0.5 })).toMatchObject({ best: { units: 16 }, why: 'time' });
  });

  it('for a speed stops as soon as it is reached, and allows more before it gives up, without trying anything twice', async () => {
    const { run, verdicts, from } = world((units) => (units > 20 ? 0.8 : 3));
    const { best, why } = await run(['unit', 'connection'], { kind: 'speed', times: 10 });
    expect(best!.times).toBeGreaterThanOrEqual(10);
    expect(why).toBe('the speed is reached');
    expect(verdicts.some(({ why: said }) => said.includes('allowed now'))).toBe(true);
    expect(from).toHaveLength(new Set(verdicts.map(({ take, attempt }) => JSON.stringify([take, attempt!.model]))).size);
  });

  it('counts a failed attempt as refused', async () => {
    const verdicts: Verdict<Attempt>[] = [];
    const { best } = await search<Attempt>(FIRST, ['connection'], { kind: 'loss', points: 1 }, { attempt: () => Promise.resolve('it burst'), heard: (verdict) => { verdicts.push(verdict); }, over: () => null });
    expect([best, verdicts.map(({ why }) => why)]).toEqual([null, ['it burst', 'it burst']]);
  });

  it.each([['unit', 1, null, 0.5], ['unit', 1, 0.5, Math.SQRT1_2], ['connection', 0.5, null, 0.3], ['connection', 1, 0.5, Math.SQRT1_2], ['g4', 0.005, null, null], ['unit', 1, 0.95, null]] as const)('after %s held at %d and refused at %s tries %s', (kind, held, refused, wanted) => {
    expect(nextShare(kind, held, refused)).toEqual(wanted);
  });
});
