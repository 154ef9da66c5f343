/** Before a candidate leaves the room: the engine that would serve it, on the same sequences as TensorFlow. */
import { EspalierError } from '../errors.ts';
import type { ReplayItem } from '../evidence/replay.ts';
import { stepsOf } from '../model/cell.ts';
import type { Model } from '../model/model.ts';
import { stateLengths } from '../model/shape.ts';
import type { Engine } from '../ports.ts';
import { PASS, evaluate } from './evaluate.ts';
import type { Runtime } from './ops.ts';

/** Bound on |Δh|, and on |Δc| relative to |c| above 1: both sides are float32, the sums in another order. */
export const PARITY_MAX = 1e-4;
const SEQUENCES_MAX = 16;
/** A trained network amplifies rounding from step to step (3e-4 after 200 steps was seen); a mistake in packing shows at once. */
const STEPS_MAX = 50;

/** Sequences to compare on: parts of the items, of lengths from one step to STEPS_MAX. */
function probes({ shape }: Model, items: readonly ReplayItem[]): readonly ReplayItem[] {
  return items.slice(0, SEQUENCES_MAX).map(({ id, inputs }, index) => {
    const length = index === 0 ? 1 : Math.min(stepsOf(shape, inputs), STEPS_MAX);
    return { id, inputs: inputs.slice(0, length * (shape.vocabulary > 0 ? 1 : shape.inputs)), targets: null };
  });
}

interface Said {
  /** All layers one after the other. */
  readonly h: Float32Array;
  readonly c: Float32Array;
  /** regress: the numbers, [outputs]; empty otherwise. */
  readonly values: Float32Array;
}

/** States after the last step by TensorFlow, and the numbers of a regression, of each item. */
async function saidOf(runtime: Runtime, model: Model, items: readonly ReplayItem[], signal: AbortSignal): Promise<readonly Said[]> {
  const { tf, ops } = runtime;
  const lengths = stateLengths(model.shape);
  const said = items.map((): Said => ({ h: new Float32Array(lengths.h), c: new Float32Array(lengths.c), values: new Float32Array(model.shape.task === 'regress' ? model.shape.outputs : 0) }));
  // Whole sequences side by side, whatever the task: the state at the last step of each lane.
  const network = { shape: { ...model.shape, state: 'reset' as const }, weights: model.weights };
  await evaluate(runtime, [network], items, signal, (batch, [forward]) => {
    const rows = tf.ints(Int32Array.from(batch.lengths, (length, lane) => (length - 1) * batch.lanes + lane), [batch.lanes]);
    let from = 0;
    for (const { of: { units }, run } of forward!.layers) {
      for (const [name, all] of [['h', run.h], ['c', run.c]] as const) {
        if (all === null) continue;
        const last = tf.readFloats(ops.gather(ops.reshape(all, [batch.steps * batch.lanes, units]), rows));
        batch.items.forEach((item, lane) => { said[item]![name].set(last.subarray(lane * units, (lane + 1) * units), from); });
      }
      from += units;
    }
    if (model.shape.task !== 'regress') return;
    const { outputs } = model.shape, numbers = tf.readFloats(forward!.logits);
    batch.items.forEach((item, lane) => { said[item]!.values.set(numbers.subarray(lane * outputs, (lane + 1) * outputs)); });
  }, PASS);
  return said;
}

/** Largest difference, relative where values are above 1. */
const largest = (a: Float32Array, b: Float32Array): number => {
  let most = 0;
  if (a.length !== b.length) return Infinity;
  for (let j = 0; j < a.length; j++) {
    const difference = Math.abs(a[j]! - b[j]!) / Math.max(1, Math.abs(b[j]!));
    if (!(difference <= most)) most = difference; // NaN is kept, too
  }
  return most;
};

const NONE = new Float32Array(0);

/** Largest |Δ| of h, c and numbers over the probes. Throws parity-failed above PARITY_MAX, and what the engine throws; retires the model again. */
export async function checkParity(runtime: Runtime, engine: Engine, model: Model, items: readonly ReplayItem[], signal: AbortSignal): Promise<number> {
  const sequences = probes(model, items);
  const expected = await saidOf(runtime, model, sequences, signal);
  await engine.enlist(model);
  try {
    const { answers } = await engine.infer({ model: model.id, sequences: sequences.map(({ inputs }) => ({ inputs, h: null, c: null })), sample: null });
    const parity = answers.reduce((most, answer, at) => {
      const { h, c, values } = expected[at]!;
      const here = Math.max(largest(answer.h, h), largest(answer.c, c), largest(answer.values ?? NONE, values));
      return here <= most ? most : here;
    }, 0);
    if (!(parity <= PARITY_MAX)) throw new EspalierError('parity-failed', `The largest difference is ${parity}, at most ${PARITY_MAX} is allowed.`);
    return parity;
  } finally {
    await engine.retire(model.id);
  }
}
