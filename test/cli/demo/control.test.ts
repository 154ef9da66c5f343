// Goal: the dense rival has exactly the training of the champion's own line of descent. Method: a trainer that notes its jobs, fed with the facts of made-up cycles.
import type { Observable } from 'rxjs';
import { of, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { startControl } from '../../../src/cli/demo/control.ts';
import type { Control } from '../../../src/cli/demo/control.ts';
import { EspalierError } from '../../../src/errors.ts';
import { nextJob } from '../../../src/loop/next-job.ts';
import type { Trainer } from '../../../src/ports.ts';
import type { TuningJob, TuningNews } from '../../../src/pruning/job.ts';
import { TAKE, fact, fresh, policy, report } from '../../loop/support.ts';

/** Trains at once: the model of a job is its parent's name with the job's added. */
function notedTrainer(fails: (job: TuningJob) => boolean = () => false): { readonly trainer: Trainer; readonly jobs: TuningJob[] } {
  const jobs: TuningJob[] = [];
  return {
    jobs,
    trainer: {
      tune: (job): Observable<TuningNews> => {
        jobs.push(job);
        return fails(job) ? throwError(() => new EspalierError('trainer-crashed', 'on purpose')) : of({ kind: 'candidate', candidate: { job: job.id, model: `${job.parent}+${job.id}`, report: report({ steps: job.training.steps }) } });
      },
      close: () => Promise.resolve(),
    },
  };
}

/** One cycle as the loop tells of it: a job over `parent` of so many steps that gives `candidate`. */
function cycle(control: Control, number: number, parent: string, candidate: string, steps: number): void {
  const job: TuningJob = { ...nextJob(fresh(), policy, TAKE), id: `job-${number}`, cycle: number, parent, replay: [`replay-${number}`], density: 0.5, moments: ['m'] };
  control.hear(fact({ kind: 'ordered', order: { kind: 'tune', order: `tune-${number}`, deadline: 1, job } }));
  control.hear(fact({ kind: 'job-done', order: `tune-${number}`, candidate: { job: job.id, model: candidate, report: report({ steps }) } }));
}

describe('the dense rival', () => {
  it('follows the champion from promotion to promotion, and what was refused does not count', async () => {
    const { trainer, jobs } = notedTrainer();
    const control = startControl(trainer, 'dense');
    cycle(control, 1, 'dense', 'A', 100);
    cycle(control, 2, 'A', 'refused', 70);
    cycle(control, 3, 'A', 'C', 50);
    expect(await control.settle('C')).toEqual({ model: 'dense+job-1-control+job-3-control', steps: 150 });
    expect(await control.settle('A')).toEqual({ model: 'dense+job-1-control', steps: 100 });
    expect(control.failures()).toEqual([]);
    expect(jobs.find(({ id }) => id === 'job-3-control')).toMatchObject({ parent: 'dense+job-1-control', replay: ['replay-3'] });
  });

  it('is the dense model itself where nothing was promoted', async () => {
    const control = startControl(notedTrainer().trainer, 'dense');
    cycle(control, 1, 'dense', 'refused', 100);
    expect(await control.settle('dense')).toEqual({ model: 'dense', steps: 0 });
  });

  it('gets the same data for the same steps, on labels alone, and nothing is pruned', async () => {
    const { trainer, jobs } = notedTrainer();
    const control = startControl(trainer, 'dense');
    cycle(control, 1, 'dense', 'A', 83);
    await control.settle('A');
    expect(jobs).toHaveLength(1);
    expect(jobs[0]).toMatchObject({ criterion: null, density: 1, teacher: null, anchor: null, moments: [], reconstruct: false, seed: policy.seed + 1 });
    expect(jobs[0]!.training).toMatchObject({ steps: 83, labelShare: 1, learningRate: policy.training.learningRate });
  });

  it('is missing where its training failed, with the reason, and for all that descends from it', async () => {
    const control = startControl(notedTrainer(({ id }) => id === 'job-1-control').trainer, 'dense');
    cycle(control, 1, 'dense', 'A', 100);
    cycle(control, 2, 'A', 'B', 100);
    expect(await control.settle('B')).toBeNull();
    expect(await control.settle('of another circle')).toBeNull();
    expect(control.failures()).toEqual([expect.stringMatching(/^job-1: .*on purpose/)]);
  });

  it('hears only of the answers to tuning orders', async () => {
    const { trainer, jobs } = notedTrainer();
    const control = startControl(trainer, 'dense');
    control.hear(fact({ kind: 'tick' }));
    control.hear(fact({ kind: 'job-failed', order: 'tune-1', code: 'trainer-failed', reason: '' }));
    control.hear(fact({ kind: 'job-done', order: 'never ordered', candidate: { job: 'x', model: 'X', report: report() } }));
    expect(await control.settle('dense')).toEqual({ model: 'dense', steps: 0 });
    expect(jobs).toEqual([]);
  });
});
