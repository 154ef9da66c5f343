// Goal: what every engine must do, whatever it is made of. Method: run by the test of each adapter with its own `make`;
// the float64 reference forward pass says what is right.
import { beforeAll, describe, expect, it } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { forward } from '../../src/model/cell.ts';
import type { Model } from '../../src/model/model.ts';
import { sampleModel } from '../../src/model/sample-model.ts';
import type { Cell, ModelShape } from '../../src/model/shape.ts';
import { layerShapes, stateLengths } from '../../src/model/shape.ts';
import type { Engine, EngineResult, EngineSequence } from '../../src/ports.ts';
import { randomFrom } from '../../src/support/random.ts';
import { plainNetwork } from '../kernel/plain-network.ts';

export const CELLS: readonly Cell[] = ['lstm', 'gru', 'gru-before', 'rnn-tanh', 'rnn-relu'];

export const shapeOf = ({ units = 21, ...part }: Partial<ModelShape> & { readonly units?: number } = {}): ModelShape => ({
  cell: 'lstm', vocabulary: 40, inputs: 9, layers: [units], task: 'tag', outputs: 7, state: 'carry', ...part,
});

/** The shapes that every engine must run, with each cell: stacked and not, tokens and frames, both directions, every task. */
export const shapesOf = (cell: Cell): readonly ModelShape[] => [
  shapeOf({ cell, layers: [13, 5, 18] }),
  shapeOf({ cell, vocabulary: 0, inputs: 6, layers: [9, 20], task: 'regress', outputs: 3 }),
  shapeOf({ cell, layers: [8, 11], task: 'next', outputs: 40 }),
  shapeOf({ cell, inputs: 7, layers: [10, 15], task: 'classify', bidirectional: true, state: 'reset' }),
  shapeOf({ cell, vocabulary: 0, inputs: 5, layers: [17], task: 'regress', outputs: 5, bidirectional: true, state: 'reset' }),
];
export const nameOf = ({ cell, vocabulary, layers, task, bidirectional }: ModelShape): string =>
  `${cell} ${layers.join(' + ')}${bidirectional === true ? ' both ways' : ''}, ${vocabulary > 0 ? 'tokens' : 'frames'}, ${task}`;

/** `sampleModel` with biases in ±1/2, so that each of them shows. */
export function biasedModel(shape: ModelShape, density: number, seed: number, id: string): Model {
  const random = randomFrom(seed);
  const model = sampleModel(shape, density, random, id);
  const drawn = (length: number): Float32Array => Float32Array.from({ length }, () => random() - 0.5);
  const layers = model.weights.layers.map((layer) => ({ ...layer, bias: drawn(layer.bias.length), ...(shape.cell === 'gru' ? { recurrentBias: drawn(layer.bias.length) } : {}) }));
  return { ...model, weights: { ...model.weights, layers, outputBias: drawn(shape.outputs) } };
}

/** Random ragged sequences; every other one starts at a state where the shape carries states. */
export function sequencesOf(shape: ModelShape, lengths: readonly number[], seed: number): EngineSequence[] {
  const random = randomFrom(seed);
  const draw = (length: number): Float32Array => Float32Array.from({ length }, () => 2 * random() - 1);
  const { h, c } = stateLengths(shape);
  return lengths.map((length, at) => ({
    inputs: shape.vocabulary > 0 ? Int32Array.from({ length }, () => Math.floor(random() * shape.vocabulary)) : draw(length * shape.inputs),
    h: at % 2 === 0 || shape.state === 'reset' ? null : draw(h),
    c: at % 2 === 0 || shape.state === 'reset' ? null : draw(c),
  }));
}

const of64 = ({ h, c }: EngineSequence): { h: Float64Array; c: Float64Array } | null => (h === null || c === null ? null : { h: Float64Array.from(h), c: Float64Array.from(c) });

