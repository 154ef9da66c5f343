/** The dense model before the circle starts: trained on the first genres by the same training process that tunes later. */
import { lastValueFrom, tap } from 'rxjs';
import { EspalierError } from '../../errors.ts';
import { encodeReplay } from '../../evidence/replay.ts';
import { initialWeights } from '../../model/initial.ts';
import { fullMask } from '../../model/mask.ts';
import type { Model, ModelDraft } from '../../model/model.ts';
import type { ModelShape } from '../../model/shape.ts';
import type { Candidate, TuningJob, TuningNews } from '../../pruning/job.ts';
import { randomFrom } from '../../support/random.ts';
import type { Trainer, Vault } from '../../ports.ts';
import type { Models } from '../compose/models.ts';
import type { DemoCorpus } from './corpus.ts';
import { itemsOf, vocabularySize } from './corpus.ts';
import type { DemoPlan } from './plan.ts';
import { INPUTS } from './plan.ts';

/** What of the shape may be another than one layer of LSTM. */
type Form = Partial<Pick<ModelShape, 'cell' | 'layers'>>;

/** The untrained model of the demonstration. */
export function untrained(corpus: DemoCorpus, plan: DemoPlan, form: Form = {}): ModelDraft {
  const shape: ModelShape = {
    cell: 'lstm', vocabulary: vocabularySize(corpus), inputs: INPUTS, layers: [plan.options.units], task: corpus.task, outputs: corpus.labels.length,
    state: corpus.task === 'tag' ? 'carry' : 'reset', ...form,
  };
  return {
    shape, weights: initialWeights(shape, randomFrom(plan.options.seed)), mask: fullMask(shape), tokenizer: corpus.tokenizer, labels: corpus.labels,
    lineage: { parent: null, anchor: null, cycle: 0, density: 1, criterion: null, seed: plan.options.seed, trainedOn: 'nothing' },
  };
}

/** Runs one job to its candidate. Throws the trainer's errors; trainer-failed where it ends without one. */
export async function runToCandidate(trainer: Trainer, job: TuningJob, heard: (news: TuningNews) => void): Promise<Candidate> {
  const last = await lastValueFrom(trainer.tune(job).pipe(tap(heard)), { defaultValue: null });
  if (last?.kind !== 'candidate') throw new EspalierError('trainer-failed', `Job ${job.id} ended without a model.`);
  return last.candidate;
}

export interface DensePorts { readonly trainer: Trainer; readonly vault: Vault; readonly models: Models }

/** Trains the dense model. @returns the model, the report of its training, and where its data are in the vault */
export async function trainDense(ports: DensePorts, corpus: DemoCorpus, plan: DemoPlan, heard: (news: TuningNews) => void, form: Form = {}): Promise<{ readonly model: Model; readonly candidate: Candidate; readonly data: string }> {
  const draft = untrained(corpus, plan, form);
  const start = await ports.models.store(draft);
  const data = await ports.vault.put(encodeReplay(itemsOf(corpus, corpus.training, draft.shape.state === 'carry')));
  const candidate = await runToCandidate(ports.trainer, {
    id: 'dense', cycle: 0, seed: plan.options.seed, parent: start.id, teacher: null, anchor: null, replay: [data], moments: [], density: 1, criterion: null,
    scope: 'network', reconstruct: false, training: plan.denseTraining, trainedOn: `${corpus.name}: ${corpus.training.length} sessions of the first genres`,
  }, heard);
  ports.models.forget(start.id);
  return { model: await ports.models.load(candidate.model), candidate, data };
}
