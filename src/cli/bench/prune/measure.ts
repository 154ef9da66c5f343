/** What a model is worth on the test part, and how fast it is, by the engines that serve. */
import { chooseEngine } from '../../../adapters/engine/choose.ts';
import type { ReplayItem } from '../../../evidence/replay.ts';
import type { Model } from '../../../model/model.ts';
import type { Cell } from '../../../model/shape.ts';
import { layerShapes } from '../../../model/shape.ts';
import { fullMask, maskWeights } from '../../../model/mask.ts';
import { sampleModel } from '../../../model/sample-model.ts';
import type { Engine, EngineSequence } from '../../../ports.ts';
import { chooseAll } from '../../../pruning/choose.ts';
import { randomFrom } from '../../../support/random.ts';
import { evaluateItems, sequenceOf } from '../../data/evaluate.ts';
import type { Runner } from '../throughput.ts';
import { compareRunners } from '../throughput.ts';
import type { Parts, Work } from './data.ts';
import { shortened } from './data.ts';
import { equalWidth } from './plan.ts';
import type { EqualWidth, Metric } from './row.ts';
import type { Settings, Sparse } from './settings.ts';

export interface Engines { readonly fp32: Engine; /** Null where this machine or the task's inputs have none. */ readonly int8: Engine | null }
export type EngineName = keyof Engines;

/** One thread each. Throws engine-unavailable. */
export async function openEngines({ vocabulary }: Work['shape']): Promise<Engines> {
  const fp32 = (await chooseEngine({ kind: 'native', precision: 'fp32', cores: 1 })).engine;
  const int8 = vocabulary === 0 ? null : await chooseEngine({ kind: 'native', precision: 'int8-g4', cores: 1 }).then(({ engine }) => engine, () => null);
  return { fp32, int8 };
}

/** Groups of four are for int8; everything else runs in fp32, as it was trained. */
export const engineFor = ({ int8 }: Engines, granularity: string): EngineName => (granularity === 'g4' && int8 !== null ? 'int8' : 'fp32');

/** While the work goes on, a model is in its engine. */
export async function enlisted<T>(engine: Engine, models: readonly Model[], work: () => Promise<T>): Promise<T> {
  for (const model of models) await engine.enlist(model);
  try {
    return await work();
  } finally {
    for (const { id } of models) await engine.retire(id);
  }
}

const BATCH = 256;

async function answersOf(engine: Engine, { id }: Model, items: readonly ReplayItem[]): Promise<readonly Int32Array[]> {
  const answers: Int32Array[] = [];
  for (let from = 0; from < items.length; from += BATCH) answers.push(...(await engine.infer({ model: id, sequences: items.slice(from, from + BATCH).map(sequenceOf), sample: null })).answers.map(({ labels }) => labels));
  return answers;
}

export interface Judged { readonly value: number; readonly agreement: number }

/** Both as they are served; answers whose label nobody knows do not count. Throws engine errors. */
export async function judge(engines: Engines, name: EngineName, metric: Metric, model: Model, parent: Model, items: readonly ReplayItem[]): Promise<Judged> {
  const engine = engines[name]!, wanted = await enlisted(engines.fp32, [parent], () => answersOf(engines.fp32, parent, items));
  return enlisted(engine, [model], async () => {
    let same = 0, all = 0, right = 0, known = 0;
    (await answersOf(engine, model, items)).forEach((labels, at) => labels.forEach((label, step) => {
      all++;
      if (label === wanted[at]![step]) same++;
      const target = items[at]!.targets?.[step] ?? -1;
      if (target >= 0) known++;
      if (target >= 0 && label === target) right++;
    }));
    const value = metric === 'bits' ? (await evaluateItems(engine, model, items)).loss! / Math.LN2 : right / Math.max(1, known);
    return { value, agreement: same / Math.max(1, all) };
  });
}

/** Sequences of the batch on which speed is measured, more than any engine has lanes; and their steps at most. */
const SEQUENCES = 256, STEPS = 64;

export const speedBatch = (work: Pick<Work, 'shape'>, { validation }: Parts): readonly EngineSequence[] => {
  const items = shortened(work, validation, STEPS);
  return Array.from({ length: SEQUENCES }, (_, at) => sequenceOf(items[at % items.length]!));
};

const width = ({ shape }: Pick<Work, 'shape'>): number => (shape.vocabulary > 0 ? 1 : shape.inputs);

export interface Timed { readonly model: Model; readonly engine: EngineName }

/** Lane-steps a second of each, in turns. */
export async function speedsOf(engines: Engines, work: Pick<Work, 'shape'>, batch: readonly EngineSequence[], timed: readonly Timed[], seconds: number): Promise<readonly number[]> {
  const runners = timed.map(({ model, engine }): Runner => ({ engine: engines[engine]!, model: model.id }));
  for (const { model, engine } of timed) await engines[engine]!.enlist(model);
  const measured = await compareRunners(runners, batch, { repeats: 3, secondsMin: seconds, withoutOutput: false, numbersPerStep: width(work) });
  for (const { model, engine } of timed) await engines[engine]!.retire(model.id);
  return measured.map(({ laneStepsPerSecond }) => laneStepsPerSecond);
}

/** Dense widths that are measured, as shares of the parent's. */
const SHARES = [1 / 32, 1 / 16, 1 / 8, 1 / 4, 3 / 8, 1 / 2, 3 / 4, 1];

/** The dense widths that are as fast as the sparse models of the task, on random weights: before anything is trained. */
export async function measureWidths(engines: Engines, work: Work, parts: Parts, cell: Cell, { hidden, sparse, speedSeconds }: Settings): Promise<readonly EqualWidth[]> {
  const random = randomFrom(1), shape = { ...work.shape, cell, layers: [hidden] };
  const widths = [...new Set(SHARES.map((share) => Math.max(2, Math.round(share * hidden))))];
  const dense = widths.map((units) => named(sampleModel({ ...shape, layers: [units] }, 1, random), work));
  const cut = sparse.map((what) => named(randomCut(sampleModel(shape, 1, random), what, random), work));
  const names = [...new Set(sparse.map(({ granularity }) => engineFor(engines, granularity)))];
  const timed = [...names.flatMap((engine) => dense.map((model): Timed => ({ model, engine }))), ...sparse.map(({ granularity }, at): Timed => ({ model: cut[at]!, engine: engineFor(engines, granularity) }))];
  const speeds = await speedsOf(engines, work, speedBatch(work, parts), timed, speedSeconds);
  return sparse.map((what, at): EqualWidth => {
    const engine = engineFor(engines, what.granularity), from = names.indexOf(engine) * dense.length, own = speeds[names.length * dense.length + at]!;
    return { ...what, engine, sparse: own, ...equalWidth(own, widths.map((units, i) => ({ hidden: units, laneStepsPerSecond: speeds[from + i]! }))) };
  });
}

const named = (model: Model, { tokenizer, labels }: Work): Model => ({ ...model, tokenizer, labels });

function randomCut(model: Model, { granularity, density }: Sparse, random: () => number): Model {
  const layers = layerShapes(model.shape).map(({ index, sources, units }) => ({ scores: Float64Array.from({ length: sources * units }, () => random()), mask: fullMask(model.shape)[index]!, sources, units }));
  const mask = chooseAll(layers, { density, scope: 'network', granularity });
  return { ...model, mask, weights: maskWeights(model.shape, model.weights, mask) };
}
