// Goal: choose keeps exactly the wanted density, the best, and never what is dead. Method: properties over random
// scores with many ties, in both scopes; the schedule against its formula.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aliveOf } from '../../src/model/mask.ts';
import { choose, chooseAll, sensitivityOf } from '../../src/pruning/choose.ts';
import { GROUP, groupMask, groupsOf, groupsWanted } from '../../src/pruning/groups.ts';
import { densityOf } from '../../src/pruning/schedule.ts';
import { randomFrom } from '../../src/support/random.ts';

const problem = fc.record({
  sources: fc.integer({ min: 1, max: 12 }), units: fc.integer({ min: 1, max: 9 }), seed: fc.integer(),
  density: fc.double({ min: 0, max: 1, noNaN: true }), alive: fc.constantFrom(0, 0.3, 0.8, 1), levels: fc.constantFrom(3, 1e9),
}, { noNullPrototype: true });
const scope = fc.constantFrom('network' as const, 'layer' as const, 'unit' as const);

interface Problem { sources: number; units: number; seed: number; density: number; alive: number; levels: number }
function instance({ sources, units, seed, alive, levels }: Problem): { scores: Float64Array; mask: Uint8Array } {
  const random = randomFrom(seed);
  const mask = Uint8Array.from({ length: sources * units }, () => random() < alive ? 1 : 0);
  return { mask, scores: Float64Array.from(mask, (bit) => bit === 1 ? Math.floor(random() * levels) : -Infinity) };
}
const countOf = (mask: Uint8Array, units: number, j: number): number => mask.filter((_, at) => at % units === j).reduce((sum, bit) => sum + bit, 0);

describe('choose', () => {
  it('keeps exactly the wanted number (or all that are alive), only alive ones, the same ones each time', () => {
    fc.assert(fc.property(problem, scope, (given, ranking) => {
      const { scores, mask } = instance(given);
      const chosen = choose({ ...given, scores, mask, scope: ranking });
      expect(aliveOf(chosen)).toBe(Math.min(Math.round(given.density * mask.length), aliveOf(mask)));
      expect(chosen.every((bit, at) => bit <= mask[at]!)).toBe(true);
      expect(choose({ ...given, scores, mask, scope: ranking })).toStrictEqual(chosen);
    }), { numRuns: 400 });
  });

  it('in the scope of the network drops nothing that outranks what it keeps', () => {
    fc.assert(fc.property(problem, (given) => {
      const { scores, mask } = instance(given);
      const chosen = choose({ ...given, scores, mask, scope: 'network' });
      const kept = [...scores.keys()].filter((at) => chosen[at] === 1), dropped = [...scores.keys()].filter((at) => chosen[at] === 0 && mask[at] === 1);
      const worst = Math.min(...kept.map((at) => scores[at]!));
      for (const at of dropped) {
        expect(scores[at]! <= worst).toBe(true);
        if (scores[at] === worst) expect(kept.every((other) => scores[other] !== worst || other < at)).toBe(true);
      }
    }), { numRuns: 300 });
  });

  it('in the scope of the unit gives all the same number but for one, as far as each has so many', () => {
    fc.assert(fc.property(problem, (given) => {
      const { scores, mask } = instance(given);
      const chosen = choose({ ...given, scores, mask, scope: 'unit' });
      const counts = Array.from({ length: given.units }, (_, j) => ({ kept: countOf(chosen, given.units, j), alive: countOf(mask, given.units, j) }));
      const most = Math.max(...counts.map(({ kept }) => kept));
      for (const { kept, alive } of counts) expect(kept).toBeGreaterThanOrEqual(Math.min(alive, most - 1));
    }), { numRuns: 300 });
  });

  it('nests under the same scores: a lower density is a part of a higher one', () => {
    fc.assert(fc.property(problem, scope, (given, ranking) => {
      const { scores, mask } = instance(given);
      const higher = choose({ ...given, scores, mask, scope: ranking });
      const lower = choose({ ...given, density: given.density / 2, scores, mask, scope: ranking });
      expect(lower.every((bit, at) => bit <= higher[at]!)).toBe(true);
    }));
  });

  it('brings connections back only where regrowth is asked for', () => {
    const given = { scores: Float64Array.of(1, 9, 3, 2), mask: Uint8Array.of(1, 0, 1, 1), sources: 2, units: 2, density: 0.5, scope: 'network' as const };
    expect([...choose(given)]).toEqual([0, 0, 1, 1]);
    expect([...choose({ ...given, regrow: true })]).toEqual([0, 1, 1, 0]);
  });

  it('takes NaN for the mistake it is', () => {
    expect(() => choose({ scores: Float64Array.of(NaN), mask: Uint8Array.of(1), sources: 1, units: 1, density: 1, scope: 'network' })).toThrow('assertion');
  });
});

