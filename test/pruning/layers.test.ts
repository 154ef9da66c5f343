// Goal: a layer that says nothing but a linear function of its inputs can go, and nothing changes; the fitted map is that
// function. Method: ReLU layers that pass their inputs on in another order, float64 reference; moments of random vectors.
import { describe, expect, it } from 'vitest';
import { forward } from '../../src/model/cell.ts';
import { fullMask } from '../../src/model/mask.ts';
import { sampleModel } from '../../src/model/sample-model.ts';
import type { LayerWeights, ModelShape, Weights } from '../../src/model/shape.ts';
import { codeOf } from '../../src/errors.ts';
import { fitMap, removeLayer } from '../../src/pruning/layers.ts';
import { gaussian, randomFrom } from '../../src/support/random.ts';

const base: ModelShape = { cell: 'rnn-relu', vocabulary: 7, inputs: 3, layers: [3, 3, 3], task: 'tag', outputs: 2, state: 'carry' };
const order = [2, 0, 1];
/** h_j = x_order[j], as long as x is not negative. */
const passing = (): LayerWeights => ({ kernel: Float32Array.from({ length: 18 }, (_, at) => (at < 9 && Math.floor(at / 3) === order[at % 3] ? 1 : 0)), bias: new Float32Array(3) });
const mapOf = (): { kernel: Float64Array; bias: Float64Array } => ({ kernel: Float64Array.from(passing().kernel.subarray(0, 9)), bias: new Float64Array(3) });

describe('layer surgery', () => {
  it.each([0, 1, 2])('of a layer that passes on what it reads changes no answer: layer %s', (gone) => {
    const drawn = sampleModel(base, 1, randomFrom(gone)), layers = drawn.weights.layers.map((layer, at) => (at === gone ? passing() : layer));
    const weights: Weights = { ...drawn.weights, embedding: drawn.weights.embedding.map(Math.abs), layers };
    const model = { shape: base, weights, mask: fullMask(base) }, small = removeLayer(model, gone, mapOf());
    expect(small.shape.layers).toEqual([3, 3]);
    expect([...small.stateMap]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8].filter((unit) => Math.floor(unit / 3) !== gone));
    const tokens = Int32Array.of(1, 4, 2, 2, 6, 0, 3), answer = forward(small, tokens, null), expected = forward(model, tokens, null);
    answer.probabilities.forEach((value, at) => { expect(Math.abs(value - expected.probabilities[at]!)).toBeLessThan(1e-12); });
  });

  it.each(['lstm', 'gru', 'gru-before'] as const)('joins the neighbours of a layer of %s in both directions', (cell) => {
    const shape: ModelShape = { cell, vocabulary: 7, inputs: 3, layers: [4, 2, 3], bidirectional: true, task: 'classify', outputs: 2, state: 'reset' };
    const model = sampleModel(shape, 0.5, randomFrom(3)), random = randomFrom(4);
    const small = removeLayer(model, 1, { kernel: Float64Array.from({ length: 8 * 4 }, () => gaussian(random)), bias: Float64Array.from({ length: 4 }, () => gaussian(random)) });
    expect(small.weights.layers.map(({ kernel }) => kernel.length)).toEqual(small.mask.map((mask) => mask.length * (cell === 'lstm' ? 4 : 3)));
    expect(forward(small, Int32Array.of(1, 2, 3), null).probabilities.every(Number.isFinite)).toBe(true);
    for (const layer of [2]) {
      let code: string | undefined;
      try { removeLayer(model, layer, { kernel: new Float64Array(0), bias: new Float64Array(0) }); } catch (error) { code = codeOf(error); }
      expect(code).toBe('shape-unsupported');
    }
  });

  it('fits the map by least squares', () => {
    const random = randomFrom(5), inputs = 3, width = 2, size = 4, kernel = Float64Array.from({ length: 6 }, () => gaussian(random)), bias = [0.5, -1];
    const second = new Float64Array(16), cross = new Float64Array(8);
    for (let row = 0; row < 50; row++) {
      const a = [gaussian(random), gaussian(random) + 1, gaussian(random), 1], y = bias.map((value, w) => value + kernel[w]! * a[0]! + kernel[2 + w]! * a[1]! + kernel[4 + w]! * a[2]!);
      for (let i = 0; i < size; i++) { for (let k = 0; k < size; k++) second[4 * i + k]! += a[i]! * a[k]! / 50; for (let w = 0; w < width; w++) cross[2 * i + w]! += a[i]! * y[w]! / 50; }
    }
    const map = fitMap(second, cross, inputs, 1e-12);
    map.kernel.forEach((value, at) => { expect(value).toBeCloseTo(kernel[at]!, 8); });
    map.bias.forEach((value, at) => { expect(value).toBeCloseTo(bias[at]!, 8); });
  });
});
