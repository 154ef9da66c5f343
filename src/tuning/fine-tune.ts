/**
 * The training loop: one optimizer step a batch, news about once a second, an end by steps, by time, or by the loss on
 * held-out items. Batches and drop-out are functions of seed and step, so a training goes on from a checkpoint to the
 * bit, and a job that is in time is the same each time it is done.
 */
import { EspalierError } from '../errors.ts';
import type { ReplayItem } from '../evidence/replay.ts';
import { stepsOf } from '../model/cell.ts';
import type { Mask, Weights } from '../model/shape.ts';
import type { Clock } from '../ports.ts';
import type { TrainingPlan, TuningNews } from '../pruning/job.ts';
import { randomFrom } from '../support/random.ts';
import type { BatchOptions } from './batches.ts';
import { batchesOf, goesOnBetween } from './batches.ts';
import { breathe } from './evaluate.ts';
import type { HeldOut } from './held-out.ts';
import { openHeldOut } from './held-out.ts';
import { countRight } from './loss.ts';
import { stateKeeper } from './network.ts';
import type { Runtime } from './ops.ts';
import { cosineRate, createOptimizer } from './optimizer.ts';
import type { Network } from './parameters.ts';
import { weightsRecord } from './parameters.ts';
import type { Probed } from './probe-rate.ts';
import { bestRate, probeRates } from './probe-rate.ts';
import { createTeacher } from './teacher.ts';
import type { Training } from './train-step.ts';
import { trainStep } from './train-step.ts';
import type { Best, Continuation, TrainingState } from './training-state.ts';

/** A cut in the middle of training: what stays alive, and the weights to go on from. */
export interface Cut { readonly mask: Mask; readonly weights: Weights }

/** Several cuts in one training: gradual pruning (Zhu & Gupta 2017). */
export interface Cuts {
  /** Optimizer steps between two calls. */
  readonly every: number;
  /** The cut for this point of training (0 to 1), or null for none. */
  at(progress: number, weights: Weights, mask: Mask): Promise<Cut | null>;
}

export interface FineTuning extends Continuation {
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
  /** What dies after so many steps, and goes to zero on a straight line until then; `mask` is what is alive before. */
  readonly shrink?: { readonly to: Mask; readonly steps: number };
}

export interface FineTuned {
  readonly weights: Weights;
  readonly mask: Mask;
  readonly steps: number;
  readonly tokensPerSecond: number;
  /** Peak learning rate, and the trials by which it was chosen. */
  readonly rate: number;
  readonly probed: readonly Probed[];
  /** The step whose weights these are: the last one, unless an earlier one was better on the held-out items. */
  readonly bestStep: number;
  readonly ended: 'steps' | 'time' | 'held-out';
}

/** Milliseconds between two news. */
const NEWS_EVERY_MS = 1000;
/** Bound on steps · lanes of a padded batch. */
const ROWS_MAX = 16_384;
/** Looks at the held-out items in a training that ends by its steps, and the fewest steps between two. */
const LOOKS = 20, LOOK_STEPS_MIN = 10;
/** Share of the time that checkpoints may take. */
const CHECKPOINT_SHARE = 0.05;
/** Share of the time by which steps may lag behind before the learning rate follows the clock. */
const LAG = 0.1;

/**
 * How far training is, 0 to 1: by steps; by time only where the steps will not be done in time, so that the rate has
 * decayed when time ends, and a job that is in time is the same on every machine.
 */
export const progressOf = (step: number, steps: number, seconds: number, secondsMax: number): number =>
  Math.min(1, Math.max(step / steps, (seconds / secondsMax - LAG) / (1 - LAG)));

const plannedTokens = ({ plan, start: { shape }, items }: FineTuning): number => {
  const mean = items.reduce((sum, item) => sum + stepsOf(shape, item.inputs), 0) / items.length;
  return plan.steps * plan.lanes * (goesOnBetween(shape) ? plan.window : mean);
};

const batchOptions = ({ plan, items, seed }: FineTuning): BatchOptions =>
  ({ lanes: Math.min(plan.lanes, items.length), window: plan.window, epochs: Infinity, random: randomFrom(seed), rowsMax: ROWS_MAX });

/** What is alive before a step. */
const maskBefore = ({ mask, shrink }: FineTuning, step: number): Mask => (shrink !== undefined && step >= shrink.steps ? shrink.to : mask);

