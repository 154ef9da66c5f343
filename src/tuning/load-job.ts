/** What a job refers to, out of the vault and checked. */
import { EspalierError } from '../errors.ts';
import type { Moments } from '../evidence/moments.ts';
import { decodeMoments, mergeMoments } from '../evidence/moments.ts';
import type { ReplayItem } from '../evidence/replay.ts';
import { decodeReplay, mergeReplay } from '../evidence/replay.ts';
import { decodeArtifact } from '../model/artifact.ts';
import { stepsOf } from '../model/cell.ts';
import type { Model } from '../model/model.ts';
import { layerShapes } from '../model/shape.ts';
import type { Vault } from '../ports.ts';
import type { TuningJob } from '../pruning/job.ts';
import { stepwise } from './batches.ts';
import { sha256 } from './sha256.ts';

export interface LoadedJob {
  readonly parent: Model;
  readonly teacher: Model | null;
  readonly items: readonly ReplayItem[];
  /** Of the parent, by index of the layer; null where the job brings none. */
  readonly moments: readonly (Moments | null)[];
}

/** Inputs of the model's kind, token and label ids within the model, one label for each answer. Throws evidence-invalid. */
export function checkItems({ shape }: Pick<Model, 'shape'>, items: readonly ReplayItem[]): void {
  for (const { id, inputs, targets } of items) {
    const steps = stepsOf(shape, inputs);
    const refuse = (what: string): never => { throw new EspalierError('evidence-invalid', `Replay item ${JSON.stringify(id.slice(0, 60))}: ${what}.`); };
    if (inputs.length === 0) refuse('it is empty');
    if (shape.vocabulary > 0 !== inputs instanceof Int32Array || !Number.isInteger(steps)) refuse('it is not of the kind that the model reads');
    if (shape.vocabulary > 0 && inputs.some((token) => token < 0 || token >= shape.vocabulary)) refuse('a token lies outside the vocabulary');
    if (targets === null) continue;
    if (targets instanceof Float32Array !== (shape.task === 'regress')) refuse('its labels are not of the kind that the model answers with');
    if (targets.length !== (shape.task === 'regress' ? shape.outputs : stepwise(shape) ? steps : 1)) refuse('it has another number of labels than answers');
    if (shape.task === 'regress') continue;
    if (targets.some((target) => target < -1 || target >= shape.outputs)) refuse('a label lies outside the outputs');
  }
}

function checkTeacher(parent: Model, teacher: Model): void {
  const fields = ['task', 'state', 'vocabulary', 'outputs', ...(parent.shape.vocabulary === 0 ? ['inputs'] as const : [])] as const;
  for (const field of fields) {
    if (teacher.shape[field] !== parent.shape[field]) throw new EspalierError('trainer-failed', `The teacher has another ${field} than the parent: ${teacher.shape[field]}, not ${parent.shape[field]}.`);
  }
}

/** Throws vault-missing, vault-altered, the codes of `decodeArtifact`, evidence-invalid, trainer-failed. */
export async function loadJob(job: TuningJob, vault: Vault): Promise<LoadedJob> {
  const model = async (ref: string): Promise<Model> => {
    const loaded = decodeArtifact(await vault.get(ref), sha256);
    if (loaded.id !== ref) throw new EspalierError('artifact-altered', `Asked for ${ref}.`);
    return loaded;
  };
  const parent = await model(job.parent);
  const teacher = job.teacher === null ? null : job.teacher === job.parent ? parent : await model(job.teacher);
  if (teacher !== null) checkTeacher(parent, teacher);
  let items: readonly ReplayItem[] = [];
  for (const ref of job.replay) items = mergeReplay(items, decodeReplay(await vault.get(ref)), Infinity);
  checkItems(parent, items);
  const moments: (Moments | null)[] = layerShapes(parent.shape).map(() => null);
  for (const ref of job.moments) {
    const next = decodeMoments(await vault.get(ref));
    if (next.model !== parent.id) throw new EspalierError('evidence-invalid', `The moments are of ${next.model}, the parent is ${parent.id}.`);
    const held = moments[next.layer];
    if (held === undefined) throw new EspalierError('evidence-invalid', `The moments are of layer ${next.layer}, the parent has ${moments.length}.`);
    moments[next.layer] = held === null ? next : mergeMoments(held, next);
  }
  return { parent, teacher, items, moments };
}
