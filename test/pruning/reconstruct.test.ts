// Goal: reconstruction is the least-squares solution it claims to be. Method: the vectors themselves are kept, so that
// errors are counted sample by sample and the normal equations solved by plain Gauss elimination.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import type { Moments } from '../../src/evidence/moments.ts';
import { accumulate, emptyMoments } from '../../src/evidence/moments.ts';
import { fullMask, maskLayer } from '../../src/model/mask.ts';
import type { LayerWeights } from '../../src/model/shape.ts';
import { sourcesOf } from '../../src/model/shape.ts';
import { reconstruct } from '../../src/pruning/reconstruct.ts';
import { randomFrom } from '../../src/support/random.ts';
import { preActivation, sampleActivity, sampleLayer, smallShape } from '../checks/samples.ts';

const shape = smallShape(4, 5), units = 5, sources = sourcesOf(shape), size = sources + 1, ROWS = 40;
const momentsOf = (values: Float32Array): Moments => accumulate(emptyMoments('m', 0, size), values, values.length / sources, sources);
const rowOf = (values: Float32Array, row: number): Float32Array => values.subarray(row * sources, (row + 1) * sources);
const maskFrom = (seed: number, density: number): Uint8Array => { const random = randomFrom(seed); return fullMask(shape)[0]!.map(() => random() < density ? 1 : 0); };

/** E‖W0ᵀ a0 − wᵀ a‖² over the four gates of unit j, counted over the rows. */
function errorOver(parent: LayerWeights, parentValues: Float32Array, layer: LayerWeights, values: Float32Array, j: number): number {
  let sum = 0;
  for (let row = 0; row < ROWS; row++) {
    for (let gate = 0; gate < 4; gate++) {
      const column = gate * units + j;
      sum += (preActivation(parent, shape, rowOf(parentValues, row), column) - preActivation(layer, shape, rowOf(values, row), column)) ** 2;
    }
  }
  return sum / ROWS;
}

/** E[a bᵀ] of two sets of vectors, each with the constant: [size, size]. */
function crossOf(a: Float32Array, b: Float32Array): Float64Array {
  const cross = new Float64Array(size * size);
  const element = (values: Float32Array, row: number, k: number): number => k === sources ? 1 : values[row * sources + k]!;
  for (let i = 0; i < size; i++) for (let k = 0; k < size; k++) for (let row = 0; row < ROWS; row++) cross[i * size + k]! += element(a, row, i) * element(b, row, k) / ROWS;
  return cross;
}

function gauss(matrix: number[][], right: number[]): number[] {
  const n = right.length, rows = matrix.map((row, i) => [...row, right[i]!]);
  for (let pivot = 0; pivot < n; pivot++) {
    const best = rows.slice(pivot).reduce((top, row, at) => Math.abs(row[pivot]!) > Math.abs(rows[top]![pivot]!) ? pivot + at : top, pivot);
    [rows[pivot], rows[best]] = [rows[best]!, rows[pivot]!];
    for (let row = 0; row < n; row++) {
      if (row === pivot) continue;
      const factor = rows[row]![pivot]! / rows[pivot]![pivot]!;
      for (let column = pivot; column <= n; column++) rows[row]![column]! -= factor * rows[pivot]![column]!;
    }
  }
  return rows.map((row, i) => row[n]! / row[i]!);
}

