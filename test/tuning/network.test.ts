// Goal: the TensorFlow network is the reference network, forwards and backwards. Method: float64 reference and its numerical derivative on tiny nets.
import { describe, expect, it } from 'vitest';
import { forward } from '../../src/model/cell.ts';
import { initialWeights } from '../../src/model/initial.ts';
import type { ModelShape, Weights } from '../../src/model/shape.ts';
import { randomFrom } from '../../src/support/random.ts';
import type { Batch } from '../../src/tuning/batches.ts';
import { batchesOf } from '../../src/tuning/batches.ts';
import { mixedLoss } from '../../src/tuning/loss.ts';
import type { Parameter, ParameterTensors } from '../../src/tuning/network.ts';
import { PARAMETERS, dropParameters, runBackward, runForward, stateKeeper, uploadParameters, weightsOfRecord, weightsRecord } from '../../src/tuning/network.ts';
import { openRuntime } from '../../src/tuning/ops.ts';
import { classifyShape, randomItems, tagShape } from './samples.ts';

const runtime = openRuntime();
const { tf } = runtime;
/** Larger weights than the initial ones, so that gates leave their linear part. */
const weightsOf = (shape: ModelShape, seed: number): Weights => {
  const record = weightsRecord(initialWeights(shape, randomFrom(seed)));
  return weightsOfRecord({ ...record, embedding: record.embedding.map((x) => 8 * x), kernel: record.kernel.map((x) => 2 * x) });
};
const softmaxAt = (probabilities: Float64Array, temperature: number): Float64Array => {
  const powers = probabilities.map((p) => p ** (1 / temperature));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / sum);
};

/** The loss of `loss.ts` in float64, lane by lane; state starts at zero. */
function referenceLoss(shape: ModelShape, weights: Weights, teacher: Weights, batch: Batch, share: number, temperature: number): number {
  let loss = 0, rows = 0;
  for (let lane = 0; lane < batch.lanes; lane++) {
    const inputs = Int32Array.from({ length: batch.lengths[lane]! }, (_, t) => batch.inputs[t * batch.lanes + lane]!);
    if (inputs.length === 0) continue;
    const own = forward({ shape, weights }, inputs, null), taught = forward({ shape, weights: teacher }, inputs, null);
    own.labels.forEach((_, answer) => {
      const row = shape.task === 'tag' ? answer * batch.lanes + lane : lane;
      const slice = (all: Float64Array): Float64Array => all.subarray(answer * shape.outputs, (answer + 1) * shape.outputs);
      rows++;
      if (batch.targets[row]! >= 0) loss -= share * Math.log(slice(own.probabilities)[batch.targets[row]!]!);
      const p = softmaxAt(slice(own.probabilities), temperature), q = softmaxAt(slice(taught.probabilities), temperature);
      q.forEach((value, label) => { loss -= (1 - share) * temperature ** 2 * value * Math.log(p[label]!); });
    });
  }
  return loss / rows;
}

const firstBatch = (shape: ModelShape): Batch => batchesOf(shape, randomItems(shape, 3, 2, 6, 5), { lanes: 3, window: 6, epochs: 1, random: null, rowsMax: 100 }).next().value as Batch;

/** Loss and gradients by TensorFlow. */
function taught(shape: ModelShape, weights: Weights, teacher: Weights, batch: Batch, share: number, dropout = 0): { loss: number; gradients: Record<Parameter, Float32Array> } {
  const parameters = uploadParameters(tf, shape, weights), other = uploadParameters(tf, shape, teacher);
  try {
    return tf.scope(() => {
      const logits = runForward(runtime, shape, other, batch, null, null).logits;
      const run = runForward(runtime, shape, parameters, batch, null, { rate: dropout, seed: 4 });
      const { loss, dLogits } = mixedLoss(runtime, run.logits, batch, logits, { labelShare: share, temperature: 2 });
      const gradients: ParameterTensors = runBackward(runtime, shape, parameters, batch, run, dLogits);
      return { loss, gradients: Object.fromEntries(PARAMETERS.map((name) => [name, tf.readFloats(gradients[name])])) as Record<Parameter, Float32Array> };
    });
  } finally { dropParameters(tf, parameters); dropParameters(tf, other); }
}

