/** One optimizer step on one batch. */
import { EspalierError } from '../errors.ts';
import type { TrainingPlan } from '../pruning/job.ts';
import type { Batch } from './batches.ts';
import { chosenLabels, mixedLoss } from './loss.ts';
import type { StateKeeper } from './network.ts';
import { runBackward, runForward } from './network.ts';
import type { Runtime } from './ops.ts';
import type { Optimizer } from './optimizer.ts';
import type { Gradients, Network } from './parameters.ts';
import type { Teacher } from './teacher.ts';

export interface Training {
  readonly runtime: Runtime;
  readonly shape: Network['shape'];
  readonly plan: TrainingPlan;
  readonly seed: number;
  readonly optimizer: Optimizer;
  readonly teacher: Teacher | null;
  readonly keeper: StateKeeper;
}

export interface StepResult { readonly loss: number; readonly chosen: Int32Array | null }

/** Throws trainer-failed where loss or gradient is not finite. @param step decides the drop-out @param count whether the chosen labels are told */
export function trainStep({ runtime, shape, plan, seed, optimizer, teacher, keeper }: Training, batch: Batch, step: number, rate: number, count: boolean): StepResult {
  const { tf } = runtime;
  return tf.scope(() => {
    const taught = teacher === null ? null : teacher.logits(batch);
    let loss = 0;
    let chosen: Int32Array | null = null;
    // The parameters are read in a scope of their own: Adam would have to copy what is still being read.
    const gradients = tf.scope((): Gradients => {
      const parameters = optimizer.parameters();
      const forward = runForward(runtime, shape, parameters, batch, keeper.get(), { rate: plan.dropout, seed: (Math.imul(seed, 0x9e3779b1) + step) | 0 });
      const mixed = mixedLoss(runtime, forward.logits, batch, taught, plan);
      loss = mixed.loss;
      if (count) chosen = chosenLabels(runtime, forward.logits, batch, plan.errorMax);
      const made = runBackward(runtime, shape, parameters, batch, forward, mixed.dLogits);
      keeper.put(forward.state);
      for (const gradient of Object.values(made)) tf.keep(gradient);
      return made;
    });
    const norm = optimizer.apply(gradients, rate);
    for (const gradient of Object.values(gradients)) tf.drop(gradient);
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) throw new EspalierError('trainer-failed', `The loss is ${loss} and the norm of the gradient ${norm} at step ${step}.`);
    return { loss, chosen };
  });
}
