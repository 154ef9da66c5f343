// Goal: choose keeps exactly the wanted density, the best, and never what is dead. Method: properties over random
// scores with many ties, in both scopes; the schedule against its formula.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aliveOf } from '../../src/model/mask.ts';
import { choose } from '../../src/pruning/choose.ts';
import { densityOf } from '../../src/pruning/schedule.ts';
import { randomFrom } from '../../src/support/random.ts';

const problem = fc.record({
  sources: fc.integer({ min: 1, max: 12 }), units: fc.integer({ min: 1, max: 9 }), seed: fc.integer(),
  density: fc.double({ min: 0, max: 1, noNaN: true }), alive: fc.constantFrom(0, 0.3, 0.8, 1), levels: fc.constantFrom(3, 1e9),
}, { noNullPrototype: true });
const scope = fc.constantFrom('network' as const, 'unit' as const);

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
