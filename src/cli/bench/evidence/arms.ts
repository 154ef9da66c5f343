/** Ways to prune with more or less evidence, ways to follow traffic that moved, and what each is worth. */
import type { ReplayItem } from '../../../evidence/replay.ts';
import type { Model } from '../../../model/model.ts';
import type { CriterionName, TuningJob } from '../../../pruning/job.ts';
import { fineTune } from '../../../tuning/fine-tune.ts';
import type { Network } from '../../../tuning/parameters.ts';
import type { Pruned } from '../../../tuning/prune-job.ts';
import { VECTORS_PER_SOURCE, prune } from '../../../tuning/prune-job.ts';
import { collectUnder, repairUnder } from '../../../tuning/under-cut.ts';
import type { Scored } from './differences.ts';
import type { World } from './world.ts';
import { clock, modelOf, never, planOf } from './world.ts';

export interface Arm {
  readonly name: string;
  readonly criterion: CriterionName;
  /** Where moments and gradients come from; none: the weights alone, and no repair. */
  readonly evidence: 'live' | 'training' | 'none';
  /** Whether classes that the traffic never used are taken away first, so that they count for nothing in the gradient. */
  readonly specialised?: boolean;
}

export const ARMS: readonly Arm[] = [
  { name: 'live obs', criterion: 'obs', evidence: 'live' },
  { name: 'training obs', criterion: 'obs', evidence: 'training' },
  { name: 'magnitude', criterion: 'magnitude', evidence: 'none' },
  { name: 'random', criterion: 'random', evidence: 'none' },
  { name: 'live fisher', criterion: 'fisher', evidence: 'live' },
  { name: 'training fisher', criterion: 'fisher', evidence: 'training' },
  { name: 'live fisher, used classes', criterion: 'fisher', evidence: 'live', specialised: true },
];

/** A logit so low that the soft-max gives its class nothing. */
const SILENT = -100;

/** The model without the classes that are not used: the answers are those of a smaller output layer. */
export function onlyClasses(model: Model, used: ReadonlySet<number>): Model {
  const { weights, shape: { outputs } } = model;
  const output = weights.output.map((weight, at) => (used.has(at % outputs) ? weight : 0));
  return { ...model, weights: { ...weights, output, outputBias: weights.outputBias.map((bias, label) => (used.has(label) ? bias : SILENT)) } };
}

function jobOf({ settings }: World, seed: number, given: Pick<TuningJob, 'criterion' | 'density' | 'reconstruct'> & { readonly regrow?: number }): TuningJob {
  return {
    id: 'bench', cycle: 0, seed, parent: 'dense', teacher: 'dense', anchor: 'dense', replay: [], moments: [], scope: 'network', trainedOn: 'traffic',
    training: planOf(settings.steps, settings.learningRate, {}), ...given,
  };
}

/** What a job of the loop does before training, with moments and gradients from these texts. */
const pruned = (world: World, parent: Model, teacher: Model, items: readonly ReplayItem[], job: TuningJob): Promise<Pruned> =>
  prune({ runtime: world.runtime, job, parent, teacher, live: parent.shape.layers.map(() => null), items, signal: never, timed: async (_, work) => await work() });

export interface Cut { readonly arm: string; readonly model: Model; readonly teacher: Model }

/** The dense model cut to the density. @param texts of the arm's evidence @param used classes of the traffic */
export async function cutBy(world: World, arm: Arm, density: number, seed: number, texts: readonly ReplayItem[], used: ReadonlySet<number>): Promise<Cut> {
  const parent = arm.specialised === true ? onlyClasses(world.dense, used) : world.dense;
  const { shape, weights, mask } = await pruned(world, parent, parent, texts, jobOf(world, seed, { criterion: arm.criterion, density, reconstruct: arm.evidence !== 'none' }));
  return { arm: arm.name, model: modelOf(world.clinc, arm.name, { shape, weights }, mask), teacher: parent };
}

/** The steps of the budget, the teacher alone on unlabelled texts. */
export async function taught({ runtime, clinc, settings: { steps, learningRate, dropout } }: World, { model, teacher }: Cut, texts: readonly ReplayItem[], seed: number): Promise<Model> {
  const { weights, mask } = await fineTune(runtime, { start: model, mask: model.mask, teacher, items: texts, plan: planOf(steps, learningRate, { dropout }), seed, clock, signal: never, say: () => undefined });
  return modelOf(clinc, model.id, { shape: model.shape, weights }, mask);
}

export const SHIFT_ARMS = ['fixed', 'regrown', 'fixed, repaired', 'regrown, repaired'] as const;
export type ShiftArm = typeof SHIFT_ARMS[number];

/**
 * A pruned model that meets other traffic, before training: with the mask it has, or some of it exchanged by a job with
 * `regrow`; repaired means least squares towards the dense model on the new traffic, for either mask.
 */
export async function followed(world: World, arm: ShiftArm, parent: Model, density: number, seed: number, texts: readonly ReplayItem[]): Promise<Cut & { readonly regrown: number }> {
  const { dense, clinc, runtime, settings: { regrow } } = world, repaired = arm.endsWith('repaired');
  const named = ({ shape, weights }: Network, mask: Model['mask'], regrown: number) => ({ arm, model: modelOf(clinc, arm, { shape, weights }, mask), teacher: dense, regrown });
  if (arm.startsWith('regrown')) {
    const next = await pruned(world, parent, dense, texts, jobOf(world, seed, { criterion: 'obs', density, reconstruct: repaired, regrow }));
    return named(next, next.mask, next.regrown);
  }
  if (!repaired) return named(parent, parent.mask, 0);
  const vectorsMax = VECTORS_PER_SOURCE * (parent.shape.inputs + parent.shape.layers[0]! + 1);
  const collected = await collectUnder(runtime, { reference: dense, cut: parent.weights, items: texts, vectorsMax, withOutput: false }, never);
  return named({ shape: parent.shape, weights: repairUnder(collected, parent.weights, parent.mask, null) }, parent.mask, 0);
}

export interface EvidenceRow extends Scored {
  /** On the validation part of the intents that are served. */
  readonly validation: number;
  /** shift: right answers on the intents that were served before; connections that came back. */
  readonly before?: number;
  readonly regrown?: number;
  readonly seconds: number;
}

export const keyOf = ({ part, seed, intents, density, arm, trained }: Pick<EvidenceRow, 'part' | 'seed' | 'intents' | 'density' | 'arm' | 'trained'>): string => [part, seed, intents, density, arm, trained].join('|');
