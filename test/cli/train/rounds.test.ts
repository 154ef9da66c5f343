// Goal: training stops when the validation part says so, and what comes out is the best round. Method: a trainer that answers with accuracies from a list, and the jobs that it was given.
import type { Observable } from 'rxjs';
import { of, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { memoryVault } from '../../../src/adapters/vault/memory.ts';
import { untrained } from '../../../src/cli/data/dense.ts';
import type { Round, Trained } from '../../../src/cli/train/rounds.ts';
import { epochOf, trainInRounds } from '../../../src/cli/train/rounds.ts';
import { EspalierError } from '../../../src/errors.ts';
import type { ReplayItem } from '../../../src/evidence/replay.ts';
import type { Trainer } from '../../../src/ports.ts';
import type { CandidateReport, TuningJob, TuningNews } from '../../../src/pruning/job.ts';

const DRAFT = untrained({ tokenizer: { kind: 'words', words: ['a'], suffixes: [], foldCase: false }, labels: ['x', 'y'] }, { cell: 'lstm', inputs: 2, layers: [3], task: 'classify', state: 'reset' }, 1);
const ITEMS: readonly ReplayItem[] = Array.from({ length: 100 }, (_, at) => ({ id: `1.${at}`, inputs: Int32Array.of(0), targets: Int32Array.of(at % 2) }));

const reportOf = (accuracy: number, loss: number, steps: number): CandidateReport => ({
  accuracy, loss, agreement: null, parentAccuracy: 0, prunedAccuracy: null, heldOutSteps: 10, parity: 0, density: 1, densities: [], structuralCost: 0, weightCost: 0, bytes: 1, steps, seconds: 1,
});

type Answer = readonly [accuracy: number, loss: number] | Observable<TuningNews>;

interface Played { readonly trained: Trained; readonly jobs: readonly TuningJob[]; readonly heard: readonly Round[] }

/** Plays a list of answers; the n-th model is named model-n. Every job takes `jobSeconds`. */
async function play(answers: readonly Answer[], plan: { readonly epochs?: number; readonly secondsMax?: number; readonly jobSeconds?: number } = {}, interrupted: AbortSignal = new AbortController().signal): Promise<Played> {
  const jobs: TuningJob[] = [], heard: Round[] = [];
  let now = 0;
  const trainer: Trainer = {
    tune: (job) => {
      jobs.push(job);
      now += 1000 * (plan.jobSeconds ?? 1);
      const answer = answers[jobs.length - 1]!;
      if (!Array.isArray(answer)) return answer as Observable<TuningNews>;
      const [accuracy, loss] = answer as readonly [number, number];
      return of({ kind: 'candidate', candidate: { job: job.id, model: `model-${jobs.length}`, report: reportOf(accuracy, loss, job.training.steps) } });
    },
    close: () => Promise.resolve(),
  };
  const trained = await trainInRounds({ trainer, vault: memoryVault(), clock: { monotonicMs: () => now } }, DRAFT, ITEMS,
    { epochs: plan.epochs ?? 30, secondsMax: plan.secondsMax ?? 1000, seed: 7, validationShare: 0.1, errorMax: 0.1 }, { news: () => undefined, round: (round) => { heard.push(round); } }, interrupted);
  return { trained, jobs, heard };
}

describe('training in rounds', () => {
  it('ends after two rounds that are no better, with the best model; both started from it, at half the rate each', async () => {
    const { trained, jobs, heard } = await play([[0.5, 1], [0.7, 0.8], [0.7, 0.9], [0.6, 0.5]]);
    expect(trained).toMatchObject({ best: 'model-2', bestRound: 2, why: 'no better', rounds: heard });
    expect(heard.map(({ better }) => better)).toEqual([true, true, false, false]);
    expect(jobs.slice(1).map(({ parent }) => parent)).toEqual(['model-1', 'model-2', 'model-2']);
    expect(jobs.map(({ training }) => training.learningRate / jobs[0]!.training.learningRate)).toEqual([1, 1, 1, 0.5]);
    expect(new Set(jobs.map(({ seed }) => seed)).size).toBe(4);
    expect(jobs.every(({ teacher, criterion, training }) => teacher === null && criterion === null && training.labelShare === 1 && training.heldOut === 0.1)).toBe(true);
  });

  it('takes the surer of two that are as accurate, and forgives a round that another makes good', async () => {
    const { trained } = await play([[0.5, 1], [0.5, 0.9], [0.4, 1], [0.6, 1], [0.6, 1], [0.6, 1]]);
    expect(trained).toMatchObject({ best: 'model-4', why: 'no better' });
  });

  it('goes through the data no more often than it may', async () => {
    const { trained, jobs } = await play(Array.from({ length: 9 }, (_, at) => [at / 10, 1] as const), { epochs: 25 });
    const { steps } = epochOf(ITEMS.slice(0, 90), DRAFT.shape);
    expect(trained).toMatchObject({ best: 'model-9', why: 'epochs' });
    expect(trained.rounds.map(({ epochs }) => epochs)).toEqual([3, 3, 3, 3, 3, 3, 3, 3, 1]);
    expect(jobs[0]!.training.steps / jobs[8]!.training.steps).toBe(3);
    expect(Math.abs(jobs[8]!.training.steps - steps)).toBeLessThanOrEqual(2);
  });

  it('ends when the time is over, and tells each job what is left', async () => {
    const { trained, jobs } = await play([[0.1, 1], [0.2, 1], [0.3, 1]], { secondsMax: 10, jobSeconds: 4 });
    expect(trained).toMatchObject({ best: 'model-3', why: 'minutes' });
    expect(jobs.map(({ training }) => training.secondsMax)).toEqual([10, 6, 2]);
  });

  it('ends with the best so far where it is interrupted, and with an error where there is none', async () => {
    const interrupted = AbortSignal.abort();
    const gone = throwError(() => new EspalierError('aborted'));
    expect((await play([[0.5, 1], gone], {}, interrupted)).trained).toMatchObject({ best: 'model-1', why: 'interrupted' });
    await expect(play([gone], {}, interrupted)).rejects.toMatchObject({ code: 'aborted' });
    // The training process heard of it first.
    expect((await play([[0.5, 1], gone])).trained).toMatchObject({ best: 'model-1', why: 'interrupted' });
  });

  it('passes on what fails, also after a round', async () => {
    await expect(play([[0.5, 1], throwError(() => new EspalierError('trainer-crashed', 'gone'))])).rejects.toMatchObject({ code: 'trainer-crashed' });
  });
});

it('small data get fewer lanes rather than few steps', () => {
  const items = (count: number, steps: number): readonly ReplayItem[] => Array.from({ length: count }, (_, at) => ({ id: `${at}`, inputs: new Int32Array(steps), targets: null }));
  expect(epochOf(items(6400, 5), DRAFT.shape)).toEqual({ lanes: 64, steps: 100 });
  expect(epochOf(items(64, 5), DRAFT.shape)).toEqual({ lanes: 4, steps: 16 });
  expect(epochOf(items(2, 5), DRAFT.shape)).toEqual({ lanes: 2, steps: 1 });
  // Three numbers are one step of a frame.
  expect(epochOf([{ id: 'a', inputs: new Float32Array(3 * 240), targets: null }], { ...DRAFT.shape, vocabulary: 0, inputs: 3, task: 'tag', state: 'carry' })).toEqual({ lanes: 1, steps: 10 });
  // 240 steps of time are ten windows.
  expect(epochOf(items(640, 240), { ...DRAFT.shape, task: 'tag', state: 'carry' })).toEqual({ lanes: 64, steps: 100 });
});
