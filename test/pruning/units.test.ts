// Goal: unit surgery is exact, a permutation is undone, and what the readers lose is made up for. Method: the float64
// reference runs the masked and the smaller network side by side, over random shapes of every cell; errors are counted over
// the vectors that the network itself produced.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { accumulate, emptyMoments } from '../../src/evidence/moments.ts';
import { forward } from '../../src/model/cell.ts';
import type { ForwardResult } from '../../src/model/cell.ts';
import { maskWeights } from '../../src/model/mask.ts';
import { sampleModel } from '../../src/model/sample-model.ts';
import type { Cell, ModelShape } from '../../src/model/shape.ts';
import { directionsOf, layerShapes } from '../../src/model/shape.ts';
import { carryState } from '../../src/pruning/carry.ts';
import { CRITERIA } from '../../src/pruning/criterion.ts';
import { reconstructOutput } from '../../src/pruning/reconstruct-output.ts';
import { reconstruct } from '../../src/pruning/reconstruct.ts';
import { layerAt, momentsSize } from '../../src/pruning/systems.ts';
import { chooseUnits, inputScores, outputScores, unitScores } from '../../src/pruning/unit-scores.ts';
import type { Selection } from '../../src/pruning/units.ts';
import { outputMask, selectUnits, unitMask, wholeSelection } from '../../src/pruning/units.ts';
import { randomFrom, shuffle } from '../../src/support/random.ts';

const cells: readonly Cell[] = ['lstm', 'gru', 'gru-before', 'rnn-tanh', 'rnn-relu'];
const shapes = fc.record({
  cell: fc.constantFrom(...cells), layers: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 3 }), both: fc.boolean(),
  frames: fc.boolean(), task: fc.constantFrom('tag' as const, 'classify' as const, 'regress' as const), inputs: fc.integer({ min: 1, max: 5 }), seed: fc.integer(),
}, { noNullPrototype: true });
type Drawn = typeof shapes extends fc.Arbitrary<infer T> ? T : never;

const shapeOf = ({ cell, layers, both, frames, task, inputs }: Drawn): ModelShape =>
  ({ cell, layers, inputs, vocabulary: frames ? 0 : 9, task, outputs: 3, ...(both && task !== 'tag' ? { bidirectional: true, state: 'reset' } : { state: 'carry' }) });

function inputsOf(shape: ModelShape, random: () => number, steps = 12): Int32Array | Float32Array {
  return shape.vocabulary > 0 ? Int32Array.from({ length: steps }, () => Math.floor(random() * shape.vocabulary)) : Float32Array.from({ length: steps * shape.inputs }, () => 2 * random() - 1);
}

/** As many units of both directions, each once, in any order. */
function selectionOf(shape: ModelShape, random: () => number, all = false): Selection {
  const counts = shape.layers.map((units) => (all ? units : 1 + Math.floor(random() * units)));
  const some = (length: number, count: number): Int32Array => Int32Array.from(shuffle([...Array(length).keys()], random).slice(0, count));
  return {
    inputs: shape.vocabulary === 0 || random() < 0.5 ? null : some(shape.inputs, all ? shape.inputs : 1 + Math.floor(random() * shape.inputs)),
    units: layerShapes(shape).map(({ layer, units }) => some(units, counts[layer]!)),
  };
}

const near = (a: ArrayLike<number>, b: ArrayLike<number>): void => {
  expect(a.length).toBe(b.length);
  for (let at = 0; at < a.length; at++) expect(Math.abs(a[at]! - b[at]!)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(b[at]!)));
};
const sameAnswers = (a: ForwardResult, b: ForwardResult): void => { near(a.probabilities, b.probabilities); near(a.values ?? [], b.values ?? []); };

/** The same network with nothing left to read of what goes: the rows of those units are zero everywhere, in the output too. */
function silenced(model: ReturnType<typeof sampleModel>, selection: Selection): ReturnType<typeof sampleModel> {
  const { shape, weights } = model, rows = outputMask(shape, selection);
  const mask = unitMask(shape, model.mask, selection), directions = directionsOf(shape);
  // Only rows: what enters a unit that goes may stay, nobody hears of it.
  const open = mask.map((layer, index) => {
    const { units, inputs, sources, layer: depth } = layerAt(shape, index), kept = Uint8Array.from(model.mask[index]!);
    const reads = new Set([...depth === 0 ? selection.inputs ?? [...Array(inputs).keys()] : selection.units.slice(directions * (depth - 1), directions * depth).flatMap((own, d) => [...own].map((unit) => d * shape.layers[depth - 1]! + unit)), ...[...selection.units[index]!].map((unit) => inputs + unit)]);
    for (let k = 0; k < sources; k++) if (!reads.has(k)) kept.fill(0, k * units, (k + 1) * units);
    expect(layer.every((bit, at) => bit <= kept[at]!)).toBe(true);
    return kept;
  });
  return { ...model, mask: open, weights: { ...maskWeights(shape, weights, open), output: weights.output.map((value, at) => value * rows[Math.floor(at / shape.outputs)]!) } };
}

