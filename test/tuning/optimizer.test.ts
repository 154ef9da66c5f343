// Goal: Adam as published, clipped, and masks that hold exactly. Method: a float64 Adam beside it on random gradients.
import { describe, expect, it } from 'vitest';
import { initialWeights } from '../../src/model/initial.ts';
import { fullMask, maskLayer } from '../../src/model/mask.ts';
import type { Mask, Weights } from '../../src/model/shape.ts';
import { randomFrom } from '../../src/support/random.ts';
import { openRuntime } from '../../src/tuning/ops.ts';
import { NORM_MAX, cosineRate, createOptimizer, weightMask } from '../../src/tuning/optimizer.ts';
import type { Parameter } from '../../src/tuning/parameters.ts';
import { mapRecord, parameterShapes, parametersOf, weightsRecord } from '../../src/tuning/parameters.ts';
import { tagShape } from './samples.ts';

const runtime = openRuntime();
const { tf } = runtime;
const shapes = parameterShapes(tagShape), PARAMETERS = parametersOf(tagShape);

type Record64 = Readonly<Record<Parameter, Float64Array>>;
const record64 = (weights: Weights): Record64 => mapRecord(weightsRecord(tagShape, weights), (values) => Float64Array.from(values));
const drawn = (weights: Record64, random: () => number, size: number): Record64 => mapRecord(weights, (values) => values.map(() => size * (2 * random() - 1)));

/** Adam after Kingma & Ba (2015), algorithm 1, with their ε moved as TensorFlow has it: ε · √(1 − β2ᵗ) inside is ε̂ here. */
function adam64(weights: Record64, mask: Float32Array | null) {
  const first = drawn(weights, () => 0.5, 0), second = drawn(weights, () => 0.5, 0);
  let t = 0;
  return (gradients: Record64, rate: number): number => {
    t++;
    const held = PARAMETERS.map((name) => gradients[name]!.map((g, i) => (name === 'layers.0.kernel' && mask !== null ? g * mask[i]! : g)));
    const norm = Math.sqrt(held.reduce((sum, g) => sum + g.reduce((part, x) => part + x * x, 0), 0));
    const scale = Math.min(1, NORM_MAX / norm);
    PARAMETERS.forEach((name, at) => {
      held[at]!.forEach((raw, i) => {
        const g = raw * scale;
        first[name]![i] = 0.9 * first[name]![i]! + 0.1 * g;
        second[name]![i] = 0.999 * second[name]![i]! + 0.001 * g * g;
        weights[name]![i]! -= rate * Math.sqrt(1 - 0.999 ** t) / (1 - 0.9 ** t) * first[name]![i]! / (Math.sqrt(second[name]![i]!) + 1e-8);
      });
    });
    return norm;
  };
}

const apply = (optimizer: ReturnType<typeof createOptimizer>, gradients: Record64, rate: number): number => tf.scope(() =>
  optimizer.apply(mapRecord(gradients, (values, name) => tf.floats(Float32Array.from(values), shapes[name]!)), rate));

function expectClose(weights: Weights, expected: Record64): void {
  for (const name of PARAMETERS) weightsRecord(tagShape, weights)[name]!.forEach((x, i) => { expect(Math.abs(x - expected[name]![i]!), `${name}[${i}]`).toBeLessThan(2e-6); });
}

const halfMask = (seed: number): Mask => { const random = randomFrom(seed); return fullMask(tagShape).map((layer) => layer.map(() => (random() < 0.5 ? 0 : 1))); };

describe('the optimizer', () => {
  it.each([['small gradients', 0.1], ['gradients that are clipped', 3]])('is Adam in float64 with %s', (_, size) => {
    const weights = initialWeights(tagShape, randomFrom(1)), random = randomFrom(2);
    const expected = record64(weights), reference = adam64(expected, null), optimizer = createOptimizer(runtime, tagShape, weights, null);
    for (let step = 0; step < 30; step++) {
      const gradients = drawn(expected, random, size);
      const norm = apply(optimizer, gradients, 0.01);
      expect(norm / reference(gradients, 0.01)).toBeCloseTo(1, 4);
    }
    expectClose(optimizer.weights(), expected);
    optimizer.destroy();
  });

  it('leaves dead connections exactly zero, and the rest as if they were not there', () => {
    const mask = halfMask(3), weights = initialWeights(tagShape, randomFrom(4)), random = randomFrom(5);
    const masked = { ...weights, layers: [maskLayer(weights.layers[0]!, mask[0]!, 7)] };
    const expected = record64(masked), reference = adam64(expected, weightMask(mask[0]!, 7)), optimizer = createOptimizer(runtime, tagShape, weights, mask);
    for (let step = 0; step < 20; step++) {
      const gradients = drawn(expected, random, 1);
      apply(optimizer, gradients, 0.02);
      reference(gradients, 0.02);
    }
    expectClose(optimizer.weights(), expected);
    optimizer.weights().layers[0]!.kernel.forEach((x, i) => { if (weightMask(mask[0]!, 7)[i] === 0) expect(x).toBe(0); });
    optimizer.destroy();
  });

  it('cuts in the middle: what dies is zero from there on, what lives keeps its moments', () => {
    const weights = initialWeights(tagShape, randomFrom(6)), random = randomFrom(7), mask = halfMask(8);
    const optimizer = createOptimizer(runtime, tagShape, weights, null);
    for (let step = 0; step < 5; step++) apply(optimizer, drawn(record64(weights), random, 1), 0.02);
    optimizer.cut(mask, optimizer.weights().layers);
    const zero = drawn(record64(weights), () => 0.5, 0);
    const before = optimizer.weights().layers[0]!.kernel;
    apply(optimizer, zero, 0.02);
    const after = optimizer.weights().layers[0]!.kernel, wide = weightMask(mask[0]!, 7);
    after.forEach((x, i) => {
      if (wide[i] === 0) expect(x).toBe(0);
      else expect(x, 'the first moment still moves it').not.toBe(before[i]);
    });
    optimizer.destroy();
  });

  it('does not touch the weights it was given, and frees everything', () => {
    const weights = initialWeights(tagShape, randomFrom(9)), copy = structuredClone(weights), alive = tf.alive();
    const optimizer = createOptimizer(runtime, tagShape, weights, halfMask(10));
    for (let step = 0; step < 3; step++) apply(optimizer, drawn(record64(weights), randomFrom(11), 9), 0.1);
    optimizer.destroy();
    expect(weights).toEqual(copy);
    expect(tf.alive()).toBe(alive);
  });

  it('decays the learning rate from its peak to two per cent', () => {
    expect(cosineRate(2, 0)).toBe(2);
    expect(cosineRate(2, 0.5)).toBeCloseTo(2 * 0.51, 12);
    expect(cosineRate(2, 1)).toBeCloseTo(0.04, 12);
    expect(cosineRate(2, 7)).toBe(cosineRate(2, 1));
  });
});