/** Largest difference of h, c and regressed numbers from the reference (relative above 1); labels and confidences are expected to agree. */
export function worstDifference(model: Model, sequences: readonly EngineSequence[], result: EngineResult): number {
  let worst = 0;
  const compare = (found: ArrayLike<number>, right: ArrayLike<number>): void => {
    expect(found).toHaveLength(right.length);
    for (let at = 0; at < right.length; at++) worst = Math.max(worst, Math.abs(found[at]! - right[at]!) / Math.max(1, Math.abs(right[at]!)));
  };
  expect(result.answers).toHaveLength(sequences.length);
  result.answers.forEach((answer, at) => {
    const right = forward(model, sequences[at]!.inputs, of64(sequences[at]!));
    const outputs = model.shape.outputs;
    expect(answer.labels).toHaveLength(right.labels.length);
    // A label may differ from the reference only where both are as probable.
    answer.labels.forEach((label, t) => { expect(Math.abs(right.probabilities[t * outputs + label]! - right.probabilities[t * outputs + right.labels[t]!]!)).toBeLessThan(1e-6); });
    expect(Math.abs(answer.confidence - right.confidence)).toBeLessThan(2e-6);
    compare(answer.h, right.h);
    compare(answer.c, right.c);
    compare(answer.values ?? [], right.values ?? []);
  });
  return worst;
}

/** Expects each sampled row to be one that the layer truly read, by an independent computation; each at most once. Returns the rows of each layer. */
function expectTrueActivity(model: Model, sequences: readonly EngineSequence[], { activity, deeper }: EngineResult): readonly { readonly sampled: number; readonly all: number }[] {
  const plain = sequences.map((sequence) => plainNetwork(model.shape, model.weights, sequence).activity);
  const layers = layerShapes(model.shape);
  const found = [activity!, ...(deeper ?? [])];
  expect(found.map(({ layer }) => layer ?? 0)).toEqual(layers.map(({ index }) => index));
  return found.map(({ rows, columns, values }, index) => {
    const open = plain.flatMap((layersRead) => layersRead[index]!);
    const all = open.length;
    expect(columns).toBe(layers[index]!.sources + (layers[index]!.gates === 3 ? layers[index]!.units : 0));
    expect(values).toHaveLength(rows * columns);
    for (let row = 0; row < rows; row++) {
      const at = open.findIndex((vector) => vector.every((value, k) => Math.abs(value - values[row * columns + k]!) < 2e-6 * Math.max(1, Math.abs(value))));
      expect(at).toBeGreaterThanOrEqual(0);
      open.splice(at, 1);
    }
    return { sampled: rows, all };
  });
}

const codeFrom = async (run: Promise<unknown>): Promise<unknown> => run.then(() => 'no error', (error: unknown) => codeOf(error) ?? error);