describe('unit surgery', () => {
  it('is exact against the network in which nobody reads what went, for every cell, stacked, both ways', () => {
    fc.assert(fc.property(shapes, fc.double({ min: 0.2, max: 1, noNaN: true }), (drawn, density) => {
      const shape = shapeOf(drawn), random = randomFrom(drawn.seed), model = sampleModel(shape, density, random), selection = selectionOf(shape, random);
      const small = selectUnits(model, selection), large = silenced(model, selection);
      const first = inputsOf(shape, random), second = inputsOf(shape, random), before = forward(large, first, null);
      sameAnswers(forward(small, first, null), before);
      expect(small.shape.layers).toEqual(shape.layers.map((_, layer) => selection.units[directionsOf(shape) * layer]!.length));
      small.weights.layers.forEach((layer, at) => { expect(maskWeights(small.shape, small.weights, small.mask).layers[at]!.kernel).toStrictEqual(layer.kernel); });
      // The state goes over by the map, and the next sequence goes on as it would have.
      const moved = { h: Float64Array.from(small.stateMap, (unit) => before.h[unit]!), c: Float64Array.from(shape.cell === 'lstm' ? small.stateMap : [], (unit) => before.c[unit]!) };
      sameAnswers(forward(small, second, moved), forward(large, second, { h: before.h, c: before.c }));
      const carried = carryState(shape, small.shape, { h: Float32Array.from(before.h), c: Float32Array.from(before.c) }, small.stateMap);
      near(carried.h, Float32Array.from(moved.h));
    }), { numRuns: 150 });
  });

  it('of all units in another order is a permutation that the borders undo', () => {
    fc.assert(fc.property(shapes, (drawn) => {
      const shape = shapeOf(drawn), random = randomFrom(drawn.seed), model = sampleModel(shape, 0.6, random), inputs = inputsOf(shape, random);
      const permuted = selectUnits(model, selectionOf(shape, random, true));
      expect(permuted.shape).toEqual(shape);
      sameAnswers(forward(permuted, inputs, null), forward(model, inputs, null));
    }), { numRuns: 100 });
  });

  it('of everything as it stands changes nothing', () => {
    const shape = shapeOf({ cell: 'gru', layers: [3, 2], both: true, frames: false, task: 'classify', inputs: 4, seed: 1 }), model = sampleModel(shape, 0.5, randomFrom(1));
    const { stateMap, ...same } = selectUnits(model, wholeSelection(shape));
    expect(same).toEqual({ shape, weights: model.weights, mask: model.mask });
    expect([...stateMap]).toEqual([...Array(10).keys()]);
    expect(unitMask(shape, model.mask, wholeSelection(shape))).toEqual(model.mask);
  });

  it('refuses selections that are none', () => {
    const shape = shapeOf({ cell: 'lstm', layers: [3, 2], both: true, frames: false, task: 'classify', inputs: 4, seed: 1 }), model = sampleModel(shape, 1, randomFrom(1));
    const units = wholeSelection(shape).units, with0 = (own: number[]): Selection => ({ inputs: null, units: [Int32Array.from(own), ...units.slice(1)] });
    for (const bad of [with0([]), with0([0, 1]), with0([0, 1, 1]), with0([0, 1, 3]), { inputs: Int32Array.of(4), units }, { inputs: null, units: units.slice(1) }]) {
      let code: string | undefined;
      try { selectUnits(model, bad); } catch (error) { code = codeOf(error); }
      expect(code).toBe('shape-unsupported');
    }
    const frames = sampleModel({ ...shape, vocabulary: 0 }, 1, randomFrom(1));
    expect(() => selectUnits(frames, { inputs: Int32Array.of(0), units })).toThrow();
  });
});

