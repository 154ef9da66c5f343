/** What a job takes away from its parent, by its granularity: score - choose - reconstruct. */
import { EspalierError } from '../errors.ts';
import type { Moments } from '../evidence/moments.ts';
import { mergeMoments } from '../evidence/moments.ts';
import type { ReplayItem } from '../evidence/replay.ts';
import { aliveOf } from '../model/mask.ts';
import type { Model } from '../model/model.ts';
import type { Mask, ModelShape } from '../model/shape.ts';
import { layerShapes } from '../model/shape.ts';
import type { LayerGradient } from '../pruning/criterion.ts';
import { CRITERIA } from '../pruning/criterion.ts';
import type { TuningJob, TuningNews } from '../pruning/job.ts';
import { reconstructOutput } from '../pruning/reconstruct-output.ts';
import { gradientGains, grow } from '../pruning/regrow.ts';
import { momentsSize } from '../pruning/systems.ts';
import { chooseUnits, outputScores, unitScores } from '../pruning/unit-scores.ts';
import { outputMask, selectScores, selectUnits, unitMask } from '../pruning/units.ts';
import { randomFrom } from '../support/random.ts';
import { applyMask, chooseMask, repair, score } from './cut.ts';
import { gradientsOf } from './gradients-of.ts';
import { momentsOf } from './moments-of.ts';
import type { Runtime } from './ops.ts';
import { measuredSensitivity } from './output-error.ts';
import type { Network } from './parameters.ts';
import { collectUnder, gainsUnder, repairUnder } from './under-cut.ts';
import { withoutLayer } from './without-layer.ts';

export type Stage = Extract<TuningNews, { kind: 'stage' }>['stage'];
export type Timed = <T>(stage: Stage, work: () => T | Promise<T>) => Promise<T>;

export interface Pruning {
  readonly runtime: Runtime;
  readonly job: TuningJob;
  readonly parent: Model;
  readonly teacher: Model | null;
  /** Live moments of each layer of the parent; null where the job brings none. */
  readonly live: readonly (Moments | null)[];
  readonly items: readonly ReplayItem[];
  readonly signal: AbortSignal;
  readonly timed: Timed;
}

export interface Pruned extends Network {
  readonly mask: Mask;
  /** Of the connections that are left, as the criterion saw them; null where there was none. */
  readonly scores: readonly Float64Array[] | null;
  /** The unit of the parent that each unit was, where units went. */
  readonly origins: readonly number[] | null;
  /** Connections that came back. */
  readonly regrown: number;
}

/**
 * Vectors of moments for each source: the least squares of a unit has as many unknowns as there are sources. What is
 * missing from live traffic is collected from the replay sample. On CLINC150 (356 sources, validation part, dense 90.3 %)
 * a cut to density 0.1 repaired with 5,000, 20,000 and 50,000 vectors gave 86.1, 86.8 and 86.9 %, and 86.2, 87.5 and
 * 87.4 % when repaired once more under its own activity; a third repair brought nothing.
 */
export const VECTORS_PER_SOURCE = 50;
const vectorsOf = (shape: ModelShape): number => VECTORS_PER_SOURCE * Math.max(...layerShapes(shape).map(momentsSize));
/** Batches of gradients for a criterion that scores by them. */
const GRADIENT_BATCHES = 64;

/** The live moments of each layer, made up with those of the replay sample where they are too few. */
async function enoughMoments({ runtime, parent, live, items, signal }: Pruning): Promise<readonly Moments[]> {
  const wanted = vectorsOf(parent.shape), missing = Math.max(...live.map((moments) => wanted - (moments?.vectors ?? 0)));
  const enough = live.filter((moments) => moments !== null);
  if (enough.length === live.length && missing <= 0) return enough;
  const { moments } = await momentsOf(runtime, { id: parent.id, model: parent, parent: null, items, vectorsMax: missing }, signal);
  return moments.map((collected, layer) => { const held = live[layer]; return held == null ? collected : mergeMoments(held, collected); });
}

interface Scored { readonly moments: readonly Moments[]; readonly gradients: readonly LayerGradient[] | null; readonly scores: readonly Float64Array[] }

async function scored(pruning: Pruning, criterion: NonNullable<TuningJob['criterion']>): Promise<Scored> {
  const { runtime, job: { seed, training: { lanes, window, learningRate } }, parent, teacher, items, signal } = pruning;
  const moments = await enoughMoments(pruning);
  const gradients = !['gradient', 'both'].includes(CRITERIA[criterion].needs) ? null
    : await gradientsOf(runtime, { model: parent, mask: parent.mask, teacher, items, lanes, window, batchesMax: GRADIENT_BATCHES, learningRate: criterion === 'movement' ? learningRate : 0, seed }, signal);
  return { moments, gradients, scores: score(parent, parent.mask, criterion, moments, randomFrom(seed), gradients) };
}

