/** The dense model of the bench, the traffic that it serves, and what it gets right. */
import type { ReplayItem } from '../../../evidence/replay.ts';
import { initialWeights } from '../../../model/initial.ts';
import { densityOfMask, fullMask } from '../../../model/mask.ts';
import type { Model } from '../../../model/model.ts';
import type { Mask, ModelShape } from '../../../model/shape.ts';
import { NO_TOKENIZER } from '../../../model/tokenizer.ts';
import type { TrainingPlan } from '../../../pruning/job.ts';
import { randomFrom, shuffle } from '../../../support/random.ts';
import { evaluate } from '../../../tuning/evaluate.ts';
import { fineTune } from '../../../tuning/fine-tune.ts';
import type { Runtime } from '../../../tuning/ops.ts';
import type { Network } from '../../../tuning/parameters.ts';
import type { Clinc } from '../clinc.ts';

/** Everything that figures depend on, beside the data. */
export interface Settings {
  readonly units: number;
  readonly inputs: number;
  /** Passes over the training part for the dense model, its peak learning rate and drop-out. */
  readonly dense: { readonly epochs: number; readonly learningRate: number; readonly dropout: number };
  readonly seeds: readonly number[];
  readonly densities: readonly number[];
  /** Intents that are served at a time, and of traffic that is narrower still. */
  readonly intents: number;
  readonly narrow: number;
  /** Optimizer steps after a cut, their peak learning rate and drop-out. */
  readonly steps: number;
  readonly learningRate: number;
  readonly dropout: number;
  /** Share of the connections that regrowth may exchange. */
  readonly regrow: number;
}

export interface World {
  readonly runtime: Runtime;
  readonly clinc: Clinc;
  readonly settings: Settings;
  readonly dense: Model;
  readonly say: (line: string) => void;
}

/** Requests of some intents. */
export interface Traffic {
  readonly intents: ReadonlySet<number>;
  /** Requests as they come, in an order of their own, without labels. */
  readonly texts: readonly ReplayItem[];
  readonly validation: readonly ReplayItem[];
}

export const LANES = 64;
export const never = new AbortController().signal;
export const clock = { monotonicMs: () => performance.now() };
export const intentOf = ({ targets }: ReplayItem): number => targets![0]!;

export const planOf = (steps: number, learningRate: number, extra: Partial<TrainingPlan>): TrainingPlan =>
  ({ steps, lanes: LANES, window: 1, learningRate, labelShare: 0, temperature: 2, dropout: 0, heldOut: 0, secondsMax: 1e6, ...extra });

/** A model that never leaves this process: its id is only a name. */
export const modelOf = ({ labels }: Clinc, id: string, { shape, weights }: Network, mask: Mask): Model =>
  ({ id, shape, weights, mask, tokenizer: NO_TOKENIZER, labels, lineage: { parent: null, anchor: null, cycle: 0, density: densityOfMask(mask), criterion: null, seed: 0, trainedOn: 'CLINC150' } });

/** All labels, drop-out on both sides of the layer. */
export async function trainDense(runtime: Runtime, clinc: Clinc, { units, inputs, dense }: Settings, seed: number, say: (line: string) => void): Promise<Model> {
  const shape: ModelShape = { cell: 'lstm', vocabulary: clinc.vocabulary, inputs, layers: [units], task: 'classify', outputs: clinc.labels.length, state: 'reset' };
  const steps = dense.epochs * Math.ceil(clinc.train.length / LANES);
  let saidAt = -Infinity;
  const { weights, mask } = await fineTune(runtime, {
    start: { shape, weights: initialWeights(shape, randomFrom(seed)) }, mask: fullMask(shape), teacher: null, items: clinc.train,
    plan: planOf(steps, dense.learningRate, { labelShare: 1, dropout: dense.dropout }), seed, clock, signal: never,
    say: ({ step, loss, tokensPerSecond }) => {
      if (clock.monotonicMs() - saidAt < 10_000) return;
      saidAt = clock.monotonicMs();
      say(`  dense: step ${step} of ${steps}, loss ${loss.toFixed(3)}, ${Math.round(tokensPerSecond)} tokens/s`);
    },
  });
  return modelOf(clinc, 'dense', { shape, weights }, mask);
}

/** The intents of a seed, in the order in which traffic turns to them. */
export const drawIntents = ({ labels }: Clinc, seed: number): readonly number[] => shuffle([...labels.keys()], randomFrom(seed));

const unlabelled = (items: readonly ReplayItem[], random: () => number): readonly ReplayItem[] => shuffle(items.map((item) => ({ ...item, targets: null })), random);

export function trafficOf({ train, validation }: Clinc, intents: readonly number[], seed: number): Traffic {
  const served = new Set(intents), of = (items: readonly ReplayItem[]): readonly ReplayItem[] => items.filter((item) => served.has(intentOf(item)));
  return { intents: served, texts: unlabelled(of(train), randomFrom(seed)), validation: of(validation) };
}

/** What the dense model was trained on, without labels. */
export const trainingTexts = ({ train }: Clinc, seed: number): readonly ReplayItem[] => unlabelled(train, randomFrom(seed));

export interface Right { readonly live: number; readonly asked: number; readonly all: number }

function bestOf(logits: Float32Array, start: number, outputs: number, counts: (label: number) => boolean): number {
  let best = -1;
  for (let label = 0; label < outputs; label++) if (counts(label) && (best < 0 || logits[start + label]! > logits[start + best]!)) best = label;
  return best;
}

/**
 * Shares of right answers in one pass; 0 where there is nothing to answer. `asked` is `live` where only the classes in `used`
 * can be answered.
 */
export async function rightOf({ runtime }: World, model: Network, items: readonly ReplayItem[], served: ReadonlySet<number>, used: ReadonlySet<number>): Promise<Right> {
  const { outputs } = model.shape;
  let live = 0, asked = 0, all = 0, lives = 0;
  await evaluate(runtime, [model], items, never, (batch, [forward]) => {
    const logits = runtime.tf.readFloats(forward!.logits);
    batch.real.forEach((bit, row) => {
      if (bit === 0) return;
      const wanted = batch.targets[row]!, said = bestOf(logits, row * outputs, outputs, () => true);
      if (said === wanted) all++;
      if (!served.has(wanted)) return;
      lives++;
      if (said === wanted) live++;
      if (bestOf(logits, row * outputs, outputs, (label) => used.has(label)) === wanted) asked++;
    });
  });
  const share = (count: number, of: number): number => (of === 0 ? 0 : count / of);
  return { live: share(live, lives), asked: share(asked, lives), all: share(all, items.length) };
}

/** Classes that the model answers with on these texts. */
export async function classesUsed({ runtime }: World, model: Network, texts: readonly ReplayItem[]): Promise<ReadonlySet<number>> {
  const used = new Set<number>(), { outputs } = model.shape;
  await evaluate(runtime, [model], texts, never, (batch, [forward]) => {
    const logits = runtime.tf.readFloats(forward!.logits);
    batch.real.forEach((bit, row) => { if (bit === 1) used.add(bestOf(logits, row * outputs, outputs, () => true)); });
  });
  return used;
}