export function engineChecks(make: () => Promise<Engine>): void {
  let engine: Engine;
  const tag = sampleModel(shapeOf(), 0.5, randomFrom(1), 'tag');
  const classify = sampleModel(shapeOf({ task: 'classify', outputs: 10, units: 18 }), 0.4, randomFrom(2), 'classify');
  const lengths = [3, 1, 8, 2, 2, 5, 13, 1, 4];
  beforeAll(async () => {
    engine = await make();
    for (const model of [tag, classify]) {
      const { parity, bytes, ms } = await engine.enlist(model);
      expect(parity).toBeLessThan(1e-6);
      expect(bytes).toBeGreaterThan(1000);
      expect(ms).toBeGreaterThanOrEqual(0);
    }
  });

  describe('answers', () => {
    it.each([['tag', tag], ['classify', classify]] as const)('%s: labels, confidence and state of a ragged batch equal the reference', async (_, model) => {
      const sequences = sequencesOf(model.shape, lengths, 3);
      const before = structuredClone(sequences);
      const result = await engine.infer({ model: model.id, sequences, sample: null });
      expect(worstDifference(model, sequences, result)).toBeLessThan(1e-6);
      expect(result.activity).toBeNull();
      expect(result.steps).toBeGreaterThanOrEqual(Math.max(...lengths));
      expect(result.kernelMs).toBeGreaterThanOrEqual(0);
      expect(sequences).toEqual(before);
    });

    it('an empty call has an empty answer', async () => {
      expect(await engine.infer({ model: tag.id, sequences: [], sample: { every: 1, phase: 0 } })).toMatchObject({ answers: [], activity: null, steps: 0 });
    });

    it('state carried over two calls equals one call over the whole sequence', async () => {
      const [whole] = sequencesOf(tag.shape, [11], 4);
      const once = (await engine.infer({ model: tag.id, sequences: [whole!], sample: null })).answers[0]!;
      const first = (await engine.infer({ model: tag.id, sequences: [{ ...whole!, inputs: whole!.inputs.slice(0, 4) }], sample: null })).answers[0]!;
      const second = (await engine.infer({ model: tag.id, sequences: [{ inputs: whole!.inputs.slice(4), h: first.h, c: first.c }], sample: null })).answers[0]!;
      expect([...first.labels, ...second.labels]).toEqual([...once.labels]);
      expect(Math.max(...once.h.map((h, j) => Math.abs(h - second.h[j]!)))).toBeLessThan(1e-6);
    });
  });

  describe.each(CELLS)('%s', (cell) => {
    it.each(shapesOf(cell).map((shape) => [nameOf(shape), shape] as const))('%s: answers, states and what every layer read', async (name, shape) => {
      const model = biasedModel(shape, 0.5, 21, name);
      const { parity } = await engine.enlist(model);
      expect(parity).toBeLessThan(1e-6);
      const sequences = sequencesOf(shape, lengths, 22);
      const result = await engine.infer({ model: name, sequences, sample: { every: 1, phase: 0 } });
      expect(worstDifference(model, sequences, result)).toBeLessThan(1e-6);
      for (const { sampled, all } of expectTrueActivity(model, sequences, result)) expect(sampled).toBe(all);
      await engine.retire(name);
    });
  });

  describe('sampling', () => {
    it.each([[1, 0], [3, 1], [4, 9], [5, -2]])('every %i, phase %i: whole steps, active lanes only, true vectors', async (every, phase) => {
      const sequences = sequencesOf(tag.shape, lengths, 5);
      const result = await engine.infer({ model: tag.id, sequences, sample: { every, phase } });
      const [layer] = expectTrueActivity(tag, sequences, result);
      const sampledSteps = Array.from({ length: result.steps }, (_, s) => s).filter((s) => (((s + phase) % every) + every) % every === 0).length;
      expect(layer!.sampled).toBeLessThanOrEqual(sampledSteps * sequences.length);
      if (every === 1) expect(layer!.sampled).toBe(layer!.all);
    });
  });

  describe('gram', () => {
    it('adds the second moments of [row; 1], float64 to 1e-5 of the sum of absolute products', async () => {
      const random = randomFrom(6);
      for (const [rows, columns] of [[1, 1], [33, 5], [100, 30]] as const) {
        const values = Float32Array.from({ length: rows * columns }, () => 2 * random() - 1);
        const size = columns + 1;
        const into = new Float64Array((size * (size + 1)) / 2).fill(2);
        await engine.gram({ rows, columns, values }, into);
        const a = (row: number, k: number): number => (k < columns ? values[row * columns + k]! : 1);
        for (let i = 0, at = 0; i < size; i++) for (let j = i; j < size; j++, at++) {
          let sum = 2, scale = 1;
          for (let row = 0; row < rows; row++) { sum += a(row, i) * a(row, j); scale += Math.abs(a(row, i) * a(row, j)); }
          expect(Math.abs(into[at]! - sum) / scale).toBeLessThan(1e-5);
        }
      }
    });

    it('several into the same triangle at once add up', async () => {
      const activity = { rows: 40, columns: 3, values: new Float32Array(120).fill(1) };
      const into = new Float64Array(10);
      await Promise.all(Array.from({ length: 8 }, () => engine.gram(activity, into)));
      expect([...into]).toEqual(new Array(10).fill(320));
    });
  });

  describe('refusals', () => {
    const good = sequencesOf(tag.shape, [2], 7)[0]!;
    const one = (model: string, sequence: EngineSequence): Promise<unknown> => codeFrom(engine.infer({ model, sequences: [good, sequence], sample: null }));
    it('refuses with a code, and works on', async () => {
      expect(await one('nobody', good)).toBe('model-unknown');
      expect(await one('tag', { ...good, inputs: new Int32Array(0) })).toBe('request-empty');
      expect(await one('tag', { ...good, inputs: Int32Array.of(0, 40) })).toBe('token-unknown');
      expect(await one('tag', { ...good, inputs: Int32Array.of(-1) })).toBe('token-unknown');
      expect(await one('tag', { ...good, inputs: new Float32Array(9) })).toBe('engine-failed');
      expect(await one('tag', { ...good, h: new Float32Array(20) })).toBe('engine-failed');
      expect(await one('tag', { ...good, c: new Float32Array(21).fill(NaN) })).toBe('engine-failed');
      expect(await one('tag', good)).toBe('no error');
    });

    it('refuses frames that are not whole or not finite', async () => {
      const model = sampleModel(shapeOf({ vocabulary: 0, inputs: 3, task: 'classify' }), 1, randomFrom(9), 'frames');
      await engine.enlist(model);
      const one = (inputs: EngineSequence['inputs']): Promise<unknown> => codeFrom(engine.infer({ model: 'frames', sequences: [{ inputs, h: null, c: null }], sample: null }));
      expect(await one(new Float32Array(0))).toBe('request-empty');
      expect(await one(new Float32Array(4))).toBe('engine-failed');
      expect(await one(new Int32Array(3))).toBe('engine-failed');
      expect(await one(Float32Array.of(0, Infinity, 0))).toBe('engine-failed');
      expect(await one(new Float32Array(6))).toBe('no error');
      await engine.retire('frames');
    });

    it('refuses models that are not sound', async () => {
      const layer = tag.weights.layers[0]!;
      const bad = (weights: Partial<Model['weights']>): Promise<unknown> => codeFrom(engine.enlist({ ...tag, id: 'bad', weights: { ...tag.weights, ...weights } }));
      expect(await bad({ layers: [{ ...layer, bias: Float32Array.from(layer.bias, (b, at) => (at === 5 ? NaN : b)) }] })).toBe('engine-mismatch');
      expect(await bad({ embedding: Float32Array.from(tag.weights.embedding, (b, at) => (at === 5 ? Infinity : b)) })).toBe('engine-mismatch');
      expect(await bad({ output: tag.weights.output.slice(1) })).toBe('engine-mismatch');
      expect(await codeFrom(engine.enlist({ ...tag, id: 'bad', mask: [new Uint8Array(3)] }))).toBe('engine-mismatch');
      expect(await codeFrom(engine.enlist({ ...tag, id: 'bad', shape: { ...tag.shape, layers: [] } }))).toBe('shape-unsupported');
      expect(await codeFrom(engine.infer({ model: 'bad', sequences: [good], sample: null }))).toBe('model-unknown');
    });
  });

  it('several calls in flight, a model retired and enlisted meanwhile: every call ends with the right answer', async () => {
    const model = sampleModel(shapeOf({ units: 33 }), 0.3, randomFrom(8), 'short-lived');
    await engine.enlist(model);
    const batches = Array.from({ length: 6 }, (_, at) => sequencesOf(model.shape, [20, 3, 9], at));
    const calls = batches.map((sequences) => engine.infer({ model: model.id, sequences, sample: { every: 2, phase: 0 } }));
    await engine.retire(model.id);
    expect(await codeFrom(engine.infer({ model: model.id, sequences: batches[0]!, sample: null }))).toBe('model-unknown');
    const results = await Promise.all(calls);
    results.forEach((result, at) => { expect(worstDifference(model, batches[at]!, result)).toBeLessThan(1e-6); });
    await engine.enlist(model);
    await engine.enlist(model);
    expect(worstDifference(model, batches[0]!, await engine.infer({ model: model.id, sequences: batches[0]!, sample: null }))).toBeLessThan(1e-6);
    await engine.retire(model.id);
    await engine.retire(model.id);
  });
}