/** Connections, alone or in groups of four; with `regrow`, as many more are cut, and as many of the dead come back. */
async function pruneConnections(pruning: Pruning, { moments, gradients, scores }: Scored): Promise<Pruned> {
  const { runtime, job, parent, teacher, items, signal, timed } = pruning, { shape } = parent, { density, scope, regrow = 0 } = job;
  const granularity = job.granularity === 'g4' ? 'g4' : 'connection', wanted = density * (1 - regrow);
  const mask = await timed('choose', async () => {
    const sensitivity = scope === 'sensitivity' ? await measuredSensitivity(runtime, parent, parent.mask, scores, { density: wanted, granularity }, job.reconstruct ? moments : null, items, signal) : null;
    return chooseMask(parent, parent.mask, scores, { density: wanted, scope, granularity }, sensitivity);
  });
  const cut = job.reconstruct ? repair(parent, mask, moments) : applyMask(parent, mask);
  if (!job.reconstruct && regrow === 0) return { shape, weights: cut, mask, scores, origins: null, regrown: 0 };
  return timed('reconstruct', async () => {
    const reference = regrow > 0 ? referenceOf(parent, teacher) : parent;
    const collected = await collectUnder(runtime, { reference, cut, items, vectorsMax: vectorsOf(shape), withOutput: false }, signal);
    const repaired = job.reconstruct ? repairUnder(collected, cut, mask, null) : cut;
    if (regrow === 0) return { shape, weights: repaired, mask, scores, origins: null, regrown: 0 };
    // Without a repair the weights that come back are zero, and the dense gradient says where training would use them.
    const gains = job.reconstruct || gradients === null ? gainsUnder(collected, repaired, mask, gradients) : repaired.layers.map((layer, index) => gradientGains(layer, gradients[index]!.squares, mask[index]!, layerShapes(shape)[index]!.units));
    const alive = (of: Mask): number => of.reduce((sum, layer) => sum + aliveOf(layer), 0), all = mask.reduce((sum, layer) => sum + layer.length, 0);
    const grown = grow(layerShapes(shape).map(({ index, units }) => ({ mask: mask[index]!, gains: gains[index]!, units })), Math.max(0, Math.round(density * all) - alive(mask)), granularity);
    const weights = job.reconstruct ? repairUnder(collected, repaired, grown, null) : repaired;
    // What came back was not scored: it counts as the least of its layer.
    const known = scores.map((layer, index) => layer.map((value, at) => (value === -Infinity && grown[index]![at] === 1 ? 0 : value)));
    return { shape, weights, mask: grown, scores: known, origins: null, regrown: alive(grown) - alive(mask) };
  });
}

/** Whose pre-activations regrowth is to come nearer to: the teacher's, where its units are those of the parent. */
function referenceOf(parent: Model, teacher: Model | null): Network {
  const same = teacher !== null && teacher.shape.cell === parent.shape.cell && teacher.shape.inputs === parent.shape.inputs && parent.lineage.origins === undefined
    && (teacher.shape.bidirectional ?? false) === (parent.shape.bidirectional ?? false) && teacher.shape.layers.length === parent.shape.layers.length && teacher.shape.layers.every((units, layer) => units === parent.shape.layers[layer]);
  return same ? teacher : parent;
}

/** Units: repaired as connections that nobody reads, output layer included, then taken out. */
async function pruneUnits({ runtime, job, parent, items, signal, timed }: Pruning, { moments, scores }: Scored): Promise<Pruned> {
  const { shape, weights } = parent, criterion = job.criterion!, vectorsMax = vectorsOf(shape);
  const { selection, output } = await timed('choose', async () => {
    const { output: read } = await momentsOf(runtime, { id: parent.id, model: parent, parent: null, items, vectorsMax, withOutput: true }, signal);
    const own = unitScores(shape, scores, outputScores(criterion, weights, read!.second, randomFrom(job.seed)));
    return { selection: { inputs: null, units: chooseUnits(shape, own, job) }, output: read! };
  });
  const mask = unitMask(shape, parent.mask, selection), kept = outputMask(shape, selection);
  const left = await timed('reconstruct', async () => {
    if (!job.reconstruct) return applyMask(parent, mask);
    const first = { ...repair(parent, mask, moments), ...reconstructOutput({ parent: weights, current: weights, kept, moments: output }) };
    const cut = { embedding: first.embedding, layers: first.layers, output: first.output, outputBias: first.outputBias };
    return repairUnder(await collectUnder(runtime, { reference: parent, cut, items, vectorsMax, withOutput: true }, signal), cut, mask, kept);
  });
  const { stateMap, ...selected } = selectUnits({ shape, weights: left, mask }, selection);
  return { ...selected, scores: selectScores(shape, scores, selection), origins: [...stateMap], regrown: 0 };
}

async function pruneLayer({ runtime, parent, items, signal, timed }: Pruning): Promise<Pruned> {
  const { stateMap, ...smaller } = await timed('reconstruct', () => withoutLayer(runtime, parent, items, signal));
  return { ...smaller, scores: null, origins: [...stateMap], regrown: 0 };
}

/** Nothing goes where the job names no criterion. Throws evidence-invalid, shape-unsupported, trainer-failed, aborted. */
export async function prune(pruning: Pruning): Promise<Pruned> {
  const { job: { criterion, granularity = 'connection', regrow = 0 }, parent, timed } = pruning;
  if (criterion === null) return { shape: parent.shape, weights: parent.weights, mask: parent.mask, scores: null, origins: null, regrown: 0 };
  if (regrow > 0 && (granularity === 'unit' || granularity === 'layer')) throw new EspalierError('trainer-failed', `Nothing can come back of a ${granularity}.`);
  if (granularity === 'layer') return pruneLayer(pruning);
  const found = await timed('score', () => scored(pruning, criterion));
  return granularity === 'unit' ? pruneUnits(pruning, found) : pruneConnections(pruning, found);
}
