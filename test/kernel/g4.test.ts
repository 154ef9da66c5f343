// Goal: every int8 variant computes the quantised arithmetic, whatever the shape, the mask, the lengths and the number of
// sequences. Method: random models and ragged batches, each step from the kernel's own state compared with
// src/model/quantised-cell.ts before rounding, so that no bound but float32's is needed; long runs against float64.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NativeEngine } from '../../src/adapters/engine/native.ts';
import { forward } from '../../src/model/cell.ts';
import type { Model } from '../../src/model/model.ts';
import { quantise, STEPS } from '../../src/model/quantise.ts';
import { forwardQuantised } from '../../src/model/quantised-cell.ts';
import { sampleModel } from '../../src/model/sample-model.ts';
import type { ModelShape } from '../../src/model/shape.ts';
import type { EngineResult, EngineSequence } from '../../src/ports.ts';
import { randomFrom } from '../../src/support/random.ts';
import { builtAddon, supportedVariants } from '../adapters/engine/built.ts';
import { biasedModel, sequencesOf, shapeOf } from '../checks/engine.ts';

const addon = await builtAddon();
const CELLS = ['lstm', 'gru', 'gru-before', 'rnn-tanh'] as const;
const state64 = ({ h, c }: EngineSequence): { h: Float64Array; c: Float64Array } | null => (h === null || c === null ? null : { h: Float64Array.from(h), c: Float64Array.from(c) });

/** Sequences of one step, each from a state of its own. */
function singleSteps(shape: ModelShape, count: number, seed: number): readonly EngineSequence[] {
  return sequencesOf({ ...shape, state: 'carry' }, new Array<number>(count).fill(1), seed);
}

interface Differences { readonly state: number; readonly answer: number; readonly flips: number; readonly all: number }

/**
 * How far one step is from the reference: state beyond what rounding explains (h up to half a step), and what the output
 * layer says. `flips` are those h that were rounded to another step than the reference's, `all` the number of h.
 */
function differences(model: Model, sequences: readonly EngineSequence[], { answers }: EngineResult): Differences {
  const quantised = quantise(model), { outputs } = model.shape, half = model.shape.cell.startsWith('gru') ? 0 : 0.5 / STEPS;
  let state = 0, answer = 0, flips = 0, all = 0;
  answers.forEach((found, at) => {
    const right = forwardQuantised(quantised, Int32Array.from(sequences[at]!.inputs), state64(sequences[at]!));
    found.h.forEach((h, j) => {
      state = Math.max(state, Math.abs(h - right.unrounded[j]!) - half);
      all++;
      if (Math.abs(Math.round(STEPS * h) - Math.round(STEPS * right.unrounded[j]!)) > 0) flips++;
    });
    found.c.forEach((c, j) => { state = Math.max(state, Math.abs(c - right.c[j]!) / Math.max(1, Math.abs(right.c[j]!))); });
    answer = Math.max(answer, Math.abs(found.confidence - right.confidence), ...(right.values ?? []).map((value, o) => Math.abs(found.values![o]! - value) / Math.max(1, Math.abs(value))));
    found.labels.forEach((label, t) => { answer = Math.max(answer, right.probabilities[t * outputs + right.labels[t]!]! - right.probabilities[t * outputs + label]!); });
  });
  return { state, answer, flips, all };
}

