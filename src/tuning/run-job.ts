/**
 * One tuning job from the vault to a candidate in the vault:
 * load - score - choose - reconstruct - train - examine - parity - store.
 */
import { EspalierError } from '../errors.ts';
import { encodeArtifact } from '../model/artifact.ts';
import { densityOfMask } from '../model/mask.ts';
import type { Model, ModelDraft } from '../model/model.ts';
import type { Mask, Weights } from '../model/shape.ts';
import { layerShapes } from '../model/shape.ts';
import type { Clock, Engine, Vault } from '../ports.ts';
import { structuralCost, weightCost } from '../pruning/cost.ts';
import { layerDensity } from '../pruning/density.ts';
import type { Candidate, Device, TuningJob, TuningNews } from '../pruning/job.ts';
import { randomFrom } from '../support/random.ts';
import { score } from './cut.ts';
import { examine, splitItems } from './examine.ts';
import { fineTune } from './fine-tune.ts';
import { loadJob } from './load-job.ts';
import type { Runtime } from './ops.ts';
import { openRuntime } from './ops.ts';
import type { Network } from './parameters.ts';
import { checkParity } from './parity.ts';
import type { Pruned, Timed } from './prune-job.ts';
import { prune } from './prune-job.ts';
import { sha256 } from './sha256.ts';

export interface JobContext {
  readonly vault: Vault;
  /** The engine that serves, for the comparison before a candidate leaves. */
  readonly engine: Engine;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** What the machine has of GPU, driver and libraries; nothing where left out. */
  readonly machine?: Omit<Device, 'device' | 'tensorflow'>;
  readonly say: (news: TuningNews) => void;
  readonly signal: AbortSignal;
}

function draftOf(job: TuningJob, parent: Model, { shape, origins }: Pruned, weights: Weights, mask: Mask): ModelDraft {
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

async function run(job: TuningJob, context: JobContext): Promise<Candidate> {
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
  const { parent, teacher, items, moments } = await timed('load', () => loadJob(job, vault));
  const { training, heldOut } = splitItems(items, job.training.heldOut);
  if (training.length === 0 || heldOut.length === 0) throw new EspalierError('trainer-failed', `The replay sample gives ${training.length} items to train on and ${heldOut.length} to examine.`);
  const lookAt = (model: Network, other: Network | null) => examine(runtime, model, other, heldOut, signal, job.training.errorMax);
  const before = await lookAt(parent, null);
  const pruned = await prune({ runtime, job, parent, teacher, live: moments, items: training, signal, timed });
  const { shape } = pruned, start: Network = { shape, weights: pruned.weights };
  const prunedAccuracy = job.criterion === null ? null : (await lookAt(start, null)).accuracy;
  const tuned = await timed('train', () => fineTune(runtime, { start, mask: pruned.mask, teacher, items: training, plan: job.training, seed: job.seed, clock, signal, say }));
  const after = await timed('examine', () => lookAt({ shape, weights: tuned.weights }, teacher));
  const draft = draftOf(job, parent, pruned, tuned.weights, tuned.mask);
  const { id, bytes } = encodeArtifact(draft, sha256);
  const parity = await timed('parity', () => checkParity(runtime, engine, { ...draft, id }, heldOut, signal));
  await timed('store', () => vault.put(bytes));
  const magnitudes = pruned.scores ?? score({ shape, weights: tuned.weights }, tuned.mask, 'magnitude', null, randomFrom(job.seed));
  return {
    job: job.id,
    model: id,
    report: {
      accuracy: after.accuracy, loss: after.loss, agreement: after.agreement, parentAccuracy: before.accuracy, prunedAccuracy, heldOutSteps: after.labelled, parity,
      density: draft.lineage.density, granularity: job.granularity ?? 'connection', layers: shape.layers, parentLayers: parent.shape.layers, regrown: pruned.regrown, densities: tuned.mask.map((layer, at) => layerDensity(shape, layer, at)),
      ...costsOf(shape, tuned.weights, magnitudes, tuned.mask),
      bytes: bytes.length, steps: tuned.steps, seconds: (clock.monotonicMs() - began) / 1000,
    },
  };
}

/**
 * Runs a job to its candidate, which is in the vault then. Throws the codes of `loadJob`, evidence-invalid,
 * trainer-unavailable, gpu-missing, trainer-failed (also for whatever TensorFlow reports), parity-failed, engine-mismatch,
 * storage-full, storage-failed, aborted.
 */
export async function runJob(job: TuningJob, context: JobContext): Promise<Candidate> {
  try {
    return await run(job, context);
  } catch (error) {
    if (error instanceof EspalierError) throw error;
    throw new EspalierError('trainer-failed', error instanceof Error ? error.message : String(error), error);
  }
}
