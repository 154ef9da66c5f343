// Goal: the float64 reference computes the LSTM of the textbooks. Method: hand-computed scalars, and laws (splitting a
// sequence and carrying the state changes nothing; a dead connection is as if it were not there).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { checkShape, forward, stepLstm, tensorLengths } from '../../src/model/cell.ts';
import { initialWeights } from '../../src/model/initial.ts';
import { densityOfMask, fullMask, maskLayer } from '../../src/model/mask.ts';
import type { ModelShape, Weights } from '../../src/model/shape.ts';
import { randomFrom } from '../../src/support/random.ts';

const shape: ModelShape = { cell: 'lstm', vocabulary: 7, inputs: 3, layers: [5], task: 'tag', outputs: 4, state: 'carry' };
const modelOf = (seed: number, task: 'tag' | 'classify' = 'tag'): { shape: ModelShape; weights: Weights } => {
  const of = { ...shape, task };
  return { shape: of, weights: initialWeights(of, randomFrom(seed)) };
};
const caught = (run: () => unknown): unknown => { try { run(); } catch (error) { return codeOf(error); } return undefined; };

describe('the cell', () => {
  it('matches a step computed by hand (one input of 1, one unit, all weights 1, bias 0)', () => {
    const h = new Float64Array(1), c = new Float64Array(1);
    stepLstm({ kernel: new Float32Array([1, 1, 1, 1, 1, 1, 1, 1]), bias: new Float32Array(4) }, Float64Array.of(1), h, c, new Float64Array(4));
    const s = 1 / (1 + Math.exp(-1));
    expect(c[0]).toBeCloseTo(s * Math.tanh(1), 14);
    expect(h[0]).toBeCloseTo(s * Math.tanh(s * Math.tanh(1)), 14);
  });

  it('reads the gates in the order i, f, g, o', () => {
    const open = 50, shut = -50;
    const h = new Float64Array(1), c = Float64Array.of(0.5);
    stepLstm({ kernel: new Float32Array(8), bias: new Float32Array([shut, open, 3, open]) }, Float64Array.of(0), h, c, new Float64Array(4));
    expect(c[0]).toBeCloseTo(0.5, 12); // input gate shut, forget gate open: the cell keeps what it had
    expect(h[0]).toBeCloseTo(Math.tanh(0.5), 12);
  });

  it('gives the same answers when a sequence is cut and the state carried', () => {
    fc.assert(fc.property(fc.array(fc.nat(6), { minLength: 2, maxLength: 12 }), fc.nat(100), fc.nat(1000), (tokens, cut, seed) => {
      const model = modelOf(seed);
      const at = 1 + (cut % (tokens.length - 1));
      const whole = forward(model, Int32Array.from(tokens), null);
      const first = forward(model, Int32Array.from(tokens.slice(0, at)), null);
      const second = forward(model, Int32Array.from(tokens.slice(at)), first);
      expect([...first.labels, ...second.labels]).toEqual([...whole.labels]);
      whole.h.forEach((value, j) => { expect(second.h[j]).toBeCloseTo(value, 12); });
    }), { numRuns: 50 });
  });

  it('classifies by the last step of the tagger with the same weights', () => {
    const tagger = modelOf(3), tokens = Int32Array.of(1, 4, 2);
    const tagged = forward(tagger, tokens, null);
    const classified = forward(modelOf(3, 'classify'), tokens, null);
    expect(classified.labels[0]).toBe(tagged.labels[2]);
    expect(classified.probabilities.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
    expect(classified.confidence).toBeCloseTo(Math.max(...classified.probabilities), 12);
  });

  it('refuses an empty sequence, ids outside the vocabulary and shapes it cannot serve', () => {
    expect(caught(() => forward(modelOf(1), new Int32Array(0), null))).toBe('request-empty');
    expect(caught(() => forward(modelOf(1), Int32Array.of(7), null))).toBe('token-unknown');
    expect(caught(() => forward(modelOf(1), Int32Array.of(-1), null))).toBe('token-unknown');
    expect(caught(() => { checkShape({ ...shape, layers: [5, 5] }); })).toBe('shape-unsupported');
    expect(caught(() => { checkShape({ ...shape, outputs: 0 }); })).toBe('shape-unsupported');
  });

  it('has tensors of the stated lengths', () => {
    const { weights } = modelOf(1), lengths = tensorLengths(shape);
    expect(weights.embedding.length).toBe(lengths.embedding);
    expect(weights.layers[0]!.kernel.length).toBe(lengths.kernel);
    expect(weights.output.length).toBe(lengths.output);
  });
});

describe('masks', () => {
  it('zero all four gates of a dead connection and nothing else', () => {
    const { weights } = modelOf(5);
    const mask = Uint8Array.from(fullMask(shape)[0]!);
    mask[2 * 5 + 3] = 0; // source 2 -> unit 3
    const masked = maskLayer(weights.layers[0]!, mask, 5);
    weights.layers[0]!.kernel.forEach((value, at) => {
      const dead = Math.floor(at / 20) === 2 && at % 5 === 3;
      expect(masked.kernel[at]).toBe(dead ? 0 : value);
    });
    expect(densityOfMask([mask])).toBeCloseTo(39 / 40, 12);
  });
});