describe('choose in groups of four', () => {
  it('keeps exactly as many groups as wanted, whole, the same share of connections to a group, and nests', () => {
    fc.assert(fc.property(problem, scope, (given, ranking) => {
      const { sources, units, density } = given, { scores, mask } = instance({ ...given, alive: 1 });
      const chosen = choose({ ...given, scores, mask, scope: ranking, granularity: 'g4' }), groups = groupMask(chosen, sources, units);
      expect(aliveOf(groups)).toBe(groupsWanted(density, sources, units));
      chosen.forEach((bit, at) => { expect(bit).toBe(groups[Math.floor(Math.floor(at / units) / GROUP) * units + at % units]); });
      if (sources % GROUP === 0) expect(Math.abs(aliveOf(chosen) - density * mask.length)).toBeLessThanOrEqual(GROUP / 2 + 0.5);
      else expect(aliveOf(chosen)).toBeLessThanOrEqual(density * mask.length + GROUP / 2 + 0.5);
      const lower = choose({ ...given, density: density / 2, scores, mask, scope: ranking, granularity: 'g4' });
      expect(lower.every((bit, at) => bit <= chosen[at]!)).toBe(true);
      expect(choose({ ...given, scores, mask: chosen, scope: ranking, granularity: 'g4' })).toStrictEqual(chosen);
    }), { numRuns: 300 });
  });

  it('keeps everything at density one, and brings nothing back into a group that was thinned before', () => {
    fc.assert(fc.property(problem, scope, (given, ranking) => {
      const { scores, mask } = instance(given), chosen = choose({ ...given, density: 1, scores, mask, scope: ranking, granularity: 'g4' });
      expect(chosen).toStrictEqual(mask);
    }));
  });

  it('ranks by the root of the sum of squares: four middling ones before one that is large, unless it is larger', () => {
    const scores = Float64Array.of(3, 3, 3, 3, 5, 0, 0, 0), mask = new Uint8Array(8).fill(1);
    expect([...choose({ scores, mask, sources: 8, units: 1, density: 0.5, scope: 'network', granularity: 'g4' })]).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
    scores[4] = 7;
    expect([...choose({ scores, mask, sources: 8, units: 1, density: 0.5, scope: 'network', granularity: 'g4' })]).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
  });

  it('counts over all layers together, too', () => {
    const random = randomFrom(3), layers = [[7, 3], [12, 5]].map(([sources, units]) => ({ sources: sources!, units: units!, mask: new Uint8Array(sources! * units!).fill(1), scores: Float64Array.from({ length: sources! * units! }, random) }));
    const chosen = chooseAll(layers, { density: 0.4, scope: 'network', granularity: 'g4' });
    const counts = chosen.map((mask, at) => aliveOf(groupMask(mask, layers[at]!.sources, layers[at]!.units)));
    expect(counts[0]! + counts[1]!).toBe(layers.reduce((sum, { sources, units }) => sum + groupsWanted(0.4, sources, units), 0));
    expect(groupsOf(7)).toBe(2);
  });
});

describe('layers by their sensitivity', () => {
  const layer = (scores: number[]) => ({ sources: scores.length, units: 1, mask: new Uint8Array(scores.length).fill(1), scores: Float64Array.from(scores) });

  it('multiplies the scores of each layer by its own factor, and keeps the number', () => {
    const layers = [layer([1, 2, 3, 4]), layer([1, 2, 3, 4])];
    expect(chooseAll(layers, { density: 0.5, scope: 'network' }, [1, 10]).map(aliveOf)).toEqual([0, 4]);
    expect(chooseAll(layers, { density: 0.5, scope: 'network' }, [1, 1]).map(aliveOf)).toEqual([2, 2]);
  });

  it('is the root of the error by what was cut for it', () => {
    const scores = [Float64Array.of(1, 2), Float64Array.of(3, 4), Float64Array.of(1, 1)], before = scores.map(() => Uint8Array.of(1, 1));
    const after = [Uint8Array.of(0, 1), Uint8Array.of(0, 0), Uint8Array.of(1, 1)];
    expect(sensitivityOf(scores, before, after, [4, 100, 0])).toEqual([2, 2, 2]);
    expect(sensitivityOf(scores, before, after, [9, 100, 0])).toEqual([3, 2, 2]);
    expect(sensitivityOf(scores, before, after, [0, 0, 0])).toBeNull();
  });
});

describe('schedule', () => {
  it('is the cubic of Zhu & Gupta, from the start to the end, never rising', () => {
    expect(densityOf(0, 8, 0.1)).toBe(1);
    expect(densityOf(4, 8, 0.1)).toBeCloseTo(0.1 + 0.9 / 8, 12);
    expect(densityOf(8, 8, 0.1)).toBe(0.1);
    expect(densityOf(99, 8, 0.1)).toBe(0.1);
    expect(densityOf(1, 2, 0.1, 0.5)).toBeCloseTo(0.1 + 0.4 / 8, 12);
    for (let cycle = 0; cycle < 8; cycle++) expect(densityOf(cycle + 1, 8, 0.1)).toBeLessThan(densityOf(cycle, 8, 0.1));
  });
});
