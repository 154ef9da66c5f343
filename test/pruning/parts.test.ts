// Goal: the small parts of pruning do their sums. Method: Cholesky against random systems multiplied out, costs and densities by hand.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { carryState } from '../../src/pruning/carry.ts';
import { factorize, inverseDiagonal, solveFactored } from '../../src/pruning/cholesky.ts';
import { structuralCost, weightCost } from '../../src/pruning/cost.ts';
import { layerDensity } from '../../src/pruning/density.ts';
import { addRidge } from '../../src/pruning/ridge.ts';
import { gaussian, randomFrom } from '../../src/support/random.ts';
import { smallShape } from '../checks/samples.ts';

describe('cholesky', () => {
  it('factorizes, solves and inverts random positive definite systems', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 14 }), fc.integer({ min: 1, max: 5 }), fc.integer(), (n, columns, seed) => {
      const random = randomFrom(seed);
      const b = Float64Array.from({ length: n * n }, () => gaussian(random));
      const a = new Float64Array(n * n);
      for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) for (let k = 0; k < n; k++) a[i * n + j]! += b[i * n + k]! * b[j * n + k]! + (i === j ? 0.1 : 0);
      const x = Float64Array.from({ length: n * columns }, () => gaussian(random));
      const right = new Float64Array(n * columns);
      for (let i = 0; i < n; i++) for (let c = 0; c < columns; c++) for (let k = 0; k < n; k++) right[i * columns + c]! += a[i * n + k]! * x[k * columns + c]!;
      const l = Float64Array.from(a, (value, at) => at % n > Math.floor(at / n) ? NaN : value); // the upper triangle is not read
      expect(factorize(l, n)).toBe(true);
      solveFactored(l, n, right, columns);
      right.forEach((value, at) => expect(Math.abs(value - x[at]!)).toBeLessThan(1e-7));
      const diagonal = inverseDiagonal(l, n);
      for (let k = 0; k < n; k++) {
        const e = new Float64Array(n);
        e[k] = 1;
        solveFactored(l, n, e, 1);
        expect(Math.abs(diagonal[k]! - e[k]!)).toBeLessThan(1e-8 * (1 + e[k]!));
      }
    }));
  });

  it('says so where the matrix is not positive definite', () => {
    expect(factorize(Float64Array.of(1, 0, 2, 1), 2)).toBe(false);
    expect(factorize(Float64Array.of(0), 1)).toBe(false);
    expect(factorize(Float64Array.of(NaN), 1)).toBe(false);
  });

  it('adds a ridge by the mean of the diagonal', () => {
    const matrix = Float64Array.of(1, 5, 5, 3);
    expect(addRidge(matrix, 2, 0.5)).toBe(1);
    expect([...matrix]).toEqual([2, 5, 5, 4]);
  });
});

describe('cost and density', () => {
  // one input, two units: sources x, h0, h1
  const shape = smallShape(1, 2), mask = Uint8Array.of(1, 0, 1, 1, 0, 0);
  const kernel = new Float32Array(24);
  kernel.set([1, 0, -1, 0, 2, 0, 0, 0]); // x → unit 0: 1, −1, 2, 0
  kernel.set([0, 3, 0, 0, 0, 0, 0, -1], 8); // h0 → unit 1: 3, 0, 0, −1

  it('weighs |w| by the saliency normalised over what is alive', () => {
    const scores = Float64Array.of(3, -Infinity, 0, 1, -Infinity, 7);
    expect(structuralCost(kernel, scores, mask, 2)).toBeCloseTo(4 * 3 / 4 + 4 * 1 / 4, 12);
    expect(structuralCost(kernel, new Float64Array(6), mask, 2)).toBe(0);
    expect(weightCost(kernel)).toBe(1 + 1 + 4 + 9 + 1);
  });

  it('counts the connections of the inputs and of the state apart', () => {
    expect(layerDensity(shape, mask)).toEqual({ inputs: 0.5, state: 0.5 });
    expect(layerDensity(shape, Uint8Array.of(1, 1, 0, 0, 0, 1))).toEqual({ inputs: 1, state: 0.25 });
  });
});

describe('carry', () => {
  const state = { h: Float32Array.of(1, 2), c: Float32Array.of(3, 4) };
  it('copies between models of as many units, and moves by a map between others', () => {
    const carried = carryState(smallShape(3, 2), smallShape(3, 2), state);
    expect(carried).toStrictEqual(state);
    carried.h[0] = 9;
    expect(state.h[0]).toBe(1);
    expect(carryState(smallShape(3, 2), smallShape(3, 3), state, Int32Array.of(1, -1, 0))).toStrictEqual({ h: Float32Array.of(2, 0, 1), c: Float32Array.of(4, 0, 3) });
  });

  it('takes the state of a stack as it is, without a cell state where there is none', () => {
    const stack = { ...smallShape(3, 2), cell: 'gru', layers: [2, 1] } as const, held = { h: Float32Array.of(1, 2, 3), c: new Float32Array(0) };
    expect(carryState(stack, stack, held)).toStrictEqual(held);
    expect(carryState(stack, stack, held, Int32Array.of(1, 0, -1))).toStrictEqual({ h: Float32Array.of(2, 1, 0), c: new Float32Array(0) });
  });

  it('refuses states and maps that do not fit', () => {
    for (const work of [
      () => carryState(smallShape(3, 2), smallShape(3, 3), state),
      () => carryState(smallShape(3, 3), smallShape(3, 3), state),
      () => carryState(smallShape(3, 2), smallShape(3, 3), state, Int32Array.of(0, 1)),
      () => carryState(smallShape(3, 2), smallShape(3, 2), state, Int32Array.of(0, 2)),
      () => carryState(smallShape(3, 2), { ...smallShape(3, 2), cell: 'gru' }, state),
      () => carryState({ ...smallShape(3, 2), cell: 'gru' }, { ...smallShape(3, 2), cell: 'gru' }, state),
    ]) {
      let code: string | undefined;
      try { work(); } catch (error) { code = codeOf(error); }
      expect(code).toBe('shape-unsupported');
    }
  });
});
