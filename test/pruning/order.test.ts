// Goal: an order for groups of four never costs saliency, finds one that is plainly there, and changes no answer. Method:
// planted clusters that are shuffled, random networks of every cell, the float64 reference.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forward } from '../../src/model/cell.ts';
import { sampleModel } from '../../src/model/sample-model.ts';
import type { Cell, ModelShape } from '../../src/model/shape.ts';
import { layerShapes } from '../../src/model/shape.ts';
import { choose } from '../../src/pruning/choose.ts';
import { CRITERIA } from '../../src/pruning/criterion.ts';
import { orderForGroups } from '../../src/pruning/order.ts';
import { selectScores, selectUnits } from '../../src/pruning/units.ts';
import { randomFrom, shuffle } from '../../src/support/random.ts';

const survives = (shape: ModelShape, scores: readonly Float64Array[], density: number): number => layerShapes(shape).reduce((sum, { index, sources, units }) => {
  const own = scores[index]!, kept = choose({ scores: own, mask: new Uint8Array(own.length).fill(1), sources, units, density, scope: 'layer', granularity: 'g4' });
  return kept.reduce((all, bit, at) => all + bit * own[at]! ** 2, sum);
}, 0);

describe('an order for groups of four', () => {
  it('brings together again what was shuffled', () => {
    const shape: ModelShape = { cell: 'lstm', vocabulary: 9, inputs: 8, layers: [16], task: 'tag', outputs: 2, state: 'carry' };
    const random = randomFrom(1), place = [...shuffle([...Array(8).keys()], random), ...shuffle([...Array(16).keys()], random).map((unit) => 8 + unit)];
    // Unit j listens to the four sources of one group, wherever they were moved.
    const scores = new Float64Array(24 * 16);
    for (let j = 0; j < 16; j++) for (let member = 0; member < 4; member++) scores[place[4 * (j % 6) + member]! * 16 + j] = 1 + random();
    const selection = orderForGroups(shape, [scores], 1 / 6);
    expect(survives(shape, [scores], 1 / 6)).toBeLessThan(0.7 * scores.reduce((sum, score) => sum + score ** 2, 0));
    expect(survives(shape, selectScores(shape, [scores], selection), 1 / 6)).toBeCloseTo(scores.reduce((sum, score) => sum + score ** 2, 0), 9);
  });

  it('never lets less survive than the order that stands, and changes no answer', () => {
    fc.assert(fc.property(fc.constantFrom<Cell>('lstm', 'gru', 'gru-before', 'rnn-tanh'), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 2 }), fc.integer({ min: 1, max: 9 }), fc.boolean(), fc.double({ min: 0.1, max: 1, noNaN: true }), fc.integer(), (cell, layers, inputs, both, density, seed) => {
      const shape: ModelShape = { cell, vocabulary: 7, inputs, layers, task: 'classify', outputs: 3, state: 'reset', ...(both ? { bidirectional: true } : {}) };
      const random = randomFrom(seed), model = sampleModel(shape, 1, random);
      const scores = model.weights.layers.map((layer, index) => CRITERIA.magnitude.score({ shape, index, layer, mask: model.mask[index]!, moments: null, random }));
      const selection = orderForGroups(shape, scores, density);
      expect(survives(shape, selectScores(shape, scores, selection), density)).toBeGreaterThanOrEqual(survives(shape, scores, density) * (1 - 1e-12));
      const tokens = Int32Array.from({ length: 10 }, () => Math.floor(random() * 7)), moved = forward(selectUnits(model, selection), tokens, null);
      forward(model, tokens, null).probabilities.forEach((value, at) => { expect(Math.abs(moved.probabilities[at]! - value)).toBeLessThan(1e-12); });
    }), { numRuns: 60 });
  });
});
