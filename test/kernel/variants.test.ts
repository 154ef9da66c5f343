// Goal: every variant of the kernel computes what the float64 reference computes, whatever the shape, the density, the
// lengths and the number of sequences. Method: long runs, and random models and ragged batches (fast-check), compared
// with src/model/cell.ts; each answer of a batch also equals that of its sequence alone.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadArguments } from '../../src/adapters/engine/addon.ts';
import { NativeEngine } from '../../src/adapters/engine/native.ts';
import { forward } from '../../src/model/cell.ts';
import { pack } from '../../src/model/pack.ts';
import { sampleModel } from '../../src/model/sample-model.ts';
import { randomFrom } from '../../src/support/random.ts';
import { builtAddon, supportedVariants } from '../adapters/engine/built.ts';
import { biasedModel, CELLS, sequencesOf, shapeOf, worstDifference } from '../checks/engine.ts';

const addon = await builtAddon();

describe.each(supportedVariants(addon))('%s', (variant) => {
  const engine = new NativeEngine(addon, variant);

  it.each(CELLS)('%s: 200 steps at ordinary weights: h within 1e-6 of float64', async (cell) => {
    const model = biasedModel(shapeOf({ cell, units: 96, inputs: 64, outputs: 30, vocabulary: 500 }), 0.3, 1, 'long');
    const { parity } = await engine.enlist(model);
    expect(parity).toBeLessThan(1e-6);
    const sequences = sequencesOf(model.shape, new Array(3).fill(200), 2);
    expect(worstDifference(model, sequences, await engine.infer({ model: 'long', sequences, sample: null }))).toBeLessThan(1e-6);
  });

  it('random cells, shapes, densities, lengths, numbers of sequences and states', async () => {
    await fc.assert(fc.asyncProperty(fc.record({
      cell: fc.constantFrom(...CELLS), layers: fc.array(fc.integer({ min: 1, max: 37 }), { minLength: 1, maxLength: 3 }), inputs: fc.integer({ min: 1, max: 13 }), outputs: fc.integer({ min: 1, max: 11 }),
      vocabulary: fc.integer({ min: 0, max: 30 }), task: fc.constantFrom('tag', 'classify', 'regress'), bidirectional: fc.boolean(),
      density: fc.constantFrom(0, 0.05, 0.3, 1), seed: fc.nat(), lengths: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 90 }),
    }), async ({ density, seed, lengths, bidirectional: asked, ...part }) => {
      const bidirectional = asked && part.task !== 'tag';
      const model = biasedModel(shapeOf({ ...part, bidirectional, state: bidirectional ? 'reset' : 'carry' }), density, seed, 'any');
      await engine.enlist(model);
      const sequences = sequencesOf(model.shape, lengths, seed);
      const result = await engine.infer({ model: 'any', sequences, sample: { every: 1, phase: 0 } });
      expect(worstDifference(model, sequences, result)).toBeLessThan(1e-6);
      for (const { rows } of [result.activity!, ...(result.deeper ?? [])]) expect(rows).toBe(lengths.reduce((sum, length) => sum + length, 0));
      await engine.retire('any');
    }), { numRuns: 60, seed: 5 });
  });

  it('wide layers, long and short sequences, few and many lanes, masks from empty to full', async () => {
    await fc.assert(fc.asyncProperty(fc.record({
      cell: fc.constantFrom(...CELLS), layers: fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 }).map((units) => units.map((n, at) => (at < 2 ? n : 1 + (n % 30)))), inputs: fc.integer({ min: 1, max: 200 }),
      density: fc.constantFrom(0, 0.01, 0.05, 0.2, 1), seed: fc.nat(), longest: fc.integer({ min: 1, max: 200 }), count: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 70 })),
    }), async ({ density, seed, longest, count, ...part }) => {
      const model = biasedModel(shapeOf({ ...part, outputs: 9 }), density, seed, 'wide');
      await engine.enlist(model);
      const sequences = sequencesOf(model.shape, Array.from({ length: count }, (_, at) => (at === 0 ? longest : 1 + (at % 2))), seed);
      expect(worstDifference(model, sequences, await engine.infer({ model: 'wide', sequences, sample: null }))).toBeLessThan(1e-6);
      await engine.retire('wide');
    }), { numRuns: 15, seed: 8 });
  });

  it.each([1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 33, 48, 64, 65, 150])('%i sequences: each answer equals that of its sequence alone', async (count) => {
    const model = sampleModel(shapeOf({ units: 22 }), 0.5, randomFrom(3), 'ragged');
    await engine.enlist(model);
    const random = randomFrom(count);
    const sequences = sequencesOf(model.shape, Array.from({ length: count }, () => 1 + Math.floor(random() ** 3 * 40)), count);
    const { answers, steps } = await engine.infer({ model: 'ragged', sequences, sample: null });
    for (const at of new Set([0, count >> 1, count - 1])) {
      const alone = (await engine.infer({ model: 'ragged', sequences: [sequences[at]!], sample: null })).answers[0]!;
      expect(answers[at]!.labels).toEqual(alone.labels);
      expect(Math.max(...alone.h.map((h, j) => Math.abs(h - answers[at]!.h[j]!)))).toBeLessThan(5e-7);
    }
    const longest = Math.max(...sequences.map(({ inputs }) => inputs.length));
    expect(steps).toBeGreaterThanOrEqual(longest);
    // Refilled, longest first: less than one longest sequence above the fullest possible packing (Graham 1969).
    const widest = Math.max(...addon.variants().find(({ name }) => name === variant)!.widths.filter((_, at, widths) => at === 0 || widths[at - 1]! < count));
    const total = sequences.reduce((sum, { inputs }) => sum + inputs.length, 0);
    expect(steps).toBeLessThanOrEqual(Math.ceil(total / Math.min(widest, count)) + longest);
    expect(worstDifference(model, sequences, { answers, steps, activity: null, kernelMs: 0 })).toBeLessThan(1e-6);
  });

  it('10,000 steps in one sequence', async () => {
    const model = sampleModel(shapeOf({ units: 16, inputs: 8 }), 0.5, randomFrom(4), 'marathon');
    await engine.enlist(model);
    const sequences = sequencesOf(model.shape, [10_000], 5);
    const result = await engine.infer({ model: 'marathon', sequences, sample: { every: 32, phase: 3 } });
    expect(worstDifference(model, sequences, result)).toBeLessThan(2e-6);
    expect([result.steps, result.activity!.rows]).toEqual([10_000, 312]);
  });

  it.each(CELLS.slice(0, 4))('%s, saturating weights: 30 steps stay finite and within bounds, one step is near float64 (more is chaotic)', async (cell) => {
    const ordinary = sampleModel(shapeOf({ cell, units: 24 }), 1, randomFrom(6), 'huge');
    const scaled = { ...ordinary, weights: { ...ordinary.weights, layers: ordinary.weights.layers.map(({ kernel, bias }) => ({ kernel: kernel.map((w) => 40 * w), bias: bias.map((b) => 100 * b) })) } };
    const [handle] = addon.load(...loadArguments(variant, pack(scaled)));
    for (const [steps, bound] of [[1, 1e-4], [30, 2]] as const) {
      const inputs = Int32Array.from({ length: steps }, (_, t) => (7 * t) % 40);
      const h = new Float32Array(24), c = new Float32Array(cell === 'lstm' ? 24 : 0);
      await addon.infer(handle, inputs, Uint32Array.of(0, steps), h, c, new Int32Array(steps), new Float32Array(0), new Float32Array(1), 1, 0, 0, 1, new Int32Array(0), new Float32Array(0), new Float64Array(48));
      const right = forward(scaled, inputs, null);
      h.forEach((value, j) => {
        expect(Math.abs(value)).toBeLessThanOrEqual(1 + 2 ** -22);
        expect(Math.abs(value - right.h[j]!)).toBeLessThanOrEqual(bound);
      });
    }
    addon.release(handle);
  });
});
