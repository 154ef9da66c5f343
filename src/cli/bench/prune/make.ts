/** How each method of the bench of pruning makes its model. */
import { initialWeights } from '../../../model/initial.ts';
import { fullMask } from '../../../model/mask.ts';
import type { Mask, ModelShape, Weights } from '../../../model/shape.ts';
import type { Moments } from '../../../evidence/moments.ts';
import type { CriterionName, TrainingPlan } from '../../../pruning/job.ts';
import { CRITERIA } from '../../../pruning/criterion.ts';
import { densityOf } from '../../../pruning/schedule.ts';
import { randomFrom, shuffle } from '../../../support/random.ts';
import { stepsOf } from '../../../model/cell.ts';
import { goesOnBetween } from '../../../tuning/batches.ts';
import { applyMask, chooseMask, repair, score } from '../../../tuning/cut.ts';
import type { Cut, Cuts, FineTuning } from '../../../tuning/fine-tune.ts';
import { fineTune } from '../../../tuning/fine-tune.ts';
import { gradientsOf } from '../../../tuning/gradients-of.ts';
import { momentsOf } from '../../../tuning/moments-of.ts';
import type { Runtime } from '../../../tuning/ops.ts';
import type { Network } from '../../../tuning/parameters.ts';
import { VECTORS_PER_SOURCE, prune } from '../../../tuning/prune-job.ts';
import { collectUnder, repairUnder } from '../../../tuning/under-cut.ts';
import type { Model } from '../../../model/model.ts';
import type { Parts, Work } from './data.ts';
import { shortened } from './data.ts';
import { aliveConnections, smallestWeights } from './weights.ts';
import type { Run } from './row.ts';
import type { Settings, Training } from './settings.ts';

export interface Bench {
  readonly runtime: Runtime;
  readonly work: Work;
  readonly parts: Parts;
  readonly settings: Settings;
  /** Bound on the CPU seconds of a training. */
  readonly secondsMax: number;
  readonly say: (line: string) => void;
}

export interface Made extends Network { readonly mask: Mask; readonly steps: number }

export const never = new AbortController().signal;
/** CPU time: other work on the machine costs a run nothing, and equal times stay equal. */
export const cpuClock = { monotonicMs: (): number => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; } };

/** Sampled steps for moments: at each cut of a gradual pruning, and for a repair; the repair's as a job collects (prune-job.ts). */
const CUT_VECTORS = 10_000;
const MOMENT_STEPS = 250, GRADIENT_BATCHES = 64;
const vectorsFor = ({ shape: { inputs, layers } }: Network): number => VECTORS_PER_SOURCE * (inputs + layers[0]! + 1);
/** Densities that a repair goes through on its way down. */
const LADDER = [0.7, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1];
/** Repairs under the last mask, each with moments of the one before. */
const LAST_REPAIRS = 2;

export const shapeOf = ({ work }: Pick<Bench, 'work'>, cell: Run['cell'], hidden: number): ModelShape => ({ ...work.shape, cell, layers: [hidden] });

/** Optimizer steps of so many passes. */
function stepsFor({ work: { shape }, parts: { train }, settings: { window } }: Bench, { passes, lanes }: Training): number {
  const of = { ...shape, cell: 'lstm', layers: [1] } as const;
  const pieces = goesOnBetween(of) ? train.reduce((sum, { inputs }) => sum + stepsOf(of, inputs) / window, 0) : train.length;
  return Math.max(1, Math.ceil(passes * pieces / Math.min(lanes, train.length)));
}

