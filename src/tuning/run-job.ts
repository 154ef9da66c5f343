/**
 * One tuning job from the vault to a candidate in the vault:
 * load - score - choose - reconstruct - train - examine - parity - store.
 *
 * Where there is a workbench, a job that was killed goes on from its last checkpoint when it is given again.
 */
import { EspalierError, codeOf } from '../errors.ts';
import type { ReplayItem } from '../evidence/replay.ts';
import { encodeArtifact } from '../model/artifact.ts';
import { densityOfMask } from '../model/mask.ts';
import type { Model, ModelDraft } from '../model/model.ts';
import type { Mask, Weights } from '../model/shape.ts';
import { layerShapes } from '../model/shape.ts';
import type { Clock, Engine, Vault, Workbench } from '../ports.ts';
import { structuralCost, weightCost } from '../pruning/cost.ts';
import { layerDensity } from '../pruning/density.ts';
import type { Candidate, CandidateReport, Device, TuningJob, TuningNews } from '../pruning/job.ts';
import { randomFrom } from '../support/random.ts';
import type { Begun, Checkpoint } from './checkpoint.ts';
import { decodeCheckpoint, encodeCheckpoint, workName } from './checkpoint.ts';
import { applyMask, score } from './cut.ts';
import { examine, splitItems } from './examine.ts';
import type { FineTuned } from './fine-tune.ts';
import { fineTune } from './fine-tune.ts';
import type { LoadedJob } from './load-job.ts';
import { loadJob } from './load-job.ts';
import type { Runtime } from './ops.ts';
import { openRuntime } from './ops.ts';
import { weightsOfRecord } from './parameters.ts';
import { checkParity } from './parity.ts';
import type { Pruned, Timed } from './prune-job.ts';
import { prune } from './prune-job.ts';
import { sha256 } from './sha256.ts';

export interface JobContext {
  readonly vault: Vault;
  /** The engine that serves, for the comparison before a candidate leaves. */
  readonly engine: Engine;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Where unfinished work is kept, and how often; none where left out. */
  readonly workbench?: { readonly of: Workbench; readonly everyMs: number } | null;
  /** What the machine has of GPU, driver and libraries; nothing where left out. */
  readonly machine?: Omit<Device, 'device' | 'tensorflow'>;
  readonly say: (news: TuningNews) => void;
  readonly signal: AbortSignal;
}

function draftOf(job: TuningJob, parent: Model, { shape, origins }: Pick<Pruned, 'shape' | 'origins'>, weights: Weights, mask: Mask): ModelDraft {
  const { tokenizer, labels } = parent;
  return { shape, weights, mask, tokenizer, labels, lineage: { parent: parent.id, anchor: job.anchor, cycle: job.cycle, density: densityOfMask(mask), criterion: job.criterion ?? parent.lineage.criterion, seed: job.seed, trainedOn: job.trainedOn, ...(origins === null ? {} : { origins }) } };
}

/** C(S) and C(W) summed over the layers. */
function costsOf(shape: Model['shape'], { layers }: Weights, scores: readonly Float64Array[], mask: Mask): Pick<Candidate['report'], 'structuralCost' | 'weightCost'> {
  let structural = 0, weight = 0;
  for (const { index, units } of layerShapes(shape)) {
    structural += structuralCost(layers[index]!.kernel, scores[index]!, mask[index]!, units);
    weight += weightCost(layers[index]!.kernel);
  }
  return { structuralCost: structural, weightCost: weight };
}

const NO_GPU = { gpu: null, driver: null, cuda: null, cudnn: null };

/** Says where it is computed. Throws gpu-missing. */
function chooseDevice(job: TuningJob, { tf }: Runtime, { machine = NO_GPU, say }: JobContext): void {
  const device: Device = { device: tf.device, tensorflow: tf.version, ...machine };
  say({ kind: 'device', device });
  if (job.device !== 'gpu' || tf.device === 'gpu') return;
  const found = machine.gpu === null && machine.driver === null ? 'no GPU was found' : `the machine has ${machine.gpu ?? 'a GPU'} (driver ${machine.driver ?? 'unknown'})`;
  throw new EspalierError('gpu-missing', `TensorFlow ${tf.version} computes on the CPU; ${found}, ${machine.cuda === null ? 'and the set-up brought no GPU libraries' : `the set-up brought CUDA ${machine.cuda}`}.`);
}

interface Work {
  readonly job: TuningJob;
  readonly context: JobContext;
  readonly runtime: Runtime;
  readonly loaded: LoadedJob;
  readonly training: readonly ReplayItem[];
  readonly heldOut: readonly ReplayItem[];
  readonly timed: Timed;
}

/** Everything before training, and the weights that it starts from. */
async function begin({ job, context: { signal, clock }, runtime, loaded: { parent, teacher, moments }, training, heldOut, timed }: Work): Promise<Begun & { readonly weights: Weights }> {
  const began = clock.monotonicMs(), { errorMax, shrink = 0, steps } = job.training;
  const { accuracy: parentAccuracy } = await examine(runtime, parent, null, heldOut, signal, errorMax);
  const shrinking = shrink > 0 && steps > 0 && job.criterion !== null;
  if (shrinking && ((job.regrow ?? 0) > 0 || job.granularity === 'unit' || job.granularity === 'layer')) throw new EspalierError('trainer-failed', 'Only connections and groups of four shrink, and none that come back.');
  const { weights, ...pruned } = await prune({ runtime, job: shrinking ? { ...job, reconstruct: false } : job, parent, teacher, live: moments, items: training, signal, timed });
  const { shape, mask } = pruned;
  const left = shrinking ? applyMask(parent, mask) : weights;
  const prunedAccuracy = job.criterion === null ? null : (await examine(runtime, { shape, weights: left }, null, heldOut, signal, errorMax)).accuracy;
  return {
    ...pruned, ...(shrinking ? { mask: parent.mask, shrinkTo: mask, weights: parent.weights } : { shrinkTo: null, weights }),
    parentAccuracy, prunedAccuracy, seconds: (clock.monotonicMs() - began) / 1000,
  };
}

