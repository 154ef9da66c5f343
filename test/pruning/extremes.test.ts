// Goal: nothing in this room breaks on networks that are hardly any: dead layers, one unit, weights of zero, inputs that never
// change. Method: every criterion through choosing, repair, regrowth and surgery, for every cell; all numbers are finite.
import { describe, expect, it } from 'vitest';
import type { Moments } from '../../src/evidence/moments.ts';
import { accumulate, emptyMoments } from '../../src/evidence/moments.ts';
import { forward } from '../../src/model/cell.ts';
import { aliveOf, fullMask, maskWeights } from '../../src/model/mask.ts';
import { sampleModel } from '../../src/model/sample-model.ts';
import type { Cell, Mask, ModelShape, Weights } from '../../src/model/shape.ts';
import { layerShapes } from '../../src/model/shape.ts';
import { chooseAll } from '../../src/pruning/choose.ts';
import type { LayerGradient } from '../../src/pruning/criterion.ts';
import { CRITERIA } from '../../src/pruning/criterion.ts';
import { orderForGroups } from '../../src/pruning/order.ts';
import { repairLayer } from '../../src/pruning/reconstruct.ts';
import { grow, residualGains } from '../../src/pruning/regrow.ts';
import { momentsSize } from '../../src/pruning/systems.ts';
import { chooseUnits, outputScores, unitScores } from '../../src/pruning/unit-scores.ts';
import { selectUnits, unitMask } from '../../src/pruning/units.ts';
import { randomFrom } from '../../src/support/random.ts';

const cells: readonly Cell[] = ['lstm', 'gru', 'gru-before', 'rnn-tanh', 'rnn-relu'];
interface Extreme { readonly layers: readonly number[]; readonly weights?: (weights: Weights) => Weights; readonly dead?: boolean; readonly constant?: boolean }
const extremes: Readonly<Record<string, Extreme>> = {
  'a dead layer': { layers: [3, 4], dead: true },
  'one unit': { layers: [1] },
  'weights of zero': { layers: [3, 2], weights: (weights) => ({ ...weights, layers: weights.layers.map((layer) => ({ ...layer, kernel: layer.kernel.map(() => 0), bias: layer.bias.map(() => 0) })), output: weights.output.map(() => 0) }) },
  'inputs that never change': { layers: [4, 3], constant: true },
};

/** What every layer saw, and what the output layer read. */
function seen(shape: ModelShape, weights: Weights, constant: boolean): { readonly moments: readonly Moments[]; readonly output: Float64Array } {
  const random = randomFrom(2), moments = layerShapes(shape).map((of) => emptyMoments('m', of.index, momentsSize(of))), size = shape.layers.at(-1)! + 1, output = new Float64Array(size * size);
  for (let sequence = 0; sequence < 4; sequence++) {
    forward({ shape, weights }, Int32Array.from({ length: 10 }, () => (constant ? 1 : Math.floor(random() * shape.vocabulary))), null, (_, x, h, layer, reset) => {
      const vector = Float32Array.from([...x, ...h, ...reset ?? []]);
      accumulate(moments[layer]!, vector, 1, vector.length);
      if (layer === shape.layers.length - 1) [...h, 1].forEach((a, i, b) => { b.forEach((value, k) => { output[i * size + k]! += a * value / 40; }); });
    });
  }
  return { moments, output };
}

describe.each(Object.entries(extremes))('%s', (_, { layers, weights: edit, dead = false, constant = false }) => {
  it.each(cells)('of %s leaves every number finite', (cell) => {
    const shape: ModelShape = { cell, vocabulary: 5, inputs: 2, layers, task: 'tag', outputs: 3, state: 'carry' }, model = sampleModel(shape, 1, randomFrom(1));
    const mask: Mask = fullMask(shape).map((layer, at) => (dead && at === 0 ? new Uint8Array(layer.length) : layer)), weights = maskWeights(shape, edit?.(model.weights) ?? model.weights, mask);
    const { moments, output } = seen(shape, weights, constant);
    const finite = (values: ArrayLike<number>): void => { expect(Array.from(values).every(Number.isFinite)).toBe(true); };
    for (const criterion of Object.values(CRITERIA)) {
      const gradient = (at: number): LayerGradient => ({ batches: 1, squares: new Float64Array(weights.layers[at]!.kernel.length), movement: new Float64Array(weights.layers[at]!.kernel.length), biasSquares: new Float64Array(weights.layers[at]!.bias.length) });
      const scores = weights.layers.map((layer, index) => criterion.score({ shape, index, layer, mask: mask[index]!, moments: moments[index]!, gradient: gradient(index), random: randomFrom(3) }));
      const chosen = layerShapes(shape).map(({ index, sources, units }) => ({ scores: scores[index]!, mask: mask[index]!, sources, units }));
      for (const granularity of ['connection', 'g4'] as const) {
        const kept = chooseAll(chosen, { density: 0.5, scope: 'network', granularity });
        expect(chooseAll(chosen.map((layer, at) => ({ ...layer, mask: kept[at]! })), { density: 0.5, scope: 'network', granularity })).toEqual(kept);
        weights.layers.forEach((parent, index) => {
          const problem = { shape, index, parent, current: parent, mask: kept[index]!, moments: moments[index]!, cross: null }, repaired = repairLayer(problem);
          [repaired.kernel, repaired.bias, repaired.recurrentBias ?? []].forEach(finite);
          const gains = residualGains({ ...problem, current: repaired });
          finite(gains);
          expect(aliveOf(grow([{ mask: kept[index]!, gains, units: shape.layers[index]! }], 2, granularity)[0]!)).toBeLessThanOrEqual(aliveOf(kept[index]!) + 2);
        });
      }
      const own = unitScores(shape, scores, outputScores(criterion.name, weights, output, randomFrom(4)));
      own.forEach(finite);
      const selection = { inputs: null, units: chooseUnits(shape, own, { density: 0.5, scope: 'network' }) };
      finite(forward(selectUnits({ shape, weights, mask: unitMask(shape, mask, selection) }, selection), Int32Array.of(1, 2, 3), null).probabilities);
      finite(forward(selectUnits({ shape, weights, mask }, orderForGroups(shape, scores, 0.5)), Int32Array.of(1, 2, 3), null).probabilities);
    }
  });
});
