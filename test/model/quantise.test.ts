// Goal: quantising rounds every weight to the nearest step of its unit and gate, and groups of four hold exactly what is
// alive, whatever the mask, and say what they cost. Method: properties over random shapes, masks and cells.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { forward } from '../../src/model/cell.ts';
import { packG4, paddingOf } from '../../src/model/pack-g4.ts';
import { quantise, STEPS, sumOf, sumsOf } from '../../src/model/quantise.ts';
import { forwardQuantised, stepsOfState } from '../../src/model/quantised-cell.ts';
import { layerShapes } from '../../src/model/shape.ts';
import { biasedModel, shapeOf } from '../checks/engine.ts';

const models = fc.record({
  cell: fc.constantFrom('lstm', 'gru', 'gru-before', 'rnn-tanh'), layers: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 3 }), inputs: fc.integer({ min: 1, max: 12 }), outputs: fc.integer({ min: 1, max: 10 }),
  task: fc.constantFrom('classify', 'regress'), bidirectional: fc.boolean(), density: fc.constantFrom(0, 0.1, 0.5, 1), seed: fc.nat(),
}).map(({ density, seed, ...shape }) => biasedModel({ ...shape, vocabulary: 5, state: 'reset' }, density, seed, 'any'));

it('every weight is within half a step, and dead ones are zero', () => {
  fc.assert(fc.property(models, (model) => {
    const { layers, step, embedding } = quantise(model);
    model.weights.embedding.forEach((value, at) => { expect(Math.abs(value - step * embedding[at]!)).toBeLessThanOrEqual(step * 0.5001); });
    for (const layer of layerShapes(model.shape)) {
      const { kernel, scale } = layers[layer.index]!, { units, inputs, sources, gates } = layer;
      expect(scale).toHaveLength(sumsOf(model.shape.cell) * units);
      for (let k = 0; k < sources; k++) for (let gate = 0; gate < gates; gate++) for (let j = 0; j < units; j++) {
        const at = (gates * k + gate) * units + j, unit = scale[sumOf(layer, gate, k) * units + j]!;
        const product = model.weights.layers[layer.index]!.kernel[at]! * (layer.layer === 0 && k < inputs ? step : 1 / STEPS);
        if (model.mask[layer.index]![k * units + j] === 0) expect(kernel[at]).toBe(0);
        else expect(Math.abs(product - unit * kernel[at]!)).toBeLessThanOrEqual(unit * 0.5001);
      }
    }
  }), { numRuns: 40 });
});

it('groups hold the weights of the alive connections, each once; padding is counted', () => {
  fc.assert(fc.property(models, (model) => {
    const quantised = quantise(model), packed = packG4(quantised, model.mask);
    let groups = 0, alive = 0;
    for (const { index, units, gates, sources } of layerShapes(model.shape)) {
      const { ptr, source, values } = packed.layers[index]!;
      groups += source.length;
      expect(values).toHaveLength(4 * gates * source.length);
      for (let j = 0; j < units; j++) {
        const rows = [...source.subarray(ptr[j], ptr[j + 1])];
        expect(rows).toEqual([...new Set(rows)].sort((a, b) => a - b));
        const living = Array.from({ length: sources }, (_, k) => k).filter((k) => model.mask[index]![k * units + j] === 1);
        alive += living.length;
        for (let gate = 0; gate < gates; gate++) {
          const wanted = living.map((k) => quantised.layers[index]!.kernel[(gates * k + gate) * units + j]!).filter((w) => w !== 0);
          const found = rows.flatMap((_, at) => [...values.subarray(4 * (gates * (ptr[j]! + at) + gate), 4 * (gates * (ptr[j]! + at) + gate) + 4)]).filter((w) => w !== 0);
          expect(found).toEqual(wanted);
        }
      }
    }
    const padding = paddingOf(model.shape, model.mask);
    expect(padding).toMatchObject({ groups, alive, stored: 4 * groups });
    expect(padding.dead).toBeCloseTo(groups === 0 ? 0 : 1 - alive / (4 * groups), 12);
  }), { numRuns: 60 });
});

it('the quantised network is near the network: h within 0.05 after ten steps', () => {
  fc.assert(fc.property(models, (model) => {
    const tokens = Int32Array.from({ length: 10 }, (_, t) => (3 * t + 1) % 5);
    const right = forward(model, tokens, null), found = forwardQuantised(quantise(model), tokens, null);
    expect(Math.max(...found.h.map((h, j) => Math.abs(h - right.h[j]!)))).toBeLessThan(0.05);
  }), { numRuns: 60, seed: 3 });
});

it('halves are rounded to even, and what is beyond one is clamped', () => {
  expect([0.5, 1.5, 2.5, -0.5, -1.5, 126.5, 300, -300].map((steps) => stepsOfState(steps / STEPS) + 0)).toEqual([0, 2, 2, 0, -2, 126, 127, -127]);
});

it.each([[{ cell: 'rnn-relu' }], [{ vocabulary: 0 }]] as const)('%j is refused', (part) => {
  expect(() => quantise(biasedModel(shapeOf(part), 0.5, 1, 'no'))).toThrow(expect.objectContaining({ code: 'shape-unsupported' }));
});
