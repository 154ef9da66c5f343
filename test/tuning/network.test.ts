// Goal: the TensorFlow network is the reference network, forwards and backwards. Method: float64 reference and its numerical derivative on tiny nets.
import { describe, expect, it } from 'vitest';
import { forward } from '../../src/model/cell.ts';
import { initialWeights } from '../../src/model/initial.ts';
import type { ModelShape, Weights } from '../../src/model/shape.ts';
import { randomFrom } from '../../src/support/random.ts';
import type { Batch } from '../../src/tuning/batches.ts';
import { batchesOf } from '../../src/tuning/batches.ts';
import { mixedLoss } from '../../src/tuning/loss.ts';
import { runBackward, runForward, stateKeeper } from '../../src/tuning/network.ts';
import { openRuntime } from '../../src/tuning/ops.ts';
import type { Parameter } from '../../src/tuning/parameters.ts';
import { dropParameters, mapRecord, uploadParameters, weightsOfRecord, weightsRecord } from '../../src/tuning/parameters.ts';
import { classifyShape, randomItems, tagShape } from './samples.ts';

const runtime = openRuntime();
const { tf } = runtime;
/** Larger weights than the initial ones, so that gates leave their linear part; smaller ones for the ReLU, which explodes, and biases that keep it off its kink. */
const weightsOf = (shape: ModelShape, seed: number): Weights => {
  const weights = initialWeights(shape, randomFrom(seed));
  return { ...weights, embedding: weights.embedding.map((x) => 8 * x), layers: weights.layers.map((layer) => ({ ...layer, kernel: layer.kernel.map((x) => (shape.cell === 'rnn-relu' ? 0.6 : 2) * x), bias: layer.bias.map((x, at) => x + 0.2 * Math.sin(at + 1)), ...(layer.recurrentBias === undefined ? {} : { recurrentBias: layer.recurrentBias.map((_, at) => 0.3 * Math.sin(at)) }) })) };
};
const softmaxAt = (probabilities: Float64Array, temperature: number): Float64Array => {
  const powers = probabilities.map((p) => p ** (1 / temperature));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / sum);
};

/** What a lane reads, in its own order. */
function inputsOf({ vocabulary, inputs: width }: ModelShape, batch: Batch, lane: number): Int32Array | Float32Array {
  const steps = Array.from({ length: batch.lengths[lane]! }, (_, t) => t * batch.lanes + lane);
  return vocabulary > 0 ? Int32Array.from(steps, (row) => batch.inputs[row]!) : Float32Array.from(steps.flatMap((row) => [...batch.inputs.subarray(row * width, (row + 1) * width)]));
}

