/** The training loop: one optimizer step a batch, news about once a second, an end by steps or by time. */
import { EspalierError } from '../errors.ts';
import type { ReplayItem } from '../evidence/replay.ts';
import { stepsOf } from '../model/cell.ts';
import type { Mask, Weights } from '../model/shape.ts';
import type { Clock } from '../ports.ts';
import type { TrainingPlan, TuningNews } from '../pruning/job.ts';
import { randomFrom } from '../support/random.ts';
import type { Batch } from './batches.ts';
import { batchesOf, goesOnBetween } from './batches.ts';
import { breathe } from './evaluate.ts';
import { chosenLabels, countRight, mixedLoss } from './loss.ts';
import type { StateKeeper } from './network.ts';
import { runBackward, runForward, stateKeeper } from './network.ts';
import type { Runtime } from './ops.ts';
import type { Optimizer } from './optimizer.ts';
import { cosineRate, createOptimizer } from './optimizer.ts';
import type { Gradients, Network } from './parameters.ts';
import { weightsRecord } from './parameters.ts';
import type { Teacher } from './teacher.ts';
import { createTeacher } from './teacher.ts';

/** A cut in the middle of training: what stays alive, and the weights to go on from. */
export interface Cut { readonly mask: Mask; readonly weights: Weights }

/** Several cuts in one training: gradual pruning (Zhu & Gupta 2017). */
export interface Cuts {
  /** Optimizer steps between two calls. */
  readonly every: number;
  /** The cut for this point of training (0 to 1), or null for none. */
  at(progress: number, weights: Weights, mask: Mask): Promise<Cut | null>;
}

export interface FineTuning {
  readonly start: Network;
  readonly mask: Mask;
  readonly teacher: Network | null;
  readonly items: readonly ReplayItem[];
  readonly plan: TrainingPlan;
  readonly seed: number;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly signal: AbortSignal;
  readonly say: (news: Extract<TuningNews, { kind: 'progress' }>) => void;
  readonly cuts?: Cuts;
}

export interface FineTuned {
  readonly weights: Weights;
  readonly mask: Mask;
  readonly steps: number;
  readonly tokensPerSecond: number;
}

/** Milliseconds between two news. */
const NEWS_EVERY_MS = 1000;
/** Bound on steps · lanes of a padded batch. */
const ROWS_MAX = 16_384;
/** Share of the time by which steps may lag behind before the learning rate follows the clock. */
const LAG = 0.1;

/**
 * How far training is, 0 to 1: by steps; by time only where the steps will not be done in time, so that the rate has
 * decayed when time ends, and a job that is in time is the same on every machine.
 */
export const progressOf = (step: number, steps: number, seconds: number, secondsMax: number): number =>
  Math.min(1, Math.max(step / steps, (seconds / secondsMax - LAG) / (1 - LAG)));

interface StepResult { readonly loss: number; readonly chosen: Int32Array | null }

function trainStep(runtime: Runtime, optimizer: Optimizer, teacher: Teacher | null, keeper: StateKeeper, tuning: FineTuning, batch: Batch, step: number, rate: number, count: boolean): StepResult {
  const { tf } = runtime;
  const { start: { shape }, plan, seed } = tuning;
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

const plannedTokens = ({ plan, start: { shape }, items }: FineTuning): number => {
  const mean = items.reduce((sum, item) => sum + stepsOf(shape, item.inputs), 0) / items.length;
  return plan.steps * plan.lanes * (goesOnBetween(shape) ? plan.window : mean);
};

async function loop(runtime: Runtime, tuning: FineTuning, optimizer: Optimizer, teacher: Teacher | null, keeper: StateKeeper): Promise<Omit<FineTuned, 'weights'>> {
  const { plan, clock, signal, say, cuts, items, start } = tuning;
  const began = clock.monotonicMs();
  const seconds = (): number => (clock.monotonicMs() - began) / 1000;
  let { mask } = tuning;
  let step = 0, tokens = 0, saidAt = 0, lossSum = 0, losses = 0;
  const batches = batchesOf(start.shape, items, { lanes: Math.min(plan.lanes, items.length), window: plan.window, epochs: Infinity, random: randomFrom(tuning.seed), rowsMax: ROWS_MAX });
  for (const batch of batches) {
    if (step >= plan.steps || seconds() >= plan.secondsMax) break;
    await breathe(signal);
    const progress = progressOf(step, plan.steps, seconds(), plan.secondsMax);
    if (cuts !== undefined && step % cuts.every === 0) {
      const cut = await cuts.at(progress, optimizer.weights(), mask);
      if (cut !== null) {
        ({ mask } = cut);
        optimizer.cut(mask, cut.weights.layers);
      }
    }
    const due = seconds() * 1000 - saidAt >= NEWS_EVERY_MS || step + 1 === plan.steps;
    const { loss, chosen } = trainStep(runtime, optimizer, teacher, keeper, tuning, batch, step, cosineRate(plan.learningRate, progress), due);
    step++;
    tokens += batch.tokens;
    lossSum += loss;
    losses++;
    if (!due) continue;
    const { right, labelled } = countRight(chosen!, batch);
    say({ kind: 'progress', step, steps: plan.steps, loss: lossSum / losses, accuracy: labelled === 0 ? 0 : right / labelled, tokensPerSecond: tokens / Math.max(1e-9, seconds()) });
    saidAt = seconds() * 1000;
    lossSum = losses = 0;
  }
  return { mask, steps: step, tokensPerSecond: tokens / Math.max(1e-9, seconds()) };
}

/**
 * Trains the start network on the items; the result's dead connections are exactly zero.
 * Throws trainer-failed where there is nothing to train on or the loss is not finite, aborted.
 */
export async function fineTune(runtime: Runtime, tuning: FineTuning): Promise<FineTuned> {
  const { start, mask, items, signal } = tuning;
  if (tuning.plan.steps === 0) return { weights: start.weights, mask, steps: 0, tokensPerSecond: 0 };
  if (items.length === 0) throw new EspalierError('trainer-failed', 'There is nothing to train on.');
  const teacher = tuning.teacher === null || tuning.plan.labelShare >= 1 ? null : await createTeacher(runtime, tuning.teacher, items, plannedTokens(tuning), signal);
  const keeper = stateKeeper(runtime.tf);
  const optimizer = createOptimizer(runtime, start.shape, start.weights, mask);
  try {
    const done = await loop(runtime, tuning, optimizer, teacher, keeper);
    const weights = optimizer.weights();
    if (!Object.values(weightsRecord(start.shape, weights)).every((tensor) => tensor.every(Number.isFinite))) {
      throw new EspalierError('trainer-failed', 'A weight is not finite after training.');
    }
    return { ...done, weights };
  } finally {
    optimizer.destroy();
    keeper.close();
    teacher?.close();
  }
}