describe('forward', () => {
  it('gives the h, c and logits of the reference, with the state carried from window to window', () => {
    const weights = weightsOf(tagShape, 1);
    const items = randomItems(tagShape, 9, 1, 40, 2);
    const parameters = uploadParameters(tf, tagShape, weights), keeper = stateKeeper(tf);
    const references = items.map((item) => {
      const states: { h: Float64Array; c: Float64Array }[] = [];
      for (let t = 0; t < item.inputs.length; t++) states.push(forward({ shape: tagShape, weights }, item.inputs.subarray(t, t + 1), states.at(-1) ?? null));
      return { states, probabilities: forward({ shape: tagShape, weights }, item.inputs, null).probabilities };
    });
    let compared = 0;
    for (const batch of batchesOf(tagShape, items, { lanes: 3, window: 5, epochs: 1, random: null, rowsMax: 100 })) {
      tf.scope(() => {
        const run = runForward(runtime, tagShape, parameters, batch, keeper.get(), null);
        keeper.put(run.state);
        const hs = tf.readFloats(run.block.h), cs = tf.readFloats(run.block.cs), softmax = tf.readFloats(runtime.ops.softmax(run.logits));
        for (let lane = 0; lane < batch.lanes; lane++) {
          for (let t = 0; t < batch.lengths[lane]!; t++) {
            const { states, probabilities } = references[batch.items[lane]!]!;
            const row = t * batch.lanes + lane, step = batch.starts[lane]! + t;
            for (let j = 0; j < 7; j++) {
              expect(hs[row * 7 + j]).toBeCloseTo(states[step]!.h[j]!, 5);
              expect(cs[row * 7 + j]).toBeCloseTo(states[step]!.c[j]!, 5);
            }
            for (let o = 0; o < 4; o++) expect(softmax[row * 4 + o]).toBeCloseTo(probabilities[step * 4 + o]!, 5);
            compared++;
          }
        }
      });
    }
    dropParameters(tf, parameters);
    keeper.close();
    expect(compared).toBe(items.reduce((sum, item) => sum + item.inputs.length, 0));
  });

  it('answers a classification at each sequence\'s own last step', () => {
    const weights = weightsOf(classifyShape, 3), items = randomItems(classifyShape, 6, 1, 9, 4);
    const parameters = uploadParameters(tf, classifyShape, weights);
    for (const batch of batchesOf(classifyShape, items, { lanes: 6, window: 1, epochs: 1, random: null, rowsMax: 1000 })) {
      const softmax = tf.scope(() => tf.readFloats(runtime.ops.softmax(runForward(runtime, classifyShape, parameters, batch, null, null).logits)));
      batch.items.forEach((item, lane) => {
        forward({ shape: classifyShape, weights }, items[item]!.inputs, null).probabilities.forEach((p, o) => { expect(softmax[lane * 4 + o]).toBeCloseTo(p, 5); });
      });
    }
    dropParameters(tf, parameters);
  });
});

describe.each([['tag', tagShape], ['classify', classifyShape]] as const)('the gradient of %s', (_, shape) => {
  it.each([1, 0.4, 0])('is the numerical derivative of the float64 loss, with a share of %s for labels', (share) => {
    const weights = weightsOf(shape, 6), teacher = weightsOf(shape, 7), batch = firstBatch(shape);
    const { loss, gradients } = taught(shape, weights, teacher, batch, share);
    expect(loss).toBeCloseTo(referenceLoss(shape, weights, teacher, batch, share, 2), 5);
    for (const name of PARAMETERS) {
      // The reference takes float64 arrays as well; a central difference needs them.
      const record: Record<Parameter, Float64Array> = Object.fromEntries(Object.entries(weightsRecord(weights)).map(([key, values]) => [key, Float64Array.from(values)])) as Record<Parameter, Float64Array>;
      const wide = (): Weights => weightsOfRecord(record as unknown as Record<Parameter, Float32Array>);
      const values = record[name];
      for (let at = 0; at < values.length; at++) {
        const value = values[at]!, step = 1e-5;
        values[at] = value + step;
        const up = referenceLoss(shape, wide(), teacher, batch, share, 2);
        values[at] = value - step;
        const down = referenceLoss(shape, wide(), teacher, batch, share, 2);
        values[at] = value;
        expect(Math.abs(gradients[name][at]! - (up - down) / (2 * step)), `${name}[${at}]`).toBeLessThan(2e-5);
      }
    }
  });

  it('goes through the drop-out masks that the forward pass drew', () => {
    const weights = weightsOf(shape, 8), teacher = weightsOf(shape, 9), batch = firstBatch(shape);
    const { gradients } = taught(shape, weights, teacher, batch, 0.5, 0.4);
    const random = randomFrom(10), record = weightsRecord(weights);
    const direction = Object.fromEntries(PARAMETERS.map((name) => [name, record[name].map(() => 2 * random() - 1)])) as Record<Parameter, Float32Array>;
    const at = (step: number): number => taught(shape, weightsOfRecord(Object.fromEntries(PARAMETERS.map((name) => [name, record[name].map((x, i) => x + step * direction[name][i]!)])) as Record<Parameter, Float32Array>), teacher, batch, 0.5, 0.4).loss;
    const slope = PARAMETERS.reduce((sum, name) => sum + gradients[name].reduce((part, x, i) => part + x * direction[name][i]!, 0), 0);
    expect(Math.abs(slope - (at(2e-3) - at(-2e-3)) / 4e-3) / Math.abs(slope)).toBeLessThan(0.02);
  });
});

it('drops the wanted share, scales the rest, and is a function of the seed', () => {
  const draw = (seed: number): Float32Array => tf.scope(() => tf.readFloats(runtime.ops.dropoutMask([100, 100], 0.75, [seed, 1])));
  const mask = draw(1);
  expect(new Set(mask)).toEqual(new Set([0, Math.fround(1 / 0.75)]));
  expect(Math.abs(mask.filter((x) => x > 0).length / 10_000 - 0.75)).toBeLessThan(0.02);
  expect(draw(1)).toEqual(mask);
  expect(draw(2)).not.toEqual(mask);
});

it('frees what it makes', () => {
  const before = tf.alive();
  taught(tagShape, weightsOf(tagShape, 1), weightsOf(tagShape, 2), firstBatch(tagShape), 0.5, 0.2);
  expect(tf.alive()).toBe(before);
  expect(() => tf.scope(() => { runtime.ops.zeros([3]); throw new Error('inside'); })).toThrow('inside');
  expect(tf.alive()).toBe(before);
});
