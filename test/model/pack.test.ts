// Goal: the kernel layout holds exactly the alive connections and loses nothing. Method: properties over random shapes
// of every cell and densities; unpack(pack(m)) = m to one unit in the last place of float32.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { pack, PADDED_BIAS, unpack } from '../../src/model/pack.ts';
import { layerShapes } from '../../src/model/shape.ts';
import { biasedModel, CELLS } from '../checks/engine.ts';

const models = fc.record({
  cell: fc.constantFrom(...CELLS), layers: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 3 }), inputs: fc.integer({ min: 1, max: 12 }), outputs: fc.integer({ min: 1, max: 10 }),
  vocabulary: fc.constantFrom(0, 5), task: fc.constantFrom('classify', 'regress'), bidirectional: fc.boolean(), density: fc.constantFrom(0, 0.1, 0.5, 1), seed: fc.nat(),
}).map(({ density, seed, ...shape }) => biasedModel({ ...shape, state: 'reset' }, density, seed, 'any'));

const near = (a: Float32Array, b: Float32Array): void => {
  expect(a).toHaveLength(b.length);
  expect(a.findIndex((value, at) => !(Math.abs(value - b[at]!) <= 2 ** -23 * Math.abs(b[at]!)))).toBe(-1);
};

it('unpack(pack(m)) = m', () => {
  fc.assert(fc.property(models, (model) => {
    const { weights, mask } = unpack(pack(model));
    expect(mask).toEqual(model.mask);
    expect(weights.embedding).toBe(model.weights.embedding);
    expect(weights.layers).toHaveLength(model.weights.layers.length);
    weights.layers.forEach((layer, at) => {
      const right = model.weights.layers[at]!, { units } = layerShapes(model.shape)[at]!;
      near(layer.kernel, right.kernel);
      expect(layer.recurrentBias === undefined).toBe(right.recurrentBias === undefined);
      if (right.recurrentBias === undefined) return near(layer.bias, right.bias);
      // z and r of a gru hold the sum of both biases; n keeps them apart.
      const sum = right.bias.map((bias, column) => (column < 2 * units ? bias + right.recurrentBias![column]! : bias));
      near(layer.bias, sum);
      near(layer.recurrentBias!.subarray(2 * units), right.recurrentBias.subarray(2 * units));
      expect(layer.recurrentBias!.subarray(0, 2 * units).every((bias) => bias === 0)).toBe(true);
    });
    near(weights.output, model.weights.output);
    near(weights.outputBias, model.weights.outputBias);
  }));
});

it('connections of a unit are its alive sources in rising order; classes are padded to fours that never win', () => {
  fc.assert(fc.property(models, (model) => {
    const { layers, output, outputBias, outputs } = pack(model);
    for (const { index, units, sources, gates } of layerShapes(model.shape)) {
      const { ptr, source, values } = layers[index]!;
      for (let j = 0; j < units; j++) {
        const alive = Array.from({ length: sources }, (_, k) => k).filter((k) => model.mask[index]![k * units + j] === 1);
        expect([...source.subarray(ptr[j], ptr[j + 1])]).toEqual(alive);
      }
      expect(values).toHaveLength(gates * source.length);
    }
    expect(outputBias).toHaveLength(4 * Math.ceil(outputs / 4));
    expect(output).toHaveLength(outputBias.length * model.weights.output.length / outputs);
    expect([...outputBias.subarray(outputs)].every((bias) => bias === Math.fround(PADDED_BIAS))).toBe(true);
  }));
});