/** The loss of `loss.ts` in float64, lane by lane; state starts at zero. */
function referenceLoss(shape: ModelShape, weights: Weights, teacher: Weights, batch: Batch, share: number, temperature: number): number {
  let loss = 0, rows = 0;
  for (let lane = 0; lane < batch.lanes; lane++) {
    const inputs = inputsOf(shape, batch, lane);
    if (inputs.length === 0) continue;
    const own = forward({ shape, weights }, inputs, null), taught = forward({ shape, weights: teacher }, inputs, null);
    if (own.values !== null) {
      rows++;
      own.values.forEach((value, o) => {
        if (batch.targets[lane]! >= 0) loss += share * (value - batch.values![lane * shape.outputs + o]!) ** 2 / shape.outputs;
        loss += (1 - share) * (value - taught.values![o]!) ** 2 / shape.outputs;
      });
    }
    own.labels.forEach((_, answer) => {
      const row = batch.last === null ? answer * batch.lanes + lane : lane;
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
function taught(shape: ModelShape, weights: Weights, teacher: Weights, batch: Batch, share: number, dropout = 0): { loss: number; gradients: Readonly<Record<Parameter, Float32Array>> } {
  const parameters = uploadParameters(tf, shape, weights), other = uploadParameters(tf, shape, teacher);
  try {
    return tf.scope(() => {
      const logits = runForward(runtime, shape, other, batch, null, null).logits;
      const run = runForward(runtime, shape, parameters, batch, null, { rate: dropout, seed: 4 });
      const { loss, dLogits } = mixedLoss(runtime, run.logits, batch, logits, { labelShare: share, temperature: 2 });
      const gradients = runBackward(runtime, shape, parameters, batch, run, dLogits);
      return { loss, gradients: mapRecord(gradients, (gradient) => tf.readFloats(gradient)) };
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
        const hs = tf.readFloats(run.layers[0]!.run.h), cs = tf.readFloats(run.layers[0]!.run.c!), softmax = tf.readFloats(runtime.ops.softmax(run.logits));
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

/** Every cell with every part: stacks of unlike widths, both directions, frames, all tasks. */
const CASES: readonly (readonly [string, ModelShape])[] = [
  ['tag', tagShape], ['classify', classifyShape],
  ...(['lstm', 'gru', 'gru-before', 'rnn-tanh', 'rnn-relu'] as const).flatMap((cell): [string, ModelShape][] => [
    [`next, two layers of ${cell}`, { ...tagShape, cell, inputs: 3, layers: [4, 3], task: 'next', outputs: 11 }],
    [`regress, two layers of ${cell} in both directions over frames`, { cell, vocabulary: 0, inputs: 3, layers: [3, 2], bidirectional: true, task: 'regress', outputs: 2, state: 'reset' }],
    [`classify, ${cell}`, { ...classifyShape, cell, inputs: 3, layers: [4] }],
  ]),
];

describe.each(CASES)('the gradient of %s', (_, shape) => {
  it.each([1, 0.4, 0])('is the numerical derivative of the float64 loss, with a share of %s for labels', (share) => {
    const weights = weightsOf(shape, 6), teacher = weightsOf(shape, 7), batch = firstBatch(shape);
    const { loss, gradients } = taught(shape, weights, teacher, batch, share);
    expect(loss).toBeCloseTo(referenceLoss(shape, weights, teacher, batch, share, 2), 5);
    // The reference takes float64 arrays as well; a central difference needs them.
    const record = mapRecord(weightsRecord(shape, weights), (values) => Float64Array.from(values));
    const at = (): number => referenceLoss(shape, weightsOfRecord(shape, record as unknown as Record<Parameter, Float32Array>), teacher, batch, share, 2);
    expect(Object.keys(gradients).sort()).toEqual(Object.keys(record).sort());
    for (const [name, values] of Object.entries(record)) {
      // Every weight of the small tensors, one in seven of the others.
      for (let i = 0; i < values.length; i += values.length > 40 && shape !== tagShape ? 7 : 1) {
        const value = values[i]!, step = 1e-5;
        values[i] = value + step;
        const up = at();
        values[i] = value - step;
        const down = at();
        values[i] = value;
        expect(Math.abs(gradients[name]![i]! - (up - down) / (2 * step)), `${name}[${i}]`).toBeLessThan(2e-5);
      }
    }
  });

  it('goes through the drop-out masks that the forward pass drew', () => {
    const weights = weightsOf(shape, 8), teacher = weightsOf(shape, 9), batch = firstBatch(shape);
    const { gradients } = taught(shape, weights, teacher, batch, 0.5, 0.4);
    const random = randomFrom(10), record = weightsRecord(shape, weights);
    const direction = mapRecord(record, (values) => values.map(() => 2 * random() - 1));
    const at = (step: number): number => taught(shape, weightsOfRecord(shape, mapRecord(record, (values, name) => values.map((x, i) => x + step * direction[name]![i]!))), teacher, batch, 0.5, 0.4).loss;
    const slope = Object.entries(gradients).reduce((sum, [name, values]) => sum + values.reduce((part, x, i) => part + x * direction[name]![i]!, 0), 0);
    expect(Math.abs(slope - (at(2e-3) - at(-2e-3)) / 4e-3)).toBeLessThan(0.02 * Math.abs(slope) + 2e-3);
  });
});

describe.each(CASES)('the forward pass of %s', (_, shape) => {
  it('gives the states of all layers and the answers of the reference', () => {
    const weights = weightsOf(shape, 11), batch = firstBatch(shape), parameters = uploadParameters(tf, shape, weights);
    tf.scope(() => {
      const run = runForward(runtime, shape, parameters, batch, null, null), logits = tf.readFloats(run.logits);
      const layers = run.layers.map(({ of, run: { h, c, reset } }) => ({ of, h: tf.readFloats(h), c: c === null ? null : tf.readFloats(c), reset: reset() }));
      for (let lane = 0; lane < batch.lanes; lane++) {
        const inputs = inputsOf(shape, batch, lane), seen = new Map<string, Float64Array>();
        const right = forward({ shape, weights }, inputs, null, (t, _x, _h, layer, reset) => { if (reset !== null) seen.set(`${t} ${layer}`, Float64Array.from(reset)); });
        const last = (batch.lengths[lane]! - 1) * batch.lanes + lane;
        let from = 0;
        for (const { of: { index, units }, h, c, reset } of layers) {
          for (let j = 0; j < units; j++) {
            expect(Math.abs(h[last * units + j]! - right.h[from + j]!)).toBeLessThan(5e-6 * Math.max(1, Math.abs(right.h[from + j]!)));
            if (c !== null) expect(c[last * units + j]).toBeCloseTo(right.c[from + j]!, 5);
          }
          if (reset !== null) for (let t = 0; t < batch.lengths[lane]!; t++) tf.readFloats(reset).subarray((t * batch.lanes + lane) * units).slice(0, units).forEach((value, j) => { expect(value).toBeCloseTo(seen.get(`${t} ${index}`)![j]!, 5); });
          from += units;
        }
        right.values?.forEach((value, o) => { expect(Math.abs(logits[lane * shape.outputs + o]! - value)).toBeLessThan(5e-6 * Math.max(1, Math.abs(value))); });
      }
    });
    dropParameters(tf, parameters);
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

it.each(CASES)('frees what it makes for %s', (_, shape) => {
  const before = tf.alive();
  taught(shape, weightsOf(shape, 1), weightsOf(shape, 2), firstBatch(shape), 0.5, 0.2);
  expect(tf.alive()).toBe(before);
});

it('frees what a scope made that ends in an error', () => {
  const before = tf.alive();
  expect(() => tf.scope(() => { runtime.ops.zeros([3]); throw new Error('inside'); })).toThrow('inside');
  expect(tf.alive()).toBe(before);
});
