/**
 * Gradients of a model on items, for the criteria that score by them: squares by batch where the weights stand, and movement
 * while they train.
 *
 * Where no label came, one is drawn from the soft-max of the teacher (or the model's own): the distillation loss of a model
 * that still is its teacher has no gradient at all, while drawn labels give the Fisher information of the model.
 */
import { EspalierError } from '../errors.ts';
import type { ReplayItem } from '../evidence/replay.ts';
import type { Mask } from '../model/shape.ts';
import { layerShapes } from '../model/shape.ts';
import type { LayerGradient } from '../pruning/criterion.ts';
import { gaussian, randomFrom } from '../support/random.ts';
import type { Batch } from './batches.ts';
import { batchesOf } from './batches.ts';
import { PASS, breathe } from './evaluate.ts';
import { mixedLoss } from './loss.ts';
import { runBackward, runForward, stateKeeper } from './network.ts';
import type { Runtime } from './ops.ts';
import { createOptimizer } from './optimizer.ts';
import type { Gradients, Network } from './parameters.ts';
import { createTeacher } from './teacher.ts';

export interface GradientPlan {
  readonly model: Network;
  readonly mask: Mask;
  /** Whose soft-max draws the labels that are missing; null for the model's own. Of the same task and vocabulary. */
  readonly teacher: Network | null;
  readonly items: readonly ReplayItem[];
  readonly lanes: number;
  /** Steps of time of a batch where state is carried. */
  readonly window: number;
  /** Batches at most; as many as the items give where there are fewer. */
  readonly batchesMax: number;
  /** 0: the weights stand, and there is no movement. */
  readonly learningRate: number;
  readonly seed: number;
}

/** The batch with a label for every answer; answers and draws of regress are numbers with unit variance. */
function labelled({ tf, ops }: Runtime, batch: Batch, logits: Parameters<Runtime['tf']['readFloats']>[0], random: () => number): Batch {
  const missing = (row: number): boolean => batch.real[row] === 1 && batch.targets[row]! < 0;
  if (!batch.targets.some((_, row) => missing(row))) return batch;
  const targets = Int32Array.from(batch.targets), outputs = logits.shape[1]!;
  if (batch.values !== null) {
    const values = Float32Array.from(batch.values), said = tf.readFloats(logits);
    targets.forEach((_, row) => {
      if (!missing(row)) return;
      targets[row] = 0;
      for (let at = row * outputs; at < (row + 1) * outputs; at++) values[at] = said[at]! + gaussian(random);
    });
    return { ...batch, targets, values };
  }
  const chances = tf.readFloats(ops.softmax(logits));
  targets.forEach((_, row) => {
    if (!missing(row)) return;
    let left = random(), label = 0;
    while (label < outputs - 1 && (left -= chances[row * outputs + label]!) > 0) label++;
    targets[row] = label;
  });
  return { ...batch, targets };
}

/** Of each layer. Throws evidence-invalid without items, trainer-failed where a gradient is not finite, aborted. */
export async function gradientsOf(runtime: Runtime, plan: GradientPlan, signal: AbortSignal): Promise<readonly LayerGradient[]> {
  const { model: { shape, weights }, mask, items, learningRate, batchesMax } = plan;
  if (items.length === 0) throw new EspalierError('evidence-invalid', 'There are no sequences to take gradients from.');
  const { tf } = runtime, random = randomFrom(plan.seed);
  const sums = layerShapes(shape).map(({ sources, gates, units }) => ({ squares: new Float64Array(sources * gates * units), movement: new Float64Array(sources * gates * units), biasSquares: new Float64Array(gates * units) }));
  const teacher = plan.teacher === null ? null : await createTeacher(runtime, plan.teacher, items, 0, signal);
  const keeper = stateKeeper(tf), optimizer = createOptimizer(runtime, shape, weights, mask);
  const step = (batch: Batch): void => tf.scope(() => {
    const taught = teacher?.logits(batch) ?? null;
    const gradients = tf.scope((): Gradients => {
      const parameters = optimizer.parameters(), forward = runForward(runtime, shape, parameters, batch, keeper.get(), null);
      const { dLogits } = mixedLoss(runtime, forward.logits, labelled(runtime, batch, taught ?? forward.logits, random), null, { labelShare: 1, temperature: 1 });
      const made = runBackward(runtime, shape, parameters, batch, forward, dLogits);
      sums.forEach(({ squares, movement, biasSquares }, index) => {
        tf.readFloats(made[`layers.${index}.bias`]!).forEach((value, at) => { biasSquares[at]! += value * value; });
        const slope = tf.readFloats(made[`layers.${index}.kernel`]!), now = learningRate > 0 ? tf.readFloats(parameters[`layers.${index}.kernel`]!) : null;
        slope.forEach((value, at) => {
          if (!Number.isFinite(value)) throw new EspalierError('trainer-failed', `A gradient is ${value}.`);
          squares[at]! += value * value;
          if (now !== null) movement[at]! -= now[at]! * value;
        });
      });
      keeper.put(forward.state);
      for (const gradient of Object.values(made)) tf.keep(gradient);
      return made;
    });
    if (learningRate > 0) optimizer.apply(gradients, learningRate);
    for (const gradient of Object.values(gradients)) tf.drop(gradient);
  });
  let batches = 0;
  try {
    for (const batch of batchesOf(shape, items, { lanes: Math.min(plan.lanes, items.length), window: plan.window, epochs: 1, random, rowsMax: PASS.rowsMax })) {
      if (batches === batchesMax) break;
      await breathe(signal);
      step(batch);
      batches++;
    }
  } finally {
    optimizer.destroy();
    keeper.close();
    teacher?.close();
  }
  return sums.map((sum) => ({ ...sum, batches }));
}