describe.each(cells)('what the readers of a unit of %s lose', (cell) => {
  const shape: ModelShape = { cell, vocabulary: 9, inputs: 3, layers: [6, 5], task: 'tag', outputs: 3, state: 'carry' };
  const model = sampleModel(shape, 1, randomFrom(2)), random = randomFrom(3);
  const moments = layerShapes(shape).map((of) => emptyMoments('m', of.index, momentsSize(of)));
  const read = new Float64Array(36);
  let answers = 0;
  for (let sequence = 0; sequence < 20; sequence++) {
    const inputs = inputsOf(shape, random, 20);
    forward(model, inputs, null, (_, x, h, layer, reset) => {
      const vector = Float32Array.from([...x, ...h, ...reset ?? []]);
      accumulate(moments[layer]!, vector, 1, vector.length);
      // h(t − 1) of the last layer is what the output layer read a step ago.
      if (layer !== 1) return;
      const b = [...h, 1];
      for (let i = 0; i < 6; i++) for (let k = 0; k < 6; k++) read[i * 6 + k]! += b[i]! * b[k]!;
      answers++;
    });
  }
  const second = read.map((sum) => sum / answers);
  const scores = (name: 'obs' | 'activity' | 'magnitude' | 'random') => {
    const of = { shape, random: randomFrom(4) };
    return unitScores(shape, model.weights.layers.map((layer, index) => CRITERIA[name].score({ ...of, index, layer, mask: model.mask[index]!, moments: moments[index]! })), outputScores(name, model.weights, second, of.random));
  };

  it('is made up for by least squares, in every reader', () => {
    const selection = { inputs: null, units: chooseUnits(shape, scores('obs'), { density: 0.6, scope: 'layer' }) };
    const mask = unitMask(shape, model.mask, selection), kept = outputMask(shape, selection);
    const cut = maskWeights(shape, model.weights, mask);
    for (const { index, units } of layerShapes(shape)) {
      const { errorBefore, errorAfter } = reconstruct({ shape, index, parent: model.weights.layers[index]!, current: cut.layers[index]!, mask: mask[index]!, moments: moments[index]!, cross: null });
      // In the units that stay; the others have no readers.
      const sum = (errors: Float64Array): number => [...selection.units[index]!].reduce((all, j) => all + errors[j]!, 0);
      // A ReLU unit that is silent costs nothing in the first place.
      expect(sum(errorAfter)).toBeLessThanOrEqual(0.9 * sum(errorBefore) + (cell === 'rnn-relu' ? 1e-9 : 0));
      expect(errorAfter).toHaveLength(units);
    }
    const output = reconstructOutput({ parent: model.weights, current: model.weights, kept, moments: { answers, second, cross: null } });
    expect(output.errorAfter).toBeLessThan(0.9 * output.errorBefore);
    kept.forEach((bit, row) => { if (bit === 0) expect(output.output.subarray(3 * row, 3 * row + 3).every((value) => value === 0)).toBe(true); });
  });

  it('is smaller by obs than by its opposite, on the moments', () => {
    const errorOf = (own: readonly Float64Array[]): number => {
      const selection = { inputs: null, units: chooseUnits(shape, own, { density: 0.6, scope: 'layer' }) }, mask = unitMask(shape, model.mask, selection);
      const cut = maskWeights(shape, model.weights, mask);
      return layerShapes(shape).reduce((sum, { index }) => {
        const { errorAfter } = reconstruct({ shape, index, parent: model.weights.layers[index]!, current: cut.layers[index]!, mask: mask[index]!, moments: moments[index]!, cross: null });
        return selection.units[index]!.reduce((all, j) => all + errorAfter[j]!, sum);
      }, 0);
    };
    expect(Number.isFinite(errorOf(scores('random')))).toBe(true);
    expect(errorOf(scores('obs'))).toBeLessThan(errorOf(scores('obs').map((layer) => layer.map((score) => 1 / (1e-9 + score)))));
  });
});

describe('choosing units', () => {
  const shape: ModelShape = { cell: 'lstm', vocabulary: 0, inputs: 2, layers: [4, 4], bidirectional: true, task: 'classify', outputs: 2, state: 'reset' };
  const scores = [[5, 1, 4, 2], [1, 2, 3, 4], [1, 1, 1, 1], [1, 1, 1, 1.1]].map((values) => Float64Array.from(values));

  it('keeps the best of each direction, as many in both, the same share of each layer', () => {
    expect(chooseUnits(shape, scores, { density: 0.5, scope: 'layer' }).map((own) => [...own])).toEqual([[0, 2], [2, 3], [0, 1], [0, 3]]);
  });

  it('ranks the layers together in the scope of the network, and leaves none without a unit', () => {
    for (const density of [0, 0.25, 0.6, 1]) {
      const kept = chooseUnits(shape, scores, { density, scope: 'network' });
      expect(kept[0]!.length + kept[2]!.length).toBe(Math.max(2, Math.round(density * 8)));
      expect(kept[0]).toHaveLength(kept[1]!.length);
      expect(kept.every((own) => own.length > 0)).toBe(true);
    }
  });

  it('scores a unit by the shares of its readers, and an input of the embedding likewise', () => {
    const tiny: ModelShape = { cell: 'rnn-tanh', vocabulary: 3, inputs: 1, layers: [2], task: 'tag', outputs: 2, state: 'carry' };
    // x: 1, 1; h0: 1, −∞; h1: 2, 1 — squares 2, 1, 5 of 8; the output's rows 3 and 4: 9 and 16 of 25.
    const own = Float64Array.of(1, 1, 1, -Infinity, 2, 1), [layer] = unitScores(tiny, [own], Float64Array.of(3, 4));
    expect(layer![0]).toBeCloseTo(Math.sqrt(1 / 8 + 9 / 25), 12);
    expect(layer![1]).toBeCloseTo(Math.sqrt(5 / 8 + 16 / 25), 12);
    expect(inputScores(tiny, [own])[0]).toBeCloseTo(Math.sqrt(2 / 8), 12);
    expect(() => outputScores('obs', { output: new Float32Array(4), outputBias: new Float32Array(2) }, null, randomFrom(1))).toThrow();
  });
});
