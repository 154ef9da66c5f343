/**
 * Training with an early stop: jobs of some epochs each, every one examined on the validation part. A round starts from
 * the best model so far, with Adam and the cosine decay begun anew (warm restarts: Loshchilov & Hutter 2017), so each
 * is judged by a model whose rate has come down. A round that is no better is thrown away and halves the rate; two in
 * succession end the training.
 */
import { sha256 } from '../../adapters/digest.ts';
import { EspalierError, codeOf } from '../../errors.ts';
import type { ReplayItem } from '../../evidence/replay.ts';
import { encodeReplay } from '../../evidence/replay.ts';
import { encodeArtifact } from '../../model/artifact.ts';
import { stepsOf } from '../../model/cell.ts';
import type { ModelDraft, ModelId } from '../../model/model.ts';
import type { ModelShape } from '../../model/shape.ts';
import type { Clock, Trainer, Vault } from '../../ports.ts';
import type { CandidateReport, TrainingPlan, TuningNews } from '../../pruning/job.ts';
import { goesOnBetween } from '../../tuning/batches.ts';
import { splitItems } from '../../tuning/examine.ts';
import { runToCandidate } from '../data/dense.ts';

export interface RoundsPlan {
  /** Times that the training part is gone through, at most. */
  readonly epochs: number;
  /** Wall-clock bound, seconds. */
  readonly secondsMax: number;
  readonly seed: number;
  /** Share of the items that each job sets aside: the validation part. */
  readonly validationShare: number;
  /** regress: largest error of a number that counts as right. */
  readonly errorMax: number;
}

export interface Round {
  readonly round: number;
  readonly epochs: number;
  readonly learningRate: number;
  /** On the validation part. */
  readonly accuracy: number;
  readonly loss: number;
  readonly steps: number;
  readonly seconds: number;
  /** Whether it is the best so far. */
  readonly better: boolean;
}

export interface Trained {
  /** In the vault. */
  readonly best: ModelId;
  readonly bestRound: number;
  readonly rounds: readonly Round[];
  readonly why: 'no better' | 'epochs' | 'minutes' | 'interrupted';
}

export interface RoundsPorts { readonly trainer: Trainer; readonly vault: Vault; readonly clock: Pick<Clock, 'monotonicMs'> }

export interface Heard {
  readonly news: (round: number, news: TuningNews) => void;
  readonly round: (round: Round) => void;
}

const ROUNDS = 10, PATIENCE = 2;
const RATE = 4e-3, LANES_MAX = 64, LANES_MIN = 4, WINDOW = 24, WINDOW_NEXT = 64, DROPOUT = 0.4, DROPOUT_NEXT = 0.1, DROPOUT_FRAMES = 0.2;
/** Optimizer steps of an epoch that are aimed at: small data get fewer lanes rather than few steps. */
const STEPS_OF_EPOCH = 16;
/** Less than this is not worth the beginning of another round. */
const SECONDS_MIN = 1;

/** A language model looks further back. */
const windowOf = ({ task }: ModelShape): number => (task === 'next' ? WINDOW_NEXT : WINDOW);

/** Few labelled words are learnt by heart; a text of a million characters is not. Of numbers drop-out blurs the answer itself: R² of sums of frames 0.996 without, 0.944 at 0.2. */
const dropoutOf = ({ task, vocabulary }: ModelShape): number => (task === 'regress' ? 0 : task === 'next' ? DROPOUT_NEXT : vocabulary > 0 ? DROPOUT : DROPOUT_FRAMES);

/** Lanes, and the optimizer steps that go once through the items. */
export function epochOf(items: readonly ReplayItem[], shape: ModelShape): { readonly lanes: number; readonly steps: number } {
  const pieces = goesOnBetween(shape) ? items.reduce((sum, { inputs }) => sum + Math.ceil(stepsOf(shape, inputs) / windowOf(shape)), 0) : items.length;
  const lanes = Math.max(1, Math.min(LANES_MAX, items.length, Math.max(LANES_MIN, Math.floor(pieces / STEPS_OF_EPOCH))));
  return { lanes, steps: Math.ceil(pieces / lanes) };
}

type Judged = Pick<CandidateReport, 'accuracy' | 'loss'>;

/** Labels: accuracy first, and of two with the same the surer one. Tokens and numbers: the loss. */
const isBetter = ({ task }: ModelShape, a: Judged, b: Judged): boolean =>
  (task === 'next' || task === 'regress' ? a.loss < b.loss : a.accuracy > b.accuracy || (a.accuracy === b.accuracy && a.loss < b.loss));

/** Trains a model on items, of which it sets the validation part aside. Throws the trainer's errors, and aborted where there is no model yet. */
export async function trainInRounds({ trainer, vault, clock }: RoundsPorts, draft: ModelDraft, items: readonly ReplayItem[], plan: RoundsPlan, heard: Heard, interrupted: AbortSignal): Promise<Trained> {
  const began = clock.monotonicMs();
  const left = (): number => plan.secondsMax - (clock.monotonicMs() - began) / 1000;
  const { lanes, steps } = epochOf(splitItems(items, plan.validationShare).training, draft.shape);
  const replay = [await vault.put(encodeReplay(items))];
  let parent = await vault.put(encodeArtifact(draft, sha256).bytes);
  let best: { readonly model: ModelId; readonly report: CandidateReport; readonly round: number } | null = null;
  const rounds: Round[] = [];
  const ended = (why: Trained['why']): Trained => ({ best: best!.model, bestRound: best!.round, rounds, why });
  for (let done = 0, misses = 0, learningRate = RATE; ;) {
    const round = rounds.length + 1;
    const epochs = Math.min(Math.max(1, Math.ceil(plan.epochs / ROUNDS)), plan.epochs - done);
    const training: TrainingPlan = { steps: epochs * steps, lanes, window: windowOf(draft.shape), learningRate, labelShare: 1, temperature: 1, dropout: dropoutOf(draft.shape), heldOut: plan.validationShare, secondsMax: Math.max(SECONDS_MIN, left()), errorMax: plan.errorMax };
    let report: CandidateReport;
    try {
      const candidate = await runToCandidate(trainer, {
        id: `round ${round}`, cycle: 0, seed: plan.seed + round, parent, teacher: null, anchor: null, replay, moments: [], density: 1, criterion: null, scope: 'network', reconstruct: false,
        training, trainedOn: `round ${round}`,
      }, (news) => { heard.news(round, news); });
      ({ report } = candidate);
      const better = best === null || isBetter(draft.shape, report, best.report);
      if (better) {
        best = { model: candidate.model, report, round };
        parent = candidate.model;
      }
      misses = better ? 0 : misses + 1;
      if (!better) learningRate /= 2;
      rounds.push({ round, epochs, learningRate: training.learningRate, accuracy: report.accuracy, loss: report.loss, steps: report.steps, seconds: report.seconds, better });
      heard.round(rounds.at(-1)!);
    } catch (error) {
      // A SIGTERM to the whole group ends the training process too, and its end may be heard before the signal is.
      if (!interrupted.aborted && codeOf(error) !== 'aborted') throw error;
      if (best === null) throw new EspalierError('aborted', 'There was no model yet.', error);
      return ended('interrupted');
    }
    done += epochs;
    if (misses >= PATIENCE) return ended('no better');
    if (done >= plan.epochs) return ended('epochs');
    if (left() < SECONDS_MIN) return ended('minutes');
  }
}
