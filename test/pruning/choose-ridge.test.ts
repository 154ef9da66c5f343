// Goal: λ is the one that does best on vectors that were not solved for. Method: few and many vectors of one source of
// correlated activity; the error on a third, fresh set; the limits of the grid.
import { describe, expect, it } from 'vitest';
import type { Moments } from '../../src/evidence/moments.ts';
import { accumulate, emptyMoments, mergeMoments } from '../../src/evidence/moments.ts';
import { maskLayer } from '../../src/model/mask.ts';
import { RIDGES, chooseRidge } from '../../src/pruning/choose-ridge.ts';
import { reconstruct, repairLayer } from '../../src/pruning/reconstruct.ts';
import { gaussian, randomFrom } from '../../src/support/random.ts';
import { sampleLayer, smallShape } from '../checks/samples.ts';

const INPUTS = 10, UNITS = 14, SOURCES = INPUTS + UNITS, shape = smallShape(INPUTS, UNITS);
/** Sources that share what three hidden causes say, with noise of their own. */
function momentsOf(rows: number, seed: number): Moments {
  const random = randomFrom(seed), mix = randomFrom(99), loads = Array.from({ length: SOURCES * 3 }, () => gaussian(mix)), values = new Float32Array(rows * SOURCES);
  for (let row = 0; row < rows; row++) {
    const causes = [gaussian(random), gaussian(random), gaussian(random)];
    for (let k = 0; k < SOURCES; k++) values[row * SOURCES + k] = causes.reduce((sum, cause, at) => sum + cause * loads[3 * k + at]!, 0) + 0.5 * gaussian(random);
  }
  return accumulate(emptyMoments('m', 0, SOURCES + 1), values, rows, SOURCES);
}
const { layer } = sampleLayer(shape, 1), random = randomFrom(2), mask = Uint8Array.from({ length: SOURCES * UNITS }, () => (random() < 0.5 ? 1 : 0));
const problem = { shape, parent: layer, current: maskLayer(layer, mask, UNITS), mask };
const fresh = momentsOf(20_000, 5);
const errorOn = (moments: Moments, ridge: number): number => {
  const solved = repairLayer({ ...problem, moments, cross: null, ridge });
  return reconstruct({ ...problem, current: solved, moments: fresh, cross: null }).errorBefore.reduce((sum, error) => sum + error);
};

describe('the choice of λ', () => {
  it.each([16, 40, 4000])('of %s vectors in two halves is near the best there is on fresh ones', (rows) => {
    const halves = [momentsOf(rows / 2, 3), momentsOf(rows / 2, 4)] as const;
    const chosen = chooseRidge(problem, [{ moments: halves[0], cross: null }, { moments: halves[1], cross: null }]), all = mergeMoments(...halves);
    const errors = RIDGES.map((ridge) => errorOn(all, ridge));
    expect(RIDGES).toContain(chosen);
    expect(errorOn(all, chosen)).toBeLessThan(1.15 * Math.min(...errors));
  });

  it('holds back more where there is less to go by', () => {
    const of = (rows: number): number => chooseRidge(problem, [{ moments: momentsOf(rows, 6), cross: null }, { moments: momentsOf(rows, 7), cross: null }]);
    expect(of(8)).toBeGreaterThan(of(4000));
  });

  it('solves even where λ is too small for moments that rounding has made a little less than singular', () => {
    const dented = (seed: number): Moments => {
      const { second, size, ...rest } = momentsOf(6, seed), own = Float64Array.from(second);
      const diagonal = Array.from({ length: size }, (_, k) => k * size - k * (k - 1) / 2), mean = diagonal.reduce((sum, at) => sum + own[at]!, 0) / size;
      for (const at of diagonal) own[at]! -= 5e-5 * mean;
      return { ...rest, size, second: own };
    };
    const full = { ...problem, mask: mask.map(() => 1), current: layer };
    for (const ridge of RIDGES) expect(repairLayer({ ...full, moments: dented(9), cross: null, ridge }).kernel.every(Number.isFinite)).toBe(true);
    expect(chooseRidge(full, [{ moments: dented(9), cross: null }, { moments: dented(10), cross: null }])).toBeLessThanOrEqual(RIDGES.at(-1)!);
  });

  it('takes the largest of equals, and refuses moments that do not fit', () => {
    const zero = { ...layer, kernel: new Float32Array(layer.kernel.length), bias: new Float32Array(layer.bias.length) }, moments = momentsOf(50, 8);
    expect(chooseRidge({ ...problem, parent: zero, current: zero }, [{ moments, cross: null }, { moments, cross: null }])).toBe(0.1);
    expect(() => chooseRidge(problem, [{ moments: emptyMoments('m', 0, 3), cross: null }, { moments, cross: null }])).toThrow();
  });
});
