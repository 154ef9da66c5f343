// Goal: the float64 reference computes the cells of the textbooks. Method: hand-computed scalars, and laws (splitting a
// sequence and carrying the state changes nothing; a dead connection is as if it were not there).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { checkShape, forward, stepLstm, tensorLengths } from '../../src/model/cell.ts';
import { initialWeights } from '../../src/model/initial.ts';
import { densityOfMask, fullMask, maskLayer } from '../../src/model/mask.ts';
import type { Cell, ModelShape, Weights } from '../../src/model/shape.ts';
import { layerShapes } from '../../src/model/shape.ts';
import { sampleModel } from '../../src/model/sample-model.ts';
import { cellState, stepCell } from '../../src/model/step.ts';
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
    expect(caught(() => { checkShape({ ...shape, layers: [] }); })).toBe('shape-unsupported');
    expect(caught(() => { checkShape({ ...shape, outputs: 0 }); })).toBe('shape-unsupported');
  });

  it('has tensors of the stated lengths', () => {
    const { weights } = modelOf(1), lengths = tensorLengths(shape);
    expect(weights.embedding.length).toBe(lengths.embedding);
    expect(weights.layers[0]!.kernel.length).toBe(lengths.layers[0]!.kernel);
    expect(weights.output.length).toBe(lengths.output);
  });
});

const CELLS: readonly Cell[] = ['lstm', 'gru', 'gru-before', 'rnn-tanh', 'rnn-relu'];
const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

describe('the other cells', () => {
  const step = (cell: Cell, kernel: number[], bias: number[], recurrentBias: number[] | null, x: number, h: number): number => {
    const state = cellState(cell, 1);
    state.h[0] = h;
    const layer = { kernel: Float32Array.from(kernel), bias: Float32Array.from(bias) };
    stepCell(cell, recurrentBias === null ? layer : { ...layer, recurrentBias: Float32Array.from(recurrentBias) }, Float64Array.of(x), state);
    return state.h[0];
  };

  it('match steps computed by hand, one input and one unit', () => {
    const kernel = [0.5, -1, 2, 0.25, 1.5, -0.75], bias = [0.125, 0.25, -0.5], recurrentBias = [0.5, -0.25, 1];
    const x = 0.5, h = -0.4;
    const z = sigmoid(0.5 * x + 0.25 * h + 0.125), r = sigmoid(-x + 1.5 * h + 0.25);
    expect(step('gru-before', kernel, bias, null, x, h)).toBeCloseTo(z * h + (1 - z) * Math.tanh(2 * x - 0.75 * (r * h) - 0.5), 12);
    const z2 = sigmoid(0.5 * x + 0.25 * h + 0.625), r2 = sigmoid(-x + 1.5 * h);
    expect(step('gru', kernel, bias, recurrentBias, x, h)).toBeCloseTo(z2 * h + (1 - z2) * Math.tanh(2 * x - 0.5 + r2 * (-0.75 * h + 1)), 12);
    expect(step('rnn-tanh', [2, 3], [0.5], null, x, h)).toBeCloseTo(Math.tanh(1 - 1.2 + 0.5), 6);
    expect(step('rnn-relu', [2, 3], [0.5], null, x, h)).toBeCloseTo(0.3, 6);
    expect(step('rnn-relu', [-2, 3], [0.5], null, x, h)).toBe(0);
  });

  it.each(CELLS)('%s: two layers give the same answers when a sequence is cut and the state carried', (cell) => {
    const model = sampleModel({ ...shape, cell, layers: [4, 6] }, 0.7, randomFrom(4));
    const tokens = Int32Array.of(1, 5, 0, 3, 3, 6, 2);
    const whole = forward(model, tokens, null), first = forward(model, tokens.subarray(0, 3), null), second = forward(model, tokens.subarray(3), first);
    expect([...first.labels, ...second.labels]).toEqual([...whole.labels]);
    expect(second.h.length).toBe(10);
    expect(second.c.length).toBe(cell === 'lstm' ? 10 : 0);
    whole.h.forEach((value, j) => { expect(second.h[j]).toBeCloseTo(value, 12); });
  });

  it.each(CELLS)('%s: a stack is a network that reads what the layer below says', (cell) => {
    const model = sampleModel({ ...shape, cell, layers: [4, 6] }, 1, randomFrom(5));
    const tokens = Int32Array.of(2, 2, 5, 1), said: Float64Array[] = [];
    forward(model, tokens, null, (t, x, _, layer) => { if (layer === 1) said[t] = Float64Array.from(x); });
    const alone = forward({ shape: { ...model.shape, layers: [6], vocabulary: 0, inputs: 4 }, weights: { ...model.weights, embedding: new Float32Array(0), layers: [model.weights.layers[1]!] } }, Float32Array.from(said.flatMap((row) => [...row])), null);
    expect([...alone.labels]).toEqual([...forward(model, tokens, null).labels]);
  });

  it.each(CELLS)('%s: read backwards, the backward half is the forward half of the mirrored sequence', (cell) => {
    const both: ModelShape = { ...shape, cell, task: 'regress', state: 'reset', bidirectional: true, layers: [4], outputs: 8 };
    const model = sampleModel(both, 1, randomFrom(6));
    // The output layer passes h on as it is.
    const eye = Float32Array.from({ length: 64 }, (_, at) => (Math.floor(at / 8) === at % 8 ? 1 : 0));
    const weights = { ...model.weights, output: eye, outputBias: new Float32Array(8) };
    const mirrored = { ...weights, layers: [weights.layers[1]!, weights.layers[0]!] };
    const tokens = Int32Array.of(1, 4, 4, 0, 2);
    const there = forward({ shape: both, weights }, tokens, null).values!, back = forward({ shape: both, weights: mirrored }, Int32Array.from(tokens).reverse(), null).values!;
    for (let j = 0; j < 4; j++) {
      expect(there[j]).toBeCloseTo(back[4 + j]!, 12);
      expect(there[4 + j]).toBeCloseTo(back[j]!, 12);
    }
  });

  it('answers the next token after every step, and numbers for a whole sequence of frames', () => {
    const next = sampleModel({ ...shape, cell: 'gru', task: 'next', outputs: 7 }, 1, randomFrom(7));
    expect(forward(next, Int32Array.of(1, 2, 3), null).labels.length).toBe(3);
    const regress = sampleModel({ ...shape, cell: 'rnn-tanh', vocabulary: 0, task: 'regress', outputs: 2 }, 1, randomFrom(8));
    const { values, labels, confidence } = forward(regress, Float32Array.of(1, 2, 3, 4, 5, 6), null);
    expect([values!.length, labels.length, confidence]).toEqual([2, 0, 1]);
    expect(caught(() => forward(regress, Float32Array.of(1, 2), null))).toBe('request-invalid');
  });

  it('refuses shapes that do not hang together', () => {
    expect(caught(() => { checkShape({ ...shape, bidirectional: true }); })).toBe('shape-unsupported');
    expect(caught(() => { checkShape({ ...shape, task: 'next' }); })).toBe('shape-unsupported');
    expect(caught(() => { checkShape({ ...shape, vocabulary: -1 }); })).toBe('shape-unsupported');
    expect(layerShapes({ ...shape, layers: [4, 6], bidirectional: true }).map(({ inputs, units }) => [inputs, units])).toEqual([[3, 4], [3, 4], [8, 6], [8, 6]]);
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
