// Goal: the confidence sequence is the published one. Method: the reference values of the design, monotony, the p-value's dual.
import { describe, expect, it } from 'vitest';
import { evidenceAgainst, halfWidthOf, pooledDeviation, rhoOf, sequentialP } from '../../src/rollout/confidence.ts';

const at = (n: number) => ({ n, deviation: 1, alpha: 0.05, tightest: 5000 });

describe('asymptotic confidence sequence', () => {
  it('has the reference rho', () => { expect(rhoOf(0.05, 5000)).toBeCloseTo(0.0398401, 7); });

  it.each([[100, 0.669439], [1000, 0.106375], [5000, 0.042924], [20_000, 0.022112], [100_000, 0.010552]])('has the reference half-width at n = %i', (n, width) => {
    expect(halfWidthOf(at(n))).toBeCloseTo(width, 6);
    expect(halfWidthOf({ ...at(n), deviation: 2 })).toBeCloseTo(2 * width, 5);
  });

  it('is 1.55 times the fixed-n interval where it is tightest', () => {
    expect(halfWidthOf(at(5000)) / (1.959964 / Math.sqrt(5000))).toBeCloseTo(1.55, 2);
  });

  it('pools two samples as s² = SE² (n1 + n2)', () => {
    const s = pooledDeviation({ n: 100, deviation: 2 }, { n: 300, deviation: 3 });
    expect(s ** 2).toBeCloseTo((4 / 100 + 9 / 300) * 400, 10);
  });

  it('rejects exactly what lies outside: p = alpha at the edge of the interval', () => {
    for (const n of [100, 5000, 50_000]) {
      const width = halfWidthOf(at(n));
      expect(sequentialP(width, 0, at(n))).toBeCloseTo(0.05, 8);
      expect(sequentialP(width * 1.1, 0, at(n))).toBeLessThan(0.05);
      expect(sequentialP(width * 0.9, 0, at(n))).toBeGreaterThan(0.05);
    }
    expect(sequentialP(0.5, 0.5, at(1000))).toBe(1);
    expect(evidenceAgainst(1e9, 0, at(1000))).toBe(Number.MAX_VALUE);
  });
});
