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
import { momentsSize } from '../pruning/systems.ts';
import { EspalierError } from '../errors.ts';
import type { Batch } from './batches.ts';
import { PASS, evaluate } from './evaluate.ts';
import type { LayerForward } from './network.ts';
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
export interface CollectedMoments { readonly moments: readonly Moments[]; readonly cross: readonly CrossMoments[] | null }

export interface Collecting {
  /** Name that the moments carry. */
  readonly id: ModelId;
  readonly model: Network;
  /** For cross moments; of the same shape. */
  readonly parent: Network | null;
  readonly items: readonly ReplayItem[];
  /** Whole items are taken, in their order, until they hold so many vectors (the last may exceed it). */
  readonly vectorsMax: number;
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

const addTo = (sum: Float64Array, values: Float32Array): void => { for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!; };

function packed(full: Float64Array, size: number): Float64Array {
  const upper = new Float64Array(packedLength(size));
  let cell = 0;
  for (let i = 0; i < size; i++) for (let j = i; j < size; j++) upper[cell++] = full[i * size + j]!;
  return upper;
}

/** Products of one batch are float32, their sums over batches float64. Throws evidence-invalid without items, aborted. */
export async function momentsOf(runtime: Runtime, { id, model, parent, items, vectorsMax }: Collecting, signal: AbortSignal): Promise<CollectedMoments> {
  const { tf, ops } = runtime;
  if (items.length === 0) throw new EspalierError('evidence-invalid', 'There are no sequences to collect moments from.');
  const sample = firstItems(model, items, vectorsMax);
  const sums = layerShapes(model.shape).map((of) => {
    const size = momentsSize(of), zero = (): Float64Array => new Float64Array(parent === null ? 0 : size * size);
    return { size, own: new Float64Array(size * size), cross: zero(), parents: zero() };
  });
  let vectors = 0;
  await evaluate(runtime, parent === null ? [model] : [model, parent], sample, signal, (batch, [forward, parentForward]) => {
    for (const [at, { own, cross, parents }] of sums.entries()) {
      const a = activityOf(runtime, batch, forward!.layers[at]!);
      addTo(own, tf.readFloats(ops.matMul(a, a, true)));
      if (parentForward === undefined) continue;
      const a0 = activityOf(runtime, batch, parentForward.layers[at]!);
      addTo(cross, tf.readFloats(ops.matMul(a, a0, true)));
      addTo(parents, tf.readFloats(ops.matMul(a0, a0, true)));
    }
    vectors += batch.tokens;
  }, { ...PASS, lanes: Math.min(PASS.lanes, sample.length) });
  const mean = (sum: Float64Array): Float64Array => sum.map((value) => value / vectors);
  return {
    moments: sums.map(({ size, own }, layer) => ({ model: id, layer, size, vectors, second: packed(own, size) })),
    cross: parent === null ? null : sums.map(({ cross, parents }) => ({ second: mean(cross), parentSecond: mean(parents) })),
  };
}
