/**
 * Second moments of a model by running it over items: for models that have not served yet, and the cross moments
 * X = E[a a0ᵀ] of a cut model with its parent on the same sequences, which reconstruction needs after the first cut.
 */
import type { Moments } from '../evidence/moments.ts';
import { packedLength } from '../evidence/moments.ts';
import type { ReplayItem } from '../evidence/replay.ts';
import type { ModelId } from '../model/model.ts';
import { stepsOf } from '../model/cell.ts';
import { layerShapes } from '../model/shape.ts';
import type { OutputMoments } from '../pruning/reconstruct-output.ts';
import { momentsSize } from '../pruning/systems.ts';
import { EspalierError } from '../errors.ts';
import type { Batch } from './batches.ts';
import { PASS, evaluate } from './evaluate.ts';
import type { Forward, LayerForward } from './network.ts';
import type { Runtime } from './ops.ts';
import type { Network } from './parameters.ts';
import { previousStates } from './recurrent.ts';
import type { Tensor } from './tensorflow.ts';

export interface CrossMoments {
  /** X = E[a a0ᵀ] and G0 = E[a0 a0ᵀ], [size, size] row-major. */
  readonly second: Float64Array;
  readonly parentSecond: Float64Array;
}

/** Of each layer, in the order of `Weights.layers`. */
export interface CollectedMoments {
  readonly moments: readonly Moments[];
  readonly cross: readonly CrossMoments[] | null;
  /** Of what the output layer reads at its answers; null where not asked for. */
  readonly output: OutputMoments | null;
}

export interface Collecting {
  /** Name that the moments carry. */
  readonly id: ModelId;
  readonly model: Network;
  /** For cross moments; of the same shape. */
  readonly parent: Network | null;
  readonly items: readonly ReplayItem[];
  /** Whole items are taken, in their order, until they hold so many vectors (the last may exceed it). */
  readonly vectorsMax: number;
  /** Whether the output layer's moments are wanted too. */
  readonly withOutput?: boolean;
}

/** Not the first batches: those are of sequences of one length, and their moments are not those of the traffic. */
function firstItems({ shape }: Network, items: readonly ReplayItem[], vectorsMax: number): readonly ReplayItem[] {
  let vectors = 0;
  return items.filter(({ inputs }) => {
    if (vectors >= vectorsMax) return false;
    vectors += stepsOf(shape, inputs);
    return true;
  });
}

/** a = [x; h(t − 1); 1] of every row of a layer, for the GRUs with r or r ⊙ h before the constant; zero in padding: [steps · lanes, size]. */
function activityOf(runtime: Runtime, batch: Batch, { inputs, run }: LayerForward): Tensor {
  const { tf, ops } = runtime;
  const n = batch.steps * batch.lanes;
  const real = new Float32Array(n);
  batch.lengths.forEach((length, lane) => { for (let t = 0; t < length; t++) real[t * batch.lanes + lane] = 1; });
  const constant = tf.floats(real, [n, 1]), reset = run.reset();
  const sources = ops.concat([ops.reshape(inputs.x, [n, inputs.x.shape[2]!]), previousStates(runtime, inputs, run.h), ...(reset === null ? [] : [reset])], 1);
  return ops.concat([ops.multiply(sources, constant), constant], 1);
}

/** b = [features; 1] of every answer, zero in padding: [rows, features + 1]. */
function answersOf({ tf, ops }: Runtime, batch: Batch, { answered }: Forward): Tensor {
  const real = tf.floats(Float32Array.from(batch.real), [batch.real.length, 1]);
  return ops.concat([ops.multiply(answered, real), real], 1);
}

/** Σ a aᵀ, and with those of a parent Σ a a0ᵀ and Σ a0 a0ᵀ. */
function sumsOf({ tf, ops }: Runtime, size: number, crossed: boolean) {
  const zero = (): Float64Array => new Float64Array(crossed ? size * size : 0);
  const own = new Float64Array(size * size), cross = zero(), parents = zero();
  const addTo = (sum: Float64Array, a: Tensor, b: Tensor): void => { tf.readFloats(ops.matMul(a, b, true)).forEach((value, at) => { sum[at]! += value; }); };
  return {
    size, own, cross, parents,
    add: (a: Tensor, a0: Tensor | null): void => {
      addTo(own, a, a);
      if (a0 === null) return;
      addTo(cross, a, a0);
      addTo(parents, a0, a0);
    },
  };
}

function packed(full: Float64Array, size: number): Float64Array {
  const upper = new Float64Array(packedLength(size));
  let cell = 0;
  for (let i = 0; i < size; i++) for (let j = i; j < size; j++) upper[cell++] = full[i * size + j]!;
  return upper;
}

/** Products of one batch are float32, their sums over batches float64. Throws evidence-invalid without items, aborted. */
export async function momentsOf(runtime: Runtime, { id, model, parent, items, vectorsMax, withOutput = false }: Collecting, signal: AbortSignal): Promise<CollectedMoments> {
  if (items.length === 0) throw new EspalierError('evidence-invalid', 'There are no sequences to collect moments from.');
  const sample = firstItems(model, items, vectorsMax), crossed = parent !== null;
  const sums = layerShapes(model.shape).map((of) => sumsOf(runtime, momentsSize(of), crossed));
  const answers = withOutput ? sumsOf(runtime, model.weights.output.length / model.shape.outputs + 1, crossed) : null;
  let vectors = 0, answered = 0;
  await evaluate(runtime, parent === null ? [model] : [model, parent], sample, signal, (batch, [forward, parentForward]) => {
    for (const [at, sum] of sums.entries()) {
      sum.add(activityOf(runtime, batch, forward!.layers[at]!), parentForward === undefined ? null : activityOf(runtime, batch, parentForward.layers[at]!));
    }
    answers?.add(answersOf(runtime, batch, forward!), parentForward === undefined ? null : answersOf(runtime, batch, parentForward));
    vectors += batch.tokens;
    for (const bit of batch.real) answered += bit;
  }, { ...PASS, lanes: Math.min(PASS.lanes, sample.length) });
  const mean = (sum: Float64Array, count = vectors): Float64Array => sum.map((value) => value / count);
  return {
    moments: sums.map(({ size, own }, layer) => ({ model: id, layer, size, vectors, second: packed(own, size) })),
    cross: crossed ? sums.map(({ cross, parents }) => ({ second: mean(cross), parentSecond: mean(parents) })) : null,
    output: answers === null ? null : { answers: answered, second: mean(answers.own, answered), cross: crossed ? { second: mean(answers.cross, answered), parentSecond: mean(answers.parents, answered) } : null },
  };
}