/** The loop, from a state to an end. Calls for a checkpoint between steps, never within one. */
class Loop {
  readonly #tuning: FineTuning;
  readonly #training: Training;
  readonly #heldOut: HeldOut | null;
  readonly #rate: number;
  readonly #probed: readonly Probed[];
  readonly #began: number;
  #mask: Mask;
  #step: number;
  #tokens: number;
  #best: Best | null;
  #misses: number;
  #checkpointAt = 0;

  constructor(tuning: FineTuning, training: Training, heldOut: HeldOut | null, from: TrainingState) {
    this.#tuning = tuning;
    this.#training = training;
    this.#heldOut = heldOut;
    ({ rate: this.#rate, probed: this.#probed, step: this.#step, tokens: this.#tokens, best: this.#best, misses: this.#misses } = from);
    this.#mask = maskBefore(tuning, from.step);
    this.#began = tuning.clock.monotonicMs() - 1000 * from.seconds;
  }

  #seconds(): number { return (this.#tuning.clock.monotonicMs() - this.#began) / 1000; }

  async run(): Promise<FineTuned> {
    const { plan, items, start, signal, say } = this.#tuning, { shape } = start, news = { saidAt: 1000 * this.#seconds(), lossSum: 0, losses: 0 };
    let ended: FineTuned['ended'] = 'steps', skip = this.#step;
    const lookEvery = Math.max(LOOK_STEPS_MIN, Math.ceil(plan.steps / LOOKS));
    for (const batch of batchesOf(shape, items, batchOptions(this.#tuning))) {
      if (skip-- > 0) continue;
      await this.#checkpoint();
      if (this.#step >= plan.steps) break;
      if (this.#seconds() >= plan.secondsMax) { ended = 'time'; break; }
      await breathe(signal);
      const progress = progressOf(this.#step, plan.steps, this.#seconds(), plan.secondsMax);
      await this.#cut(progress);
      const due = this.#seconds() * 1000 - news.saidAt >= NEWS_EVERY_MS || this.#step + 1 === plan.steps;
      const { loss, chosen } = trainStep(this.#training, batch, this.#step, cosineRate(this.#rate, progress), due);
      this.#step++;
      this.#tokens += batch.tokens;
      this.#shrink();
      news.lossSum += loss;
      news.losses++;
      if (due) {
        const { right, labelled } = countRight(chosen!, batch);
        say({ kind: 'progress', step: this.#step, steps: plan.steps, loss: news.lossSum / news.losses, accuracy: labelled === 0 ? 0 : right / labelled, tokensPerSecond: this.#tokens / Math.max(1e-9, this.#seconds()) });
        Object.assign(news, { saidAt: this.#seconds() * 1000, lossSum: 0, losses: 0 });
      }
      if (this.#step % lookEvery === 0 && await this.#look()) { ended = 'held-out'; break; }
    }
    if (ended !== 'held-out' && this.#step % lookEvery !== 0) await this.#look();
    const { weights, step: bestStep } = this.#best ?? { weights: this.#training.optimizer.weights(), step: this.#step };
    return { weights, mask: this.#mask, steps: this.#step, tokensPerSecond: this.#tokens / Math.max(1e-9, this.#seconds()), rate: this.#rate, probed: this.#probed, bestStep, ended };
  }

  async #cut(progress: number): Promise<void> {
    const { cuts, shrink } = this.#tuning, { optimizer } = this.#training;
    if (shrink !== undefined && this.#step === shrink.steps) {
      this.#mask = shrink.to;
      optimizer.cut(this.#mask, optimizer.weights().layers);
    }
    if (cuts === undefined || this.#step % cuts.every !== 0) return;
    const cut = await cuts.at(progress, optimizer.weights(), this.#mask);
    if (cut === null) return;
    this.#mask = cut.mask;
    optimizer.cut(cut.mask, cut.weights.layers);
  }

  /** What is to die goes to zero on a straight line, which training cannot hold against. */
  #shrink(): void {
    const { shrink } = this.#tuning;
    if (shrink === undefined || this.#step > shrink.steps) return;
    this.#training.optimizer.shrink(shrink.to, (shrink.steps - this.#step) / (shrink.steps - this.#step + 1));
  }

  /** Whether training has stopped to get better. Nothing is looked at while something is still to die. */
  async #look(): Promise<boolean> {
    const { plan: { patience = 0 }, shrink } = this.#tuning;
    if (patience === 0 || this.#heldOut === null || (shrink !== undefined && this.#step <= shrink.steps)) return false;
    const weights = this.#training.optimizer.weights(), loss = await this.#heldOut.loss(weights);
    if (this.#best === null || loss < this.#best.loss) {
      this.#best = { step: this.#step, loss, weights };
      this.#misses = 0;
    } else this.#misses++;
    return this.#misses >= patience;
  }

  async #checkpoint(): Promise<void> {
    const { checkpoints, start: { shape }, clock } = this.#tuning, { optimizer, keeper, teacher } = this.#training;
    if (checkpoints === undefined || clock.monotonicMs() < this.#checkpointAt) return;
    const began = clock.monotonicMs(), carried = goesOnBetween(shape);
    await checkpoints.write({
      step: this.#step, seconds: this.#seconds(), tokens: this.#tokens, rate: this.#rate, probed: this.#probed, optimizer: optimizer.state(),
      student: carried ? keeper.read() : null, teacher: carried ? teacher?.keeper?.read() ?? null : null, best: this.#best, misses: this.#misses,
    });
    const now = clock.monotonicMs();
    this.#checkpointAt = now + Math.max(checkpoints.everyMs, (now - began) / CHECKPOINT_SHARE);
  }
}

/** The state before the first step, its rate chosen by trial where that is wanted. */
async function begin(tuning: FineTuning, training: Training, heldOut: HeldOut | null): Promise<TrainingState> {
  const { plan, items, signal, clock } = tuning, { optimizer } = training, start = optimizer.state(), began = clock.monotonicMs();
  const probed = (plan.probeSteps ?? 0) === 0 || heldOut === null ? [] : await probeRates(training, start, items, batchOptions(tuning), heldOut, plan.probeSteps!, signal);
  if (tuning.shrink !== undefined) optimizer.cut(tuning.mask, tuning.start.weights.layers);
  return { step: 0, seconds: (clock.monotonicMs() - began) / 1000, tokens: 0, rate: bestRate(probed, plan.learningRate), probed, optimizer: start, student: null, teacher: null, best: null, misses: 0 };
}

function takeUp(from: TrainingState, { optimizer, keeper, teacher }: Training): TrainingState {
  optimizer.restore(from.optimizer);
  if (from.student !== null) keeper.write(from.student);
  if (from.teacher !== null) teacher?.keeper?.write(from.teacher);
  return from;
}

/**
 * Trains the start network on the items; the result's dead connections are exactly zero.
 * Throws trainer-failed where there is nothing to train on or the loss is not finite, aborted.
 */
export async function fineTune(runtime: Runtime, tuning: FineTuning): Promise<FineTuned> {
  const { start, mask, items, signal, plan, seed, from = null, shrink } = tuning, { shape } = start;
  if (plan.steps === 0) return { weights: start.weights, mask, steps: 0, tokensPerSecond: 0, rate: plan.learningRate, probed: [], bestStep: 0, ended: 'steps' };
  if (items.length === 0) throw new EspalierError('trainer-failed', 'There is nothing to train on.');
  const teaching = plan.labelShare >= 1 ? null : tuning.teacher, looked = (tuning.heldOut?.length ?? 0) > 0 && ((plan.probeSteps ?? 0) > 0 || (plan.patience ?? 0) > 0);
  const heldOut = looked ? await openHeldOut(runtime, shape, teaching, tuning.heldOut!, plan, signal) : null;
  const teacher = teaching === null ? null : await createTeacher(runtime, teaching, items, plannedTokens(tuning), signal);
  // A rate is tried on what is left at the end: before anything dies the parent is at rest, and the smallest rate would win.
  const alive = from === null && shrink !== undefined && (plan.probeSteps ?? 0) > 0 ? shrink.to : maskBefore(tuning, from?.step ?? 0);
  const keeper = stateKeeper(runtime.tf), optimizer = createOptimizer(runtime, shape, start.weights, alive);
  const training: Training = { runtime, shape, plan, seed, optimizer, teacher, keeper };
  try {
    const done = await new Loop(tuning, training, heldOut, from === null ? await begin(tuning, training, heldOut) : takeUp(from, training)).run();
    if (!Object.values(weightsRecord(shape, done.weights)).every((tensor) => tensor.every(Number.isFinite))) {
      throw new EspalierError('trainer-failed', 'A weight is not finite after training.');
    }
    return done;
  } finally {
    optimizer.destroy();
    keeper.close();
    teacher?.close();
    heldOut?.close();
  }
}