describe('reconstruct', () => {
  it('never leaves more error than zeroing does, and reports both errors as counted over the samples', () => {
    fc.assert(fc.property(fc.integer(), fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(1e-6, 1e-3, 1), (seed, density, ridge) => {
      const { layer } = sampleLayer(shape, seed), mask = maskFrom(seed, density), values = sampleActivity(sources, ROWS, seed);
      const result = reconstruct({ shape, parent: layer, current: layer, mask, moments: momentsOf(values), cross: null, ridge });
      const cut = maskLayer(layer, mask, units);
      for (let j = 0; j < units; j++) {
        expect(result.errorAfter[j]!).toBeLessThanOrEqual(result.errorBefore[j]! + 1e-9);
        expect(result.errorBefore[j]).toBeCloseTo(errorOver(layer, values, cut, values, j), 8);
        expect(result.errorAfter[j]).toBeCloseTo(errorOver(layer, values, result.layer, values, j), 8);
      }
      expect(maskLayer(result.layer, mask, units)).toStrictEqual(result.layer);
    }), { numRuns: 40 });
  });

  it('equals the normal equations solved by elimination, in a later step too, where a0 is another activity', () => {
    const parent = sampleLayer(shape, 1).layer, current = sampleLayer(shape, 2).layer, mask = maskFrom(3, 0.5);
    const parentValues = sampleActivity(sources, ROWS, 4), values = parentValues.map((value, at) => value + 0.1 * Math.sin(at));
    const second = crossOf(values, values), cross = crossOf(values, parentValues), parentSecond = crossOf(parentValues, parentValues);
    const result = reconstruct({ shape, parent, current, mask, moments: momentsOf(values), cross: { second: cross, parentSecond } });
    const lambda = 1e-3 * Array.from({ length: size }, (_, k) => second[k * size + k]!).reduce((sum, value) => sum + value) / size;
    const weight = (layer: LayerWeights, k: number, column: number): number => k === sources ? layer.bias[column]! : layer.kernel[k * 4 * units + column]!;
    for (let column = 0; column < 4 * units; column++) {
      const kept = Array.from({ length: size }, (_, k) => k).filter((k) => k === sources || mask[k * units + column % units] === 1);
      const matrix = kept.map((i) => kept.map((k) => second[i * size + k]! + (i === k ? lambda : 0)));
      const right = kept.map((i) => lambda * weight(current, i, column) + Array.from({ length: size }, (_, k) => cross[i * size + k]! * weight(parent, k, column)).reduce((sum, value) => sum + value));
      gauss(matrix, right).forEach((value, at) => expect(Math.abs(weight(result.layer, kept[at]!, column) - value)).toBeLessThan(1e-6 * (1 + Math.abs(value))));
    }
    for (let j = 0; j < units; j++) {
      expect(result.errorBefore[j]).toBeCloseTo(errorOver(parent, parentValues, maskLayer(current, mask, units), values, j), 8);
      expect(result.errorAfter[j]).toBeCloseTo(errorOver(parent, parentValues, result.layer, values, j), 8);
    }
  });

  it('loses nothing where what stays can say what went: a copy, and a constant', () => {
    const { layer } = sampleLayer(shape, 5), values = sampleActivity(sources, ROWS, 6);
    for (let row = 0; row < ROWS; row++) {
      values[row * sources + 1] = 2 * values[row * sources]!; // source 1 repeats source 0
      values[row * sources + 2] = 0.75; // source 2 never changes
    }
    const mask = fullMask(shape)[0]!.map((_, at) => [1, 2].includes(Math.floor(at / units)) ? 0 : 1);
    const result = reconstruct({ shape, parent: layer, current: layer, mask, moments: momentsOf(values), cross: null, ridge: 1e-10 });
    for (let j = 0; j < units; j++) {
      expect(result.errorBefore[j]!).toBeGreaterThan(1e-3);
      expect(result.errorAfter[j]!).toBeLessThan(1e-9);
    }
  });

  it('changes nothing where nothing goes, and leaves a unit without connections its mean', () => {
    const { layer } = sampleLayer(shape, 7), values = sampleActivity(sources, ROWS, 8), moments = momentsOf(values);
    const whole = reconstruct({ shape, parent: layer, current: layer, mask: fullMask(shape)[0]!, moments, cross: null });
    whole.layer.kernel.forEach((value, at) => expect(value).toBeCloseTo(layer.kernel[at]!, 5));
    const none = reconstruct({ shape, parent: layer, current: layer, mask: new Uint8Array(sources * units), moments, cross: null, ridge: 1e-12 });
    for (let column = 0; column < 4 * units; column++) {
      let mean = 0;
      for (let row = 0; row < ROWS; row++) mean += preActivation(layer, shape, rowOf(values, row), column) / ROWS;
      expect(none.layer.bias[column]).toBeCloseTo(mean, 5);
    }
  });

  it('refuses moments that are none', () => {
    const { layer } = sampleLayer(shape, 7), mask = fullMask(shape)[0]!;
    const indefinite = momentsOf(sampleActivity(sources, ROWS, 8));
    indefinite.second[1] = 1e6;
    for (const moments of [emptyMoments('m', 0, size), emptyMoments('m', 0, size + 1), indefinite]) {
      let code: string | undefined;
      try { reconstruct({ shape, parent: layer, current: layer, mask, moments, cross: null }); } catch (error) { code = codeOf(error); }
      expect(code).toBe('evidence-invalid');
    }
  });
});
