/**
 * `espalier bench prune`: what pruning costs in accuracy, by criterion and density, on CLINC150 intents.
 *
 * A dense LSTM is trained with labels; then, for each density and criterion, it is cut in one shot, cut and repaired by
 * least squares, and pruned gradually while the dense model alone teaches (no labels). Settings were chosen on the
 * validation part, whose accuracy is in the rows too; the test part is looked at once a row.
 */
import { writeFile } from 'node:fs/promises';
import * as os from 'node:os';
import { EspalierError } from '../../errors.ts';
import type { ReplayItem } from '../../evidence/replay.ts';
import type { Moments } from '../../evidence/moments.ts';
import { initialWeights } from '../../model/initial.ts';
import { densityOfMask, fullMask } from '../../model/mask.ts';
import type { Mask, ModelShape, Weights } from '../../model/shape.ts';
import type { CriterionName, TrainingPlan } from '../../pruning/job.ts';
import { densityOf } from '../../pruning/schedule.ts';
import { randomFrom, shuffle } from '../../support/random.ts';
import { applyMask, chooseMask, repair, score } from '../../tuning/cut.ts';
import { examine } from '../../tuning/examine.ts';
import type { Cuts, FineTuning } from '../../tuning/fine-tune.ts';
import { fineTune } from '../../tuning/fine-tune.ts';
import { momentsOf } from '../../tuning/moments-of.ts';
import type { Network } from '../../tuning/parameters.ts';
import type { Runtime } from '../../tuning/ops.ts';
import { openRuntime } from '../../tuning/ops.ts';
import type { Clinc } from './clinc.ts';
import { readClinc } from './clinc.ts';

export interface PruneBenchOptions {
  readonly data?: string | undefined;
  readonly json?: string | undefined;
  readonly seed: number;
  readonly quick?: boolean | undefined;
  /** Progress, a line each; stderr otherwise. */
  readonly say?: (line: string) => void;
}

export interface PruneRow {
  readonly density: number;
  readonly criterion: CriterionName;
  readonly reconstruct: boolean;
  readonly finetune: boolean;
  /** On the test part, shares; `validation` is the accuracy on the validation part. */
  readonly accuracy: number;
  readonly agreement: number;
  readonly validation: number;
  /** Time to make it from the dense model. */
  readonly seconds: number;
}

const UNITS = 256, INPUTS = 100, LANES = 64;
const CRITERIA: readonly CriterionName[] = ['random', 'magnitude', 'activity', 'obs'];
/** Sampled steps for the moments: of the dense model, and again at each cut of a gradual pruning. */
const VECTORS_MAX = 50_000, CUT_VECTORS_MAX = 10_000;
/** Gradual pruning: a cut each so many steps, during this share of the training. */
const CUT_EVERY = 50, CUT_UNTIL = 0.6;
/** Chosen on the validation part, 14 epochs each: 2e-3 and drop-out 0.4 gave 88.7 and 89.5 % by seed, 3e-3 and 0.4 89.8 %, 4e-3 and 0.5 90.3 %. */
const DENSE = { learningRate: 4e-3, dropout: 0.5 } as const;
const never = new AbortController().signal;
const clock = { monotonicMs: () => performance.now() };

interface Settings { readonly densities: readonly number[]; readonly denseEpochs: number; readonly tuneEpochs: number; readonly criteria: readonly CriterionName[] }
const FULL: Settings = { densities: [0.2, 0.1, 0.05], denseEpochs: 14, tuneEpochs: 10, criteria: CRITERIA };
const QUICK: Settings = { densities: [0.2], denseEpochs: 2, tuneEpochs: 1, criteria: ['random', 'obs'] };

interface Bench {
  readonly runtime: Runtime;
  readonly clinc: Clinc;
  readonly shape: ModelShape;
  readonly seed: number;
  readonly settings: Settings;
  readonly say: (line: string) => void;
}

const stepsOf = (items: readonly ReplayItem[], epochs: number): number => epochs * Math.ceil(items.length / LANES);
const planOf = (steps: number, extra: Partial<TrainingPlan>): TrainingPlan => ({ steps, lanes: LANES, window: 1, learningRate: 2e-3, labelShare: 1, temperature: 2, dropout: 0.4, heldOut: 0, secondsMax: 1e6, ...extra });
const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

async function train({ runtime, clinc, shape, seed, say }: Bench, what: string, start: Weights, plan: TrainingPlan, extra: Partial<FineTuning>): Promise<{ readonly weights: Weights; readonly mask: Mask }> {
  let saidAt = -Infinity;
  return await fineTune(runtime, {
    start: { shape, weights: start }, mask: fullMask(shape), teacher: null, items: clinc.train, plan, seed, clock, signal: never,
    say: ({ step, steps, loss, accuracy, tokensPerSecond }) => {
      if (clock.monotonicMs() - saidAt < 10_000) return;
      saidAt = clock.monotonicMs();
      say(`  ${what}: step ${step} of ${steps}, loss ${loss.toFixed(3)}, accuracy of the batch ${percent(accuracy)}, ${Math.round(tokensPerSecond)} tokens/s`);
    },
    ...extra,
  });
}

