// Goal: the kernel layout holds exactly the alive connections and loses nothing. Method: properties over random shapes
// and densities; unpack(pack(m)) = m to one unit in the last place of float32.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { pack, PADDED_BIAS, unpack } from '../../src/model/pack.ts';
import { sampleModel } from '../../src/model/sample-model.ts';
import type { ModelShape } from '../../src/model/shape.ts';
import { randomFrom } from '../../src/support/random.ts';

const models = fc.record({ units: fc.integer({ min: 1, max: 20 }), inputs: fc.integer({ min: 1, max: 12 }), outputs: fc.integer({ min: 1, max: 10 }), density: fc.constantFrom(0, 0.1, 0.5, 1), seed: fc.nat() })
  .map(({ units, inputs, outputs, density, seed }) => {
    const shape: ModelShape = { cell: 'lstm', vocabulary: 5, inputs, layers: [units], task: 'tag', outputs, state: 'reset' };
    return sampleModel(shape, density, randomFrom(seed));
  });

const near = (a: Float32Array, b: Float32Array): void => {
  expect(a).toHaveLength(b.length);
  a.forEach((value, at) => { expect(Math.abs(value - b[at]!)).toBeLessThanOrEqual(2 ** -23 * Math.abs(b[at]!)); });
};

it('unpack(pack(m)) = m', () => {
  fc.assert(fc.property(models, (model) => {
    const { weights, mask } = unpack(pack(model));
    expect(mask).toEqual(model.mask);
    expect(weights.embedding).toBe(model.weights.embedding);
    near(weights.layers[0]!.kernel, model.weights.layers[0]!.kernel);
    near(weights.layers[0]!.bias, model.weights.layers[0]!.bias);
    near(weights.output, model.weights.output);
    near(weights.outputBias, model.weights.outputBias);
  }));
});

it('connections of a unit are its alive sources in rising order; classes are padded to fours that never win', () => {
  fc.assert(fc.property(models, (model) => {
    const { ptr, source, values, output, outputBias, units, inputs, outputs } = pack(model);
    for (let j = 0; j < units; j++) {
      const alive = Array.from({ length: inputs + units }, (_, k) => k).filter((k) => model.mask[0]![k * units + j] === 1);
      expect([...source.subarray(ptr[j], ptr[j + 1])]).toEqual(alive);
    }
    expect(values).toHaveLength(4 * source.length);
    expect(outputBias).toHaveLength(4 * Math.ceil(outputs / 4));
    expect(output).toHaveLength(outputBias.length * units);
    expect([...outputBias.subarray(outputs)].every((bias) => bias === Math.fround(PADDED_BIAS))).toBe(true);
  }));
});