/** Prunes and trains, or goes on where the work was left. */
async function train(work: Work, name: string): Promise<{ readonly begun: Begun; readonly tuned: FineTuned; readonly resumedAt: number | null }> {
  const { job, context: { workbench = null, clock, say, signal }, runtime, loaded: { parent, teacher }, training: items, heldOut, timed } = work, { training: plan, seed } = job;
  const bytes = workbench === null ? null : await workbench.of.read(name), left: Checkpoint | null = bytes === null ? null : decodeCheckpoint(bytes, parent.shape);
  if (left !== null) say({ kind: 'resumed', step: left.training.step, steps: plan.steps });
  const { weights, ...begun } = left === null ? await begin(work) : { ...left.begun, weights: weightsOfRecord(left.begun.shape, left.training.optimizer.values) };
  const shrink = begun.shrinkTo === null ? {} : { shrink: { to: begun.shrinkTo, steps: Math.max(1, Math.round(plan.shrink! * plan.steps)) } };
  const checkpoints = workbench === null ? {} : { checkpoints: { everyMs: workbench.everyMs, write: (training: Checkpoint['training']) => workbench.of.write(name, encodeCheckpoint({ begun, training })) } };
  const tuned = await timed('train', () => fineTune(runtime, { start: { shape: begun.shape, weights }, mask: begun.mask, teacher, items, heldOut, plan, seed, clock, signal, say, from: left?.training ?? null, ...shrink, ...checkpoints }));
  return { begun, tuned, resumedAt: left?.training.step ?? null };
}

const trainingReport = ({ rate, probed, bestStep, ended, steps }: FineTuned): Pick<CandidateReport, 'steps' | 'learningRate' | 'probed' | 'bestStep' | 'trainingEnded'> =>
  ({ steps, learningRate: rate, ...(probed.length === 0 ? {} : { probed }), bestStep, trainingEnded: ended });

async function run(job: TuningJob, context: JobContext, name: string): Promise<Candidate> {
  const { vault, engine, clock, say, signal } = context;
  const began = clock.monotonicMs();
  const timed: Timed = async (stage, work) => {
    const start = clock.monotonicMs();
    const result = await work();
    say({ kind: 'stage', stage, ms: clock.monotonicMs() - start });
    return result;
  };
  const runtime = openRuntime();
  chooseDevice(job, runtime, context);
  const loaded = await timed('load', () => loadJob(job, vault)), { parent, teacher } = loaded;
  const { training, heldOut } = splitItems(loaded.items, job.training.heldOut);
  if (training.length === 0 || heldOut.length === 0) throw new EspalierError('trainer-failed', `The replay sample gives ${training.length} items to train on and ${heldOut.length} to examine.`);
  const { begun, tuned, resumedAt } = await train({ job, context, runtime, loaded, training, heldOut, timed }, name);
  const { shape } = begun, draft = draftOf(job, parent, begun, tuned.weights, tuned.mask);
  const after = await timed('examine', () => examine(runtime, draft, teacher, heldOut, signal, job.training.errorMax));
  const { id, bytes } = encodeArtifact(draft, sha256);
  const parity = await timed('parity', () => checkParity(runtime, engine, { ...draft, id }, heldOut, signal));
  await timed('store', () => vault.put(bytes));
  const magnitudes = begun.scores ?? score(draft, tuned.mask, 'magnitude', null, randomFrom(job.seed));
  return {
    job: job.id,
    model: id,
    report: {
      accuracy: after.accuracy, loss: after.loss, agreement: after.agreement, parentAccuracy: begun.parentAccuracy, prunedAccuracy: begun.prunedAccuracy, heldOutSteps: after.labelled, parity,
      density: draft.lineage.density, granularity: job.granularity ?? 'connection', layers: shape.layers, parentLayers: parent.shape.layers, regrown: begun.regrown, densities: tuned.mask.map((layer, at) => layerDensity(shape, layer, at)),
      ...costsOf(shape, tuned.weights, magnitudes, tuned.mask),
      bytes: bytes.length, seconds: (clock.monotonicMs() - began) / 1000, ...trainingReport(tuned), ...(resumedAt === null ? {} : { resumedAt }),
    },
  };
}

/**
 * Runs a job to its candidate, which is in the vault then. Throws the codes of `loadJob`, evidence-invalid,
 * trainer-unavailable, gpu-missing, trainer-failed (also for whatever TensorFlow reports), parity-failed, engine-mismatch,
 * storage-full, storage-failed, aborted.
 */
export async function runJob(job: TuningJob, context: JobContext): Promise<Candidate> {
  const name = workName(job), clear = async (): Promise<void> => context.workbench?.of.remove(name);
  try {
    const candidate = await run(job, context, name);
    await clear();
    return candidate;
  } catch (error) {
    // What was called off may be given again; what failed would fail once more.
    if (codeOf(error) !== 'aborted') await clear().catch(() => undefined);
    if (error instanceof EspalierError) throw error;
    throw new EspalierError('trainer-failed', error instanceof Error ? error.message : String(error), error);
  }
}
