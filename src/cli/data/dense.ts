/** What a first training begins with, and how one of its jobs is run. */
import { lastValueFrom, tap } from 'rxjs';
import { EspalierError } from '../../errors.ts';
import { initialWeights } from '../../model/initial.ts';
import { fullMask } from '../../model/mask.ts';
import type { ModelDraft } from '../../model/model.ts';
import type { ModelShape } from '../../model/shape.ts';
import { vocabularyOf } from '../../model/tokenize.ts';
import type { Trainer } from '../../ports.ts';
import type { Candidate, TuningJob, TuningNews } from '../../pruning/job.ts';
import { randomFrom } from '../../support/random.ts';
import type { Vocabulary } from './items.ts';

/** Everything of a shape that the data do not say. */
export type OwnShape = Omit<ModelShape, 'vocabulary' | 'outputs'>;

/** A dense network before any training. Throws shape-unsupported. @param outputs where answers are not labels: tokens or numbers */
export function untrained({ tokenizer, labels, outputs = labels.length }: Vocabulary & { readonly outputs?: number }, own: OwnShape, seed: number): ModelDraft {
  const shape: ModelShape = { ...own, vocabulary: vocabularyOf(tokenizer), outputs };
  return {
    shape, weights: initialWeights(shape, randomFrom(seed)), mask: fullMask(shape), tokenizer, labels,
    lineage: { parent: null, anchor: null, cycle: 0, density: 1, criterion: null, seed, trainedOn: 'nothing' },
  };
}

/** Runs one job to its candidate. Throws the trainer's errors; trainer-failed where it ends without one. */
export async function runToCandidate(trainer: Trainer, job: TuningJob, heard: (news: TuningNews) => void): Promise<Candidate> {
  const last = await lastValueFrom(trainer.tune(job).pipe(tap(heard)), { defaultValue: null });
  if (last?.kind !== 'candidate') throw new EspalierError('trainer-failed', `Job ${job.id} ended without a model.`);
  return last.candidate;
}