async function train(bench: Bench, what: string, seed: number, start: Network, mask: Mask, training: Training, extra: Partial<FineTuning>, secondsMax = bench.secondsMax): Promise<Made> {
  const { runtime, parts, settings, say } = bench;
  const plan: TrainingPlan = { steps: stepsFor(bench, training), lanes: training.lanes, window: settings.window, learningRate: training.learningRate, labelShare: training.labelShare, temperature: settings.temperature, dropout: training.dropout, heldOut: 0, secondsMax };
  let saidAt = performance.now();
  const { weights, mask: left, steps } = await fineTune(runtime, {
    start, mask, teacher: null, items: parts.train, plan, seed, clock: cpuClock, signal: never,
    say: ({ step, loss, tokensPerSecond }) => {
      if (performance.now() - saidAt < 30_000) return;
      saidAt = performance.now();
      say(`  ${what}: step ${step}, loss ${loss.toFixed(3)}, ${Math.round(tokensPerSecond)} tokens/s of CPU`);
    },
    ...extra,
  });
  return { shape: start.shape, weights, mask: left, steps };
}

async function momentsAt({ runtime, work, parts }: Bench, network: Network, vectorsMax: number, random: () => number): Promise<readonly Moments[]> {
  const items = shuffle([...shortened(work, parts.train, MOMENT_STEPS)], random);
  return (await momentsOf(runtime, { id: 'bench', model: network, parent: null, items, vectorsMax }, never)).moments;
}

/** Scores of what is alive, by the criterion, with what it needs of moments and of gradients by the model's own answers. */
async function scoresOf(bench: Bench, network: Network, mask: Mask, criterion: CriterionName, random: () => number, moments: readonly Moments[] | null): Promise<readonly Float64Array[]> {
  const { needs } = CRITERIA[criterion], { runtime, parts, settings } = bench;
  const unlabelled = shuffle(parts.train.map((item) => ({ ...item, targets: null })), random);
  const gradients = needs === 'gradient' || needs === 'both' ? await gradientsOf(runtime, { model: network, mask, teacher: network, items: unlabelled, lanes: settings.cut.lanes, window: settings.window, batchesMax: GRADIENT_BATCHES, learningRate: 0, seed: 1 }, never) : null;
  return score(network, mask, criterion, moments, random, gradients);
}

const sparseOf = ({ granularity, density }: Run) => ({ density, scope: 'network', granularity: granularity === 'g4' ? 'g4' : 'connection' } as const);

/** Scores and chooses again and again while the training goes on (Zhu & Gupta 2017). */
function gradual(bench: Bench, run: Run, steps: number): Cuts {
  const { settings: { cuts, cutUntil } } = bench, random = randomFrom(run.seed);
  let done = false;
  const cutTo = async (density: number, network: Network, mask: Mask): Promise<Cut> => {
    if (run.granularity === 'weight') return smallestWeights(network, density);
    const moments = ['moments', 'both'].includes(CRITERIA[run.criterion!].needs) ? await momentsAt(bench, network, CUT_VECTORS, random) : null;
    const next = chooseMask(network, mask, await scoresOf(bench, network, mask, run.criterion!, random, moments), { ...sparseOf(run), density });
    return { mask: next, weights: applyMask(network, next) };
  };
  return {
    every: Math.max(1, Math.floor(steps * cutUntil / cuts)),
    at: async (progress, weights, mask) => {
      if (done) return null;
      done = progress >= cutUntil;
      return cutTo(densityOf(progress / cutUntil, 1, run.density), { shape: shapeOf(bench, run.cell, run.hidden), weights }, mask);
    },
  };
}

/** Cut in steps; after each one least squares under the cut model's own activity bring it back towards the parent. */
async function repaired(bench: Bench, run: Run, parent: Model): Promise<Made> {
  const { runtime, work, parts } = bench, { shape } = parent, random = randomFrom(run.seed);
  const vectorsMax = vectorsFor(parent), items = shuffle([...shortened(work, parts.train, MOMENT_STEPS)], random);
  let weights: Weights = parent.weights, mask: Mask = parent.mask;
  for (const density of [...LADDER.filter((rung) => rung > run.density), run.density]) {
    const network = { shape, weights }, moments = await momentsAt(bench, network, vectorsMax, random);
    mask = chooseMask(network, mask, await scoresOf(bench, network, mask, run.criterion!, random, moments), { ...sparseOf(run), density });
    weights = repair(network, mask, moments);
    for (let again = 0; again < (density === run.density ? LAST_REPAIRS : 1); again++) {
      weights = repairUnder(await collectUnder(runtime, { reference: parent, cut: weights, items, vectorsMax, withOutput: true }, never), weights, mask, new Uint8Array(run.hidden).fill(1));
    }
  }
  return { shape, weights, mask, steps: 0 };
}

