/** The dense model before the circle starts: trained on the first genres by the same training process that tunes later. */
import { encodeReplay } from '../../evidence/replay.ts';
import type { Model, ModelDraft } from '../../model/model.ts';
import type { ModelShape } from '../../model/shape.ts';
import type { Candidate, TuningNews } from '../../pruning/job.ts';
import type { Trainer, Vault } from '../../ports.ts';
import type { Models } from '../compose/models.ts';
import { runToCandidate, untrained } from '../data/dense.ts';
import { itemsOf } from '../data/items.ts';
import type { DemoCorpus } from './corpus.ts';
import type { DemoPlan } from './plan.ts';
import { INPUTS } from './plan.ts';

/** What of the shape may be another than one layer of LSTM. */
type Form = Partial<Pick<ModelShape, 'cell' | 'layers'>>;

/** The untrained model of the demonstration. */
const untrainedFor = (corpus: DemoCorpus, { options: { units, seed } }: DemoPlan, form: Form): ModelDraft =>
  untrained(corpus, { cell: 'lstm', inputs: INPUTS, layers: [units], task: corpus.task, state: corpus.task === 'tag' ? 'carry' : 'reset', ...form }, seed);

export interface DensePorts { readonly trainer: Trainer; readonly vault: Vault; readonly models: Models }

/** Trains the dense model. @returns the model, the report of its training, and where its data are in the vault */
export async function trainDense(ports: DensePorts, corpus: DemoCorpus, plan: DemoPlan, heard: (news: TuningNews) => void, form: Form = {}): Promise<{ readonly model: Model; readonly candidate: Candidate; readonly data: string }> {
  const draft = untrainedFor(corpus, plan, form);
  const start = await ports.models.store(draft);
  const data = await ports.vault.put(encodeReplay(itemsOf(corpus, corpus.training, draft.shape.state === 'carry')));
  const candidate = await runToCandidate(ports.trainer, {
    id: 'dense', cycle: 0, seed: plan.options.seed, parent: start.id, teacher: null, anchor: null, replay: [data], moments: [], density: 1, criterion: null,
    scope: 'network', reconstruct: false, training: plan.denseTraining, trainedOn: `${corpus.name}: ${corpus.training.length} sessions of the first genres`,
  }, heard);
  ports.models.forget(start.id);
  return { model: await ports.models.load(candidate.model), candidate, data };
}