/** Moments of a network on the training part, whose items come in an order of their own. */
async function momentsAt({ runtime, clinc, shape }: Bench, weights: Weights, vectorsMax: number, random: () => number): Promise<readonly Moments[]> {
  return (await momentsOf(runtime, { id: 'bench', model: { shape, weights }, parent: null, items: shuffle([...clinc.train], random), vectorsMax }, never)).moments;
}

/** Scores and chooses again and again while the training goes on (Zhu & Gupta 2017). */
function gradual(bench: Bench, criterion: CriterionName, density: number): Cuts {
  const { shape, seed } = bench;
  const random = randomFrom(seed);
  return {
    every: CUT_EVERY,
    at: async (progress, weights, mask) => {
      if (densityOfMask(mask) <= density + 1 / mask[0]!.length) return null;
      const moments = criterion === 'activity' || criterion === 'obs' ? await momentsAt(bench, weights, CUT_VECTORS_MAX, random) : null;
      const network: Network = { shape, weights };
      const wanted = densityOf(progress / CUT_UNTIL, 1, density);
      const next = chooseMask(network, mask, score(network, mask, criterion, moments, random), { density: wanted, scope: 'network' });
      return { mask: next, weights: applyMask(network, next) };
    },
  };
}

async function rowsOf(bench: Bench, dense: Network, moments: readonly Moments[], density: number, criterion: CriterionName): Promise<PruneRow[]> {
  const { runtime, clinc, shape, seed, settings, say } = bench;
  const rows: PruneRow[] = [];
  const measure = async (reconstruct: boolean, finetune: boolean, make: () => Promise<Weights> | Weights): Promise<void> => {
    const began = clock.monotonicMs();
    const model: Network = { shape, weights: await make() };
    const seconds = (clock.monotonicMs() - began) / 1000;
    const validation = await examine(runtime, model, null, clinc.validation, never), test = await examine(runtime, model, dense, clinc.test, never);
    rows.push({ density, criterion, reconstruct, finetune, accuracy: test.accuracy, agreement: test.agreement!, validation: validation.accuracy, seconds });
    say(`density ${density} ${criterion}${reconstruct ? ' + reconstruct' : ''}${finetune ? ' + fine-tuned by the teacher' : ''}: test ${percent(test.accuracy)}, agreement ${percent(test.agreement!)}, validation ${percent(validation.accuracy)}, ${seconds.toFixed(1)} s`);
  };
  const full = fullMask(shape);
  const mask = (): Mask => chooseMask(dense, full, score(dense, full, criterion, moments, randomFrom(seed)), { density, scope: 'network' });
  await measure(false, false, () => applyMask(dense, mask()));
  await measure(true, false, () => repair(dense, mask(), moments));
  const plan = planOf(stepsOf(clinc.train, settings.tuneEpochs), { labelShare: 0 });
  await measure(false, true, async () => (await train(bench, `${criterion} at ${density}`, dense.weights, plan, { teacher: dense, cuts: gradual(bench, criterion, density) })).weights);
  return rows;
}

/** Runs the bench; writes { machine, seed, quick, dense, rows } where a file is given. Throws usage, data-unreadable, trainer-unavailable. */
export async function runPruneBench({ data, json, seed, quick = false, say = (line) => { process.stderr.write(`${line}\n`); } }: PruneBenchOptions): Promise<void> {
  if (data === undefined) throw new EspalierError('usage', '`bench prune` needs --data with the folder that holds clinc150.');
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  const clinc = await readClinc(data);
  const runtime = openRuntime();
  const shape: ModelShape = { cell: 'lstm', vocabulary: clinc.vocabulary, inputs: INPUTS, layers: [UNITS], task: 'classify', outputs: clinc.labels.length, state: 'reset' };
  const bench: Bench = { runtime, clinc, shape, seed, settings: quick ? QUICK : FULL, say };
  say(`CLINC150: ${clinc.train.length} to train, ${clinc.validation.length} to validate, ${clinc.test.length} to test, ${clinc.labels.length} intents, ${clinc.vocabulary} words`);
  const began = clock.monotonicMs();
  const { weights } = await train(bench, 'dense', initialWeights(shape, randomFrom(seed)), planOf(stepsOf(clinc.train, bench.settings.denseEpochs), DENSE), {});
  const network: Network = { shape, weights }, seconds = (clock.monotonicMs() - began) / 1000;
  const dense = { accuracy: (await examine(runtime, network, null, clinc.test, never)).accuracy, validation: (await examine(runtime, network, null, clinc.validation, never)).accuracy, seconds };
  say(`dense: test ${percent(dense.accuracy)}, validation ${percent(dense.validation)}, ${seconds.toFixed(1)} s`);
  const moments = await momentsAt(bench, weights, VECTORS_MAX, randomFrom(seed));
  const rows: PruneRow[] = [];
  for (const density of bench.settings.densities) for (const criterion of bench.settings.criteria) rows.push(...await rowsOf(bench, network, moments, density, criterion));
  const machine = { platform: `${process.platform}-${process.arch}`, cpu: os.cpus()[0]?.model ?? 'unknown', cores: os.availableParallelism(), node: process.version, tensorflow: runtime.tf.version, device: runtime.tf.device };
  if (json !== undefined) await writeFile(json, `${JSON.stringify({ machine, seed, quick, dense, rows }, null, 2)}\n`);
}