/** Whole units go and the rest is repaired, as a job does it. */
async function withoutUnits({ runtime, work, parts, settings: { cut, window } }: Bench, run: Run, parent: Model): Promise<Made> {
  const training: TrainingPlan = { steps: 0, lanes: cut.lanes, window, learningRate: cut.learningRate, labelShare: 0, temperature: 1, dropout: 0, heldOut: 0, secondsMax: 1 };
  const { shape, weights, mask } = await prune({
    runtime, parent, teacher: parent, live: parent.mask.map(() => null), items: shuffle([...shortened(work, parts.train, MOMENT_STEPS)], randomFrom(run.seed)), signal: never, timed: async (_, making) => await making(),
    job: { id: 'bench', cycle: 0, seed: run.seed, parent: parent.id, teacher: parent.id, anchor: parent.id, replay: [], moments: [], density: run.density, criterion: run.criterion, scope: 'network', granularity: 'unit', reconstruct: true, training, trainedOn: run.task },
  });
  return { shape, weights, mask, steps: 0 };
}

const what = (run: Run): string => `${run.method} ${run.hidden}${run.density < 1 ? ` ${run.granularity} at ${run.density}` : ''}`;

/** A dense network from nothing; a small one for as long as the parent and its cut together. @param budget CPU seconds of those two, where time is what rivals share */
async function fromScratch(bench: Bench, run: Run, parent: Model | null, budget: number | null): Promise<Made> {
  const { settings: { dense, cut, rivals } } = bench, shape = shapeOf(bench, run.cell, run.hidden), start = { shape, weights: initialWeights(shape, randomFrom(run.seed)) };
  const teacher = run.method === 'small-taught' ? parent : null, passes = run.method === 'dense' ? dense.passes : dense.passes + cut.passes;
  const training = { ...dense, passes, labelShare: teacher === null ? 1 : cut.labelShare };
  if (run.method === 'dense' || rivals === 'passes') return train(bench, what(run), run.seed, start, fullMask(shape), training, { teacher });
  // So many steps that only time ends it; the learning rate follows the clock then.
  return train(bench, what(run), run.seed, start, fullMask(shape), { ...training, passes: passes * PASSES_IN_TIME }, { teacher }, budget ?? bench.secondsMax);
}
/** A small network makes at most so many passes in the time of a large one's. */
const PASSES_IN_TIME = 1000;

/** @param parent null for the dense parent itself. Throws the tuning room's errors. */
export async function make(bench: Bench, run: Run, parent: Model | null, budget: number | null): Promise<Made> {
  const { settings: { cut } } = bench;
  if (run.method === 'dense' || run.method === 'small' || run.method === 'small-taught') return fromScratch(bench, run, parent, budget);
  const dense = parent!;
  if (run.method === 'repaired') return repaired(bench, run, dense);
  if (run.method === 'units') {
    const fewer = await withoutUnits(bench, run, dense);
    return train(bench, what(run), run.seed, fewer, fewer.mask, cut, { teacher: dense });
  }
  if (run.method === 'cut') {
    const random = randomFrom(run.seed), moments = await momentsAt(bench, dense, vectorsFor(dense), random);
    const mask = chooseMask(dense, dense.mask, await scoresOf(bench, dense, dense.mask, run.criterion!, random, moments), sparseOf(run));
    return { shape: dense.shape, weights: applyMask(dense, mask), mask, steps: 0 };
  }
  const made = await train(bench, what(run), run.seed, dense, dense.mask, cut, { teacher: dense, cuts: gradual(bench, run, stepsFor(bench, cut)) });
  return run.granularity === 'weight' ? { ...made, mask: aliveConnections(made) } : made;
}
