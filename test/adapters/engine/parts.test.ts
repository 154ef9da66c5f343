// Goal: a call split over several threads answers as the unsplit one, to the bit, and samples as much. Method: partsOf by
// properties; the engine of every variant with one and with three cores on the same calls.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NativeEngine } from '../../../src/adapters/engine/native.ts';
import { partsOf, phaseOfPart } from '../../../src/adapters/engine/parts.ts';
import type { EngineAnswer } from '../../../src/ports.ts';
import { biasedModel, CELLS, nameOf, sequencesOf, shapeOf, worstDifference } from '../../checks/engine.ts';
import { builtAddon, supportedVariants } from './built.ts';

describe('partsOf', () => {
  it('every sequence once; no part below a block, none above the cores; even in sequences and nearly in steps', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 300 }), fc.integer({ min: 1, max: 9 }), fc.constantFrom(8, 16), fc.constantFrom(1, 3), (lengths, cores, block, width) => {
      const parts = partsOf(lengths.map((length) => ({ inputs: new Float32Array(length * width), h: null, c: null })), width, cores, block);
      expect(parts.flat().sort((a, b) => a - b)).toEqual(lengths.map((_, at) => at));
      expect(parts.length).toBeLessThanOrEqual(cores);
      if (parts.length === 1) {
        expect(parts[0]).toEqual(lengths.map((_, at) => at));
        return;
      }
      const sizes = parts.map((part) => part.length), steps = parts.map((part) => part.reduce((sum, at) => sum + lengths[at]!, 0));
      expect(Math.min(...sizes)).toBeGreaterThanOrEqual(block);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      expect(Math.max(...steps) - Math.min(...steps)).toBeLessThanOrEqual(Math.max(...lengths));
    }));
  });

  it('the phases of the parts lie apart', () => {
    expect([0, 1, 2, 3].map((part) => phaseOfPart(5, 32, part, 4))).toEqual([5, 13, 21, 29]);
  });
});

const addon = await builtAddon();

describe.each(supportedVariants(addon))('%s', (variant) => {
  const one = new NativeEngine(addon, variant), three = new NativeEngine(addon, variant, 3);
  it.each(CELLS.flatMap((cell) => [shapeOf({ cell, layers: [23, 14] }), shapeOf({ cell, vocabulary: 0, inputs: 6, task: 'regress', outputs: 5, bidirectional: true, state: 'reset' })])
    .map((shape) => [nameOf(shape), shape] as const))('%s: three parts equal one to the bit', async (name, shape) => {
    const model = biasedModel(shape, 0.4, 31, name);
    for (const engine of [one, three]) await engine.enlist(model);
    const lengths = Array.from({ length: 75 }, (_, at) => 1 + ((7 * at * at) % 40));
    const sequences = sequencesOf(shape, lengths, 32), call = { model: name, sequences, sample: { every: 1, phase: 0 }, top: 3 };
    const whole = await one.infer(call), split = await three.infer(call);
    const plain = ({ labels, values, confidence, ranked, h, c }: EngineAnswer): object => ({ labels, values, confidence, ranked, h, c });
    expect(split.answers.map(plain)).toEqual(whole.answers.map(plain));
    for (const sums of ['abs', 'squares'] as const) split.units![sums].forEach((sum, j) => { expect(Math.abs(sum - whole.units![sums][j]!)).toBeLessThan(1e-4 * (1 + sum)); });
    expect(split.units!.steps).toBe(whole.units!.steps);
    expect(worstDifference(model, sequences, split)).toBeLessThan(1e-6);
    for (const { rows, columns, values } of [split.activity!, ...(split.deeper ?? [])]) {
      expect(rows).toBe(lengths.reduce((sum, length) => sum + length, 0));
      expect(values).toHaveLength(rows * columns);
    }
    expect(split.steps).toBeGreaterThan(whole.steps);
    const sampled = await three.infer({ ...call, sample: { every: 8, phase: 3 } });
    expect(sampled.activity!.rows).toBeGreaterThan(0);
    expect(sampled.activity!.rows).toBeLessThan(split.activity!.rows / 4);
    for (const engine of [one, three]) await engine.retire(name);
  });

  it('a bad number in one part refuses the call with its code', async () => {
    const model = biasedModel(shapeOf(), 0.4, 33, 'bad');
    await three.enlist(model);
    const sequences = sequencesOf(model.shape, new Array(64).fill(20), 34);
    const bad = sequences.map((sequence, at) => (at === 50 ? { ...sequence, inputs: Int32Array.of(1, 40) } : sequence));
    await expect(three.infer({ model: 'bad', sequences: bad, sample: null })).rejects.toMatchObject({ code: 'token-unknown' });
    expect(worstDifference(model, sequences, await three.infer({ model: 'bad', sequences, sample: null }))).toBeLessThan(1e-6);
    await three.retire('bad');
  });
});
