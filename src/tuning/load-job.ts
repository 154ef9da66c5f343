/** What a job refers to, out of the vault and checked. */
import { EspalierError } from '../errors.ts';
import type { Moments } from '../evidence/moments.ts';
import { decodeMoments, mergeMoments } from '../evidence/moments.ts';
import type { ReplayItem } from '../evidence/replay.ts';
import { decodeReplay, mergeReplay } from '../evidence/replay.ts';
import { decodeArtifact } from '../model/artifact.ts';
import type { Model } from '../model/model.ts';
import type { Vault } from '../ports.ts';
import type { TuningJob } from '../pruning/job.ts';
import { sha256 } from './sha256.ts';

export interface LoadedJob {
  readonly parent: Model;
  readonly teacher: Model | null;
  readonly items: readonly ReplayItem[];
  /** Of the parent; null where the job brings none. */
  readonly moments: Moments | null;
}

/** Token and label ids within the model, one label for each answer. Throws evidence-invalid. */
export function checkItems({ shape }: Pick<Model, 'shape'>, items: readonly ReplayItem[]): void {
  for (const { id, inputs, targets } of items) {
    const refuse = (what: string): never => { throw new EspalierError('evidence-invalid', `Replay item ${JSON.stringify(id.slice(0, 60))}: ${what}.`); };
    if (inputs.length === 0) refuse('it is empty');
    if (inputs.some((token) => token < 0 || token >= shape.vocabulary)) refuse('a token lies outside the vocabulary');
    if (targets === null) continue;
    if (targets.length !== (shape.task === 'tag' ? inputs.length : 1)) refuse('it has another number of labels than answers');
    if (targets.some((target) => target < -1 || target >= shape.outputs)) refuse('a label lies outside the outputs');
  }
}

function checkTeacher(parent: Model, teacher: Model): void {
  for (const field of ['task', 'state', 'vocabulary', 'outputs'] as const) {
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
  let moments: Moments | null = null;
  for (const ref of job.moments) {
    const next = decodeMoments(await vault.get(ref));
    if (next.model !== parent.id) throw new EspalierError('evidence-invalid', `The moments are of ${next.model}, the parent is ${parent.id}.`);
    moments = moments === null ? next : mergeMoments(moments, next);
  }
  return { parent, teacher, items, moments };
}
