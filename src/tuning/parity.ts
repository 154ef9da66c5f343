/** Before a candidate leaves the room: the engine that would serve it, on the same sequences as TensorFlow. */
import { EspalierError } from '../errors.ts';
import type { ReplayItem } from '../evidence/replay.ts';
import type { Model } from '../model/model.ts';
import { unitsOf } from '../model/shape.ts';
import type { Engine } from '../ports.ts';
import { PASS, evaluate } from './evaluate.ts';
import type { Runtime } from './ops.ts';

/** Bound on |Δh|, and on |Δc| relative to |c| above 1: both sides are float32, the sums in another order. */
export const PARITY_MAX = 1e-4;
const SEQUENCES_MAX = 16;
/** A trained network amplifies rounding from step to step (3e-4 after 200 steps was seen); a mistake in packing shows at once. */
const STEPS_MAX = 50;

/** Sequences to compare on: parts of the items, of lengths from one step to STEPS_MAX. */
function probes(items: readonly ReplayItem[]): readonly ReplayItem[] {
  return items.slice(0, SEQUENCES_MAX).map(({ id, inputs }, index) => {
    const length = index === 0 ? 1 : Math.min(inputs.length, STEPS_MAX);
    return { id, inputs: inputs.slice(0, length), targets: null };
  });
}

/** States after the last step by TensorFlow, [items, units] for h and for c. */
async function statesOf(runtime: Runtime, model: Model, items: readonly ReplayItem[], signal: AbortSignal): Promise<{ h: Float32Array[]; c: Float32Array[] }> {
  const { tf, ops } = runtime;
  const h: Float32Array[] = [], c: Float32Array[] = [];
  const units = unitsOf(model.shape);
  // Whole sequences side by side, whatever the task: the state at the last step of each lane.
  const network = { shape: { ...model.shape, state: 'reset' as const }, weights: model.weights };
  await evaluate(runtime, [network], items, signal, (batch, [forward]) => {
    const rows = Int32Array.from(batch.lengths, (length, lane) => (length - 1) * batch.lanes + lane);
    const pick = (all: typeof forward): { h: Float32Array; c: Float32Array } => {
      const at = tf.ints(rows, [rows.length]), flat = [batch.steps * batch.lanes, units];
      return { h: tf.readFloats(ops.gather(ops.reshape(all!.block.h, flat), at)), c: tf.readFloats(ops.gather(ops.reshape(all!.block.cs, flat), at)) };
    };
    const states = pick(forward);
    batch.items.forEach((item, lane) => {
      h[item] = states.h.subarray(lane * units, (lane + 1) * units);
      c[item] = states.c.subarray(lane * units, (lane + 1) * units);
    });
  }, PASS);
  return { h, c };
}

/** Largest difference, relative where values are above 1. */
const largest = (a: Float32Array, b: Float32Array): number => {
  let most = 0;
  for (let j = 0; j < a.length; j++) {
    const difference = Math.abs(a[j]! - b[j]!) / Math.max(1, Math.abs(b[j]!));
    if (!(difference <= most)) most = difference; // NaN is kept, too
  }
  return most;
};

/** Largest |Δ| of h and c over the probes. Throws parity-failed above PARITY_MAX, and what the engine throws; retires the model again. */
export async function checkParity(runtime: Runtime, engine: Engine, model: Model, items: readonly ReplayItem[], signal: AbortSignal): Promise<number> {
  const sequences = probes(items);
  const expected = await statesOf(runtime, model, sequences, signal);
  await engine.enlist(model);
  try {
    const { answers } = await engine.infer({ model: model.id, sequences: sequences.map(({ inputs }) => ({ inputs, h: null, c: null })), sample: null });
    const parity = answers.reduce((most, answer, at) => {
      const here = Math.max(largest(answer.h, expected.h[at]!), largest(answer.c, expected.c[at]!));
      return here <= most ? most : here;
    }, 0);
    if (!(parity <= PARITY_MAX)) throw new EspalierError('parity-failed', `The largest difference is ${parity}, at most ${PARITY_MAX} is allowed.`);
    return parity;
  } finally {
    await engine.retire(model.id);
  }
}