describe.each(supportedVariants(addon, 'int8-g4'))('%s', (variant) => {
  const engine = new NativeEngine(addon, variant);

  it('random cells, shapes, densities, numbers of sequences: one step of one layer equals the quantised reference', async () => {
    let flips = 0, all = 0;
    await fc.assert(fc.asyncProperty(fc.record({
      cell: fc.constantFrom(...CELLS), units: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 41, max: 300 })), inputs: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 21, max: 200 })),
      outputs: fc.integer({ min: 1, max: 21 }), task: fc.constantFrom('tag', 'classify', 'regress'), bidirectional: fc.boolean(),
      density: fc.constantFrom(0, 0.02, 0.1, 0.5, 1), seed: fc.nat(), count: fc.integer({ min: 1, max: 70 }),
    }), async ({ density, seed, count, bidirectional: asked, ...part }) => {
      const bidirectional = asked && part.task !== 'tag';
      const model = biasedModel(shapeOf({ ...part, bidirectional, vocabulary: 30, state: bidirectional ? 'reset' : 'carry' }), density, seed, 'any');
      await engine.enlist(model);
      const sequences = singleSteps(model.shape, count, seed);
      const found = differences(model, sequences, await engine.infer({ model: 'any', sequences, sample: null }));
      flips += found.flips;
      all += found.all;
      expect(found.state).toBeLessThan(1e-5);
      expect(found.answer).toBeLessThan(found.flips === 0 ? 1e-5 : 0.01);
      await engine.retire('any');
    }), { numRuns: 60, seed: 8 });
    expect(flips).toBeLessThan(2e-4 * all);
  });

  it('stacked, both directions, many lengths: one call equals the same sequences step by step, and each alone', async () => {
    let otherwise = 0;
    await fc.assert(fc.asyncProperty(fc.record({
      cell: fc.constantFrom(...CELLS), layers: fc.array(fc.integer({ min: 1, max: 37 }), { minLength: 1, maxLength: 4 }), inputs: fc.integer({ min: 1, max: 13 }),
      density: fc.constantFrom(0, 0.1, 0.5, 1), seed: fc.nat(), lengths: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 90 }),
    }), async ({ density, seed, lengths, ...part }) => {
      const model = biasedModel(shapeOf({ ...part, vocabulary: 30 }), density, seed, 'steps');
      await engine.enlist(model);
      const sequences = sequencesOf(model.shape, lengths, seed);
      const { answers } = await engine.infer({ model: 'steps', sequences, sample: null });
      const quantised = quantise(model);
      for (const at of [0, lengths.length - 1]) {
        // Few units, few steps: the float32 gates round otherwise than float64 in about one run of a thousand.
        const right = forwardQuantised(quantised, Int32Array.from(sequences[at]!.inputs), state64(sequences[at]!));
        const worst = Math.max(...answers[at]!.h.map((h, j) => Math.abs(h - right.h[j]!)), ...answers[at]!.c.map((c, j) => Math.abs(c - right.c[j]!) / Math.max(1, Math.abs(right.c[j]!))));
        expect(worst).toBeLessThan(0.03);
        if (worst > 1e-5) otherwise++;
        let { h, c } = sequences[at]!;
        const labels: number[] = [];
        for (let t = 0; t < lengths[at]!; t++) {
          const one: EngineSequence = { inputs: sequences[at]!.inputs.slice(t, t + 1), h, c };
          const answer = (await engine.infer({ model: 'steps', sequences: [one], sample: null })).answers[0]!;
          ({ h, c } = answer);
          labels.push(...answer.labels);
        }
        const apart = Math.max(...answers[at]!.h.map((value, j) => Math.abs(value - h![j]!)));
        expect(apart).toBeLessThan(0.03);
        if (apart < 1e-6) expect([...answers[at]!.labels]).toEqual(labels);
      }
      await engine.retire('steps');
    }), { numRuns: 25, seed: 9 });
    expect(otherwise).toBeLessThanOrEqual(2);
  });

  it.each(CELLS)('%s both ways, two layers: answers and states of a ragged batch', async (cell) => {
    const model = biasedModel(shapeOf({ cell, layers: [10, 15], inputs: 7, task: 'classify', bidirectional: true, state: 'reset' }), 0.5, 3, 'both');
    await engine.enlist(model);
    for (const count of [3, 40]) {
      const sequences = sequencesOf(model.shape, Array.from({ length: count }, (_, at) => 1 + at % 12), 4);
      const { state, answer } = differences(model, sequences, await engine.infer({ model: 'both', sequences, sample: null }));
      expect(state).toBeLessThan(0.01);
      expect(answer).toBeLessThan(0.01);
    }
  });

  it.each(CELLS)('%s: 200 steps stay within 0.03 of float64, confidence within 1e-3, labels equal where the best leads by 2e-3', async (cell) => {
    const model = biasedModel(shapeOf({ cell, units: 96, inputs: 64, outputs: 30, vocabulary: 500 }), 0.3, 1, 'long');
    await engine.enlist(model);
    for (const count of [1, 20]) {
      const sequences = sequencesOf(model.shape, new Array<number>(count).fill(200), 2).map((sequence): EngineSequence => ({ ...sequence, h: null, c: null }));
      const { answers } = await engine.infer({ model: 'long', sequences, sample: null });
      const right = forward(model, sequences[0]!.inputs, null), h = answers[0]!.h;
      expect(Math.max(...h.map((value, j) => Math.abs(value - right.h[j]!)))).toBeLessThan(0.03);
      expect(Math.abs(answers[0]!.confidence - right.confidence)).toBeLessThan(1e-3);
      const margins = right.labels.map((_, t) => { const row = [...right.probabilities.subarray(t * 30, t * 30 + 30)].sort((a, b) => b - a); return row[0]! - row[1]! > 2e-3 ? 1 : 0; });
      right.labels.forEach((label, t) => { if (margins[t] === 1) expect(answers[0]!.labels[t]).toBe(label); });
    }
  });

  it.each(CELLS)('%s: samples are the numbers that were multiplied', async (cell) => {
    const model = biasedModel(shapeOf({ cell, layers: [13, 6] }), 0.5, 6, 'sampled');
    await engine.enlist(model);
    for (const count of [1, 9]) {
      const sequences = singleSteps(model.shape, count, 7);
      const { activity, deeper } = await engine.infer({ model: 'sampled', sequences, sample: { every: 1, phase: 0 } });
      const { step } = quantise(model);
      expect([activity!.rows, deeper![0]!.rows]).toEqual([count, count]);
      for (const { values, rows, columns } of [activity!, ...deeper!]) {
        const inputs = columns === activity!.columns ? 9 : 13;
        for (let row = 0; row < rows; row++) for (let k = 0; k < columns; k++) {
          const value = values[row * columns + k]! / (inputs === 9 && k < 9 ? step : 1 / STEPS);
          const reset = cell === 'gru' && k >= inputs + (inputs === 9 ? 13 : 6);
          if (reset) expect(values[row * columns + k]).toSatisfy((r: number) => r > 0 && r < 1);
          else expect(Math.abs(value - Math.round(value))).toBeLessThan(1e-3);
        }
      }
      // The first row of sources of an h of zero is zero, and the state of sequence 1 is the rounded one that was given.
      if (count > 1) activity!.values.subarray(activity!.columns + 9, activity!.columns + 22).forEach((value, j) => { expect(Math.abs(value - sequences[1]!.h![j]!)).toBeLessThanOrEqual(0.5 / STEPS + 1e-6); });
    }
  });

  it('a model that int8 cannot run is refused with a remedy, and fp32 arrays are refused by the addon', async () => {
    for (const part of [{ cell: 'rnn-relu' }, { vocabulary: 0 }] as const) {
      await expect(engine.enlist(sampleModel(shapeOf(part), 0.5, randomFrom(1), 'no'))).rejects.toMatchObject({ code: 'shape-unsupported', message: expect.stringContaining('fp32') });
    }
  });
});
