// Goal: every engine gives the likeliest labels of each answer with their soft-max probabilities, and counts how active its
// units were over every step. Method: run by the check list of engines (engine.ts); the float64 reference says what is right.
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { TOP_MAX } from '../../src/adapters/engine/checked.ts';
import type { ForwardResult } from '../../src/model/cell.ts';
import { forward } from '../../src/model/cell.ts';
import type { Model } from '../../src/model/model.ts';
import { layerShapes } from '../../src/model/shape.ts';
import type { Cell } from '../../src/model/shape.ts';
import type { Engine, EngineAnswer, EngineSequence, UnitSums } from '../../src/ports.ts';
import { plainNetwork } from '../kernel/plain-network.ts';
import { biasedModel, CELLS, sequencesOf, shapeOf } from './engine.ts';

const of64 = ({ h, c }: EngineSequence): { h: Float64Array; c: Float64Array } | null => (h === null || c === null ? null : { h: Float64Array.from(h), c: Float64Array.from(c) });

/** Expects the labels of an answer to be the likeliest ones by the reference, with their probabilities. */
export function expectRanked({ labels, ranked }: EngineAnswer, right: ForwardResult, outputs: number, asked: number, near = 2e-6): void {
  const top = Math.min(asked, outputs);
  if (top === 1) { expect(ranked ?? null).toBeNull(); return; }
  expect([ranked!.top, ranked!.labels.length, ranked!.probabilities.length]).toEqual([top, labels.length * top, labels.length * top]);
  labels.forEach((label, t) => {
    const found = ranked!.labels.subarray(t * top, (t + 1) * top), chances = ranked!.probabilities.subarray(t * top, (t + 1) * top), own = right.probabilities.subarray(t * outputs, (t + 1) * outputs);
    const sorted = Float64Array.from(own).sort().reverse();
    expect(found[0]).toBe(label);
    expect(new Set(found).size).toBe(top);
    found.forEach((one, i) => {
      expect(Math.abs(chances[i]! - own[one]!)).toBeLessThan(near);
      expect(Math.abs(chances[i]! - sorted[i]!)).toBeLessThan(near);
      if (i > 0) expect(chances[i]).toBeLessThanOrEqual(chances[i - 1]!);
    });
  });
}

/** Expects the sums over all steps that an independent network gives. */
export function expectUnits(model: Model, sequences: readonly EngineSequence[], units: UnitSums, near = 1e-5): void {
  const layers = layerShapes(model.shape), abs: number[] = [], squares: number[] = [];
  const runs = sequences.map((sequence) => plainNetwork(model.shape, model.weights, sequence));
  for (const { index, inputs, units: width } of layers) {
    const from = abs.length;
    for (let j = 0; j < width; j++) {
      const hs = runs.flatMap(({ h, activity }) => [...activity[index]!.slice(1).map((row) => row[inputs + j]!), h[from + j]!]);
      abs.push(hs.reduce((sum, h) => sum + Math.abs(h), 0));
      squares.push(hs.reduce((sum, h) => sum + h * h, 0));
    }
  }
  expect(units.steps).toBe(sequences.reduce((sum, { inputs }) => sum + inputs.length / (model.shape.vocabulary > 0 ? 1 : model.shape.inputs), 0));
  for (const [found, right] of [[units.abs, abs], [units.squares, squares]] as const) {
    expect(found).toHaveLength(right.length);
    right.forEach((sum, j) => { expect(Math.abs(found[j]! - sum) / (1 + sum)).toBeLessThan(near); });
  }
}

/** The output layer replaced: all logits are the biases. */
export const withLogits = (model: Model, logits: readonly number[]): Model => ({ ...model, weights: { ...model.weights, output: new Float32Array(model.weights.output.length), outputBias: Float32Array.from(logits) } });

