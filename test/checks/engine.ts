// Goal: what every engine must do, whatever it is made of. Method: run by the test of each adapter with its own `make`;
// the float64 reference forward pass says what is right.
import { beforeAll, describe, expect, it } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { forward } from '../../src/model/cell.ts';
import type { Model } from '../../src/model/model.ts';
import { sampleModel } from '../../src/model/sample-model.ts';
import type { ModelShape } from '../../src/model/shape.ts';
import type { Engine, EngineResult, EngineSequence } from '../../src/ports.ts';
import { randomFrom } from '../../src/support/random.ts';

export const shapeOf = (part: Partial<ModelShape> & { readonly units?: number } = {}): ModelShape => ({
  cell: 'lstm', vocabulary: part.vocabulary ?? 40, inputs: part.inputs ?? 9, layers: [part.units ?? 21], task: part.task ?? 'tag', outputs: part.outputs ?? 7, state: 'carry',
});

/** Random ragged sequences; every other one starts at a state. */
export function sequencesOf(shape: ModelShape, lengths: readonly number[], seed: number): EngineSequence[] {
  const random = randomFrom(seed);
  const state = (): Float32Array => Float32Array.from({ length: shape.layers[0]! }, () => 2 * random() - 1);
  return lengths.map((length, at) => ({
    inputs: Int32Array.from({ length }, () => Math.floor(random() * shape.vocabulary)),
    h: at % 2 === 0 ? null : state(),
    c: at % 2 === 0 ? null : state(),
  }));
}

const of64 = ({ h, c }: EngineSequence): { h: Float64Array; c: Float64Array } | null => (h === null || c === null ? null : { h: Float64Array.from(h), c: Float64Array.from(c) });

/** Largest difference of h and c from the reference; labels and confidences are expected to agree. */
export function worstDifference(model: Model, sequences: readonly EngineSequence[], result: EngineResult): number {
  let worst = 0;
  expect(result.answers).toHaveLength(sequences.length);
  result.answers.forEach((answer, at) => {
    const right = forward(model, sequences[at]!.inputs, of64(sequences[at]!));
    const outputs = model.shape.outputs;
    expect(answer.labels).toHaveLength(right.labels.length);
    // A label may differ from the reference only where both are as probable.
    answer.labels.forEach((label, t) => { expect(Math.abs(right.probabilities[t * outputs + label]! - right.probabilities[t * outputs + right.labels[t]!]!)).toBeLessThan(1e-6); });
    expect(Math.abs(answer.confidence - right.confidence)).toBeLessThan(2e-6);
    right.h.forEach((h, j) => { worst = Math.max(worst, Math.abs(answer.h[j]! - h), Math.abs(answer.c[j]! - right.c[j]!)); });
  });
  return worst;
}

/** Every vector [x(t); h(t−1)] of the sequences, by a key that survives rounding. */
function trueVectors(model: Model, sequences: readonly EngineSequence[]): Float64Array[] {
  const all: Float64Array[] = [];
  for (const sequence of sequences) forward(model, sequence.inputs, of64(sequence), (_, x, h) => { all.push(Float64Array.from([...x, ...h])); });
  return all;
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

  describe('sampling', () => {
    it.each([[1, 0], [3, 1], [4, 9], [5, -2]])('every %i, phase %i: whole steps, active lanes only, true vectors', async (every, phase) => {
      const sequences = sequencesOf(tag.shape, lengths, 5);
      const { activity, steps } = await engine.infer({ model: tag.id, sequences, sample: { every, phase } });
      const all = trueVectors(tag, sequences);
      const columns = 9 + 21;
      expect(activity!.columns).toBe(columns);
      expect(activity!.values).toHaveLength(activity!.rows * columns);
      const sampledSteps = Array.from({ length: steps }, (_, s) => s).filter((s) => (((s + phase) % every) + every) % every === 0).length;
      expect(activity!.rows).toBeLessThanOrEqual(sampledSteps * sequences.length);
      if (every === 1) expect(activity!.rows).toBe(all.length);
      const open = [...all];
      for (let row = 0; row < activity!.rows; row++) { // each true vector is matched once
        const values = activity!.values.subarray(row * columns, (row + 1) * columns);
        const at = open.findIndex((vector) => vector.every((value, k) => Math.abs(value - values[k]!) < 1e-6));
        expect(at).toBeGreaterThanOrEqual(0);
        open.splice(at, 1);
      }
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
      expect(await one('tag', { ...good, h: new Float32Array(20) })).toBe('engine-failed');
      expect(await one('tag', { ...good, c: new Float32Array(21).fill(NaN) })).toBe('engine-failed');
      expect(await one('tag', good)).toBe('no error');
    });

    it('refuses models that are not sound', async () => {
      const layer = tag.weights.layers[0]!;
      const bad = (weights: Partial<Model['weights']>): Promise<unknown> => codeFrom(engine.enlist({ ...tag, id: 'bad', weights: { ...tag.weights, ...weights } }));
      expect(await bad({ layers: [{ ...layer, bias: Float32Array.from(layer.bias, (b, at) => (at === 5 ? NaN : b)) }] })).toBe('engine-mismatch');
      expect(await bad({ embedding: Float32Array.from(tag.weights.embedding, (b, at) => (at === 5 ? Infinity : b)) })).toBe('engine-mismatch');
      expect(await bad({ output: tag.weights.output.slice(1) })).toBe('engine-mismatch');
      expect(await codeFrom(engine.enlist({ ...tag, id: 'bad', mask: [new Uint8Array(3)] }))).toBe('engine-mismatch');
      expect(await codeFrom(engine.enlist({ ...tag, id: 'bad', shape: { ...tag.shape, layers: [3, 3] } }))).toBe('shape-unsupported');
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