export function topChecks(make: () => Promise<Engine>): void {
  let engine: Engine;
  beforeAll(async () => { engine = await make(); });
  const shapes = fc.record({
    cell: fc.constantFrom<Cell>(...CELLS), layers: fc.array(fc.integer({ min: 1, max: 19 }), { minLength: 1, maxLength: 2 }), outputs: fc.integer({ min: 1, max: 45 }), vocabulary: fc.integer({ min: 1, max: 30 }),
    task: fc.constantFrom('tag', 'classify'), bidirectional: fc.boolean(),
  });

  it('random models and batches, any number of labels: the likeliest ones with their probabilities, and the activity of every unit', async () => {
    await fc.assert(fc.asyncProperty(shapes, fc.integer({ min: 1, max: TOP_MAX }), fc.nat(), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 40 }), async ({ bidirectional: asked, ...part }, top, seed, lengths) => {
      const bidirectional = asked && part.task === 'classify', model = biasedModel(shapeOf({ ...part, bidirectional, state: bidirectional ? 'reset' : 'carry' }), 0.4, seed, 'top');
      await engine.enlist(model);
      const sequences = sequencesOf(model.shape, lengths, seed), { answers, units } = await engine.infer({ model: 'top', sequences, sample: null, top });
      answers.forEach((answer, at) => { expectRanked(answer, forward(model, sequences[at]!.inputs, of64(sequences[at]!)), part.outputs, top); });
      if (units !== undefined) expectUnits(model, sequences, units);
      await engine.retire('top');
    }), { numRuns: 25, seed: 6 });
  });

  it.each([1, 3, 20])('%i sequences, a language model and a regression: ranked tokens, and no labels', async (count) => {
    const next = biasedModel(shapeOf({ task: 'next', outputs: 40 }), 0.5, 3, 'next'), regress = biasedModel(shapeOf({ task: 'regress' }), 0.5, 3, 'numbers');
    for (const model of [next, regress]) {
      await engine.enlist(model);
      const sequences = sequencesOf(model.shape, new Array<number>(count).fill(4), 4), { answers } = await engine.infer({ model: model.id, sequences, sample: null, top: 5 });
      answers.forEach((answer, at) => { if (model === next) expectRanked(answer, forward(model, sequences[at]!.inputs, of64(sequences[at]!)), 40, 5); else expect(answer.ranked ?? null).toBeNull(); });
      await engine.retire(model.id);
    }
  });

  it.each([1, 3, 20])('%i sequences: of labels that are as likely the first comes first', async (count) => {
    const plain = biasedModel(shapeOf({ task: 'classify', outputs: 11 }), 0.5, 3, 'ties'), logits = [0, 1, 0, 2, 1, 2, 0, 1, 2, 2, 0], sequences = sequencesOf(plain.shape, new Array<number>(count).fill(3), 4);
    await engine.enlist(withLogits(plain, logits));
    const { answers } = await engine.infer({ model: 'ties', sequences, sample: null, top: 9 });
    const total = logits.reduce((sum, z) => sum + Math.exp(z), 0), order = [3, 5, 8, 9, 1, 4, 7, 0, 2];
    for (const { labels, ranked } of answers) {
      expect([labels[0], ...ranked!.labels]).toEqual([3, ...order]);
      order.forEach((label, i) => { expect(Math.abs(ranked!.probabilities[i]! - Math.exp(logits[label]!) / total)).toBeLessThan(1e-6); });
    }
    await engine.enlist(withLogits(plain, new Array<number>(11).fill(-7)));
    for (const { ranked } of (await engine.infer({ model: 'ties', sequences, sample: null, top: 16 })).answers) {
      expect([...ranked!.labels]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      for (const probability of ranked!.probabilities) expect(Math.abs(probability - 1 / 11)).toBeLessThan(1e-6);
    }
    await engine.retire('ties');
  });

  it.each([1, 3, 20])('%i sequences: logits far apart give probabilities of 1 and 0, never what is no number', async (count) => {
    const plain = biasedModel(shapeOf({ task: 'tag', outputs: 6 }), 0.5, 3, 'far'), sequences = sequencesOf(plain.shape, new Array<number>(count).fill(2), 4);
    for (const logits of [[-300, 200, 5, 199, -1e30, 100], [-1e20, -2e20, -3e20, -4e20, -5e20, -6e20]]) {
      await engine.enlist(withLogits(plain, logits));
      const order = logits.map((_, label) => label).sort((a, b) => logits[b]! - logits[a]!), shares = order.map((label) => Math.exp(logits[label]! - logits[order[0]!]!)), total = shares.reduce((a, b) => a + b, 0);
      for (const { ranked } of (await engine.infer({ model: 'far', sequences, sample: null, top: 4 })).answers) {
        expect([...ranked!.labels]).toEqual([...order.slice(0, 4), ...order.slice(0, 4)]);
        ranked!.probabilities.forEach((probability, i) => { expect(Math.abs(probability - shares[i % 4]! / total)).toBeLessThan(1e-5); });
      }
    }
    await engine.retire('far');
  });
}
