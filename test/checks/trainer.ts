// Check list of the port Trainer: what every trainer must do, on real jobs over a small model.
import { firstValueFrom, lastValueFrom, take, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/adapters/digest.ts';
import { encodeReplay } from '../../src/evidence/replay.ts';
import { decodeArtifact, encodeArtifact } from '../../src/model/artifact.ts';
import { densityOfMask } from '../../src/model/mask.ts';
import type { ModelDraft } from '../../src/model/model.ts';
import type { Trainer, Vault } from '../../src/ports.ts';
import type { TuningJob, TuningNews } from '../../src/pruning/job.ts';
import { draftOf, echoItems, plan, tagShape } from '../tuning/samples.ts';

/** A job over a parent and a replay sample that are put into the vault. */
export async function jobIn(vault: Vault, extra: Partial<TuningJob> = {}, draft: ModelDraft = draftOf(tagShape, 1)): Promise<TuningJob> {
  const parent = await vault.put(encodeArtifact(draft, sha256).bytes);
  const replay = await vault.put(encodeReplay(echoItems(draft.shape, 60, 12, 3)));
  return {
    id: 'job', cycle: 1, seed: 5, parent, teacher: null, anchor: null, replay: [replay], moments: [], density: 0.5, criterion: 'obs', scope: 'network',
    reconstruct: true, training: { ...plan, steps: 20 }, trainedOn: 'echoes', ...extra,
  };
}

/** More steps than any test waits for. */
const endless = { ...plan, steps: 1e8, secondsMax: 1e8 };

/** @param open a trainer and the vault that it reads and writes; closed by the check list */
export function checkTrainer(name: string, open: () => Promise<{ readonly trainer: Trainer; readonly vault: Vault }>): void {
  const using = async (use: (trainer: Trainer, vault: Vault) => Promise<void>): Promise<void> => {
    const { trainer, vault } = await open();
    try { await use(trainer, vault); } finally { await trainer.close(); }
  };
  const candidateOf = async (trainer: Trainer, job: TuningJob): Promise<Extract<TuningNews, { kind: 'candidate' }>> => {
    const last = await lastValueFrom(trainer.tune(job));
    if (last.kind !== 'candidate') throw new Error(`the last news is ${last.kind}`);
    return last;
  };

  describe(`the trainer ${name}`, () => {
    it('tells of each stage in order, then gives a candidate that is in the vault, and completes', () => using(async (trainer, vault) => {
      const job = await jobIn(vault);
      const news = await lastValueFrom(trainer.tune(job).pipe(toArray()));
      expect(news.flatMap((next) => (next.kind === 'stage' ? [next.stage] : []))).toEqual(['load', 'score', 'choose', 'reconstruct', 'train', 'examine', 'parity', 'store']);
      expect(news.some((next) => next.kind === 'progress')).toBe(true);
      const last = news.at(-1)!;
      if (last.kind !== 'candidate') throw new Error('no candidate');
      const model = decodeArtifact(await vault.get(last.candidate.model), sha256);
      expect(model.lineage).toMatchObject({ parent: job.parent, cycle: 1, criterion: 'obs', trainedOn: 'echoes' });
      expect(densityOfMask(model.mask)).toBeCloseTo(0.5, 2);
      expect(last.candidate.report.steps).toBe(20);
    }));

    it('runs jobs one at a time, in order', () => using(async (trainer, vault) => {
      const seen: string[] = [];
      const jobs = await Promise.all(['first', 'second', 'third'].map((id) => jobIn(vault, { id })));
      await Promise.all(jobs.map((job) => new Promise<void>((resolve, reject) => {
        trainer.tune(job).subscribe({ next: (next) => { if (seen.at(-1) !== job.id) seen.push(job.id); if (next.kind === 'candidate') expect(next.candidate.job).toBe(job.id); }, error: reject, complete: resolve });
      })));
      expect(seen).toEqual(['first', 'second', 'third']);
    }));

    it('cancels a job that nobody listens to any more, running or waiting, and goes on with the next', () => using(async (trainer, vault) => {
      const running = await jobIn(vault, { id: 'running', training: endless }), job = await jobIn(vault, { id: 'wanted' });
      const first = firstValueFrom(trainer.tune(running).pipe(take(1)));
      const waiting = trainer.tune({ ...running, id: 'waiting' }).subscribe();
      await first;
      waiting.unsubscribe();
      expect((await candidateOf(trainer, job)).candidate.job).toBe('wanted');
    }));

    it('fails a job by its code, and the next one works', () => using(async (trainer, vault) => {
      const job = await jobIn(vault);
      const broken = draftOf(tagShape, 1);
      broken.weights.output.fill(3e38);
      const cases = [
        ['vault-missing', { ...job, parent: '0'.repeat(64) }],
        ['artifact-truncated', { ...job, parent: await vault.put((await vault.get(job.parent)).subarray(0, -100)) }],
        ['artifact-invalid', { ...job, parent: job.replay[0]! }],
        ['artifact-altered', { ...job, parent: await vault.put((await vault.get(job.parent)).map((byte, at) => (at === 2000 ? byte ^ 1 : byte))) }],
        ['evidence-invalid', { ...job, replay: [job.parent] }],
        ['trainer-failed', { ...job, replay: [] }],
        ['trainer-failed', await jobIn(vault, { criterion: null }, broken)],
        ['trainer-failed', { ...job, teacher: await vault.put(encodeArtifact(draftOf({ ...tagShape, outputs: 3 }, 1), sha256).bytes) }],
      ] as const;
      for (const [code, bad] of cases) await expect(lastValueFrom(trainer.tune(bad)), code).rejects.toMatchObject({ code });
      expect((await candidateOf(trainer, job)).candidate.report.density).toBeCloseTo(0.5, 2);
    }));

    it('ends running, waiting and later jobs with aborted when it is closed', () => using(async (trainer, vault) => {
      const job = await jobIn(vault, { training: endless });
      const ends = [1, 2].map(() => lastValueFrom(trainer.tune(job)));
      const checks = ends.map((end) => expect(end).rejects.toMatchObject({ code: 'aborted' }));
      await trainer.close();
      await Promise.all(checks);
      await expect(lastValueFrom(trainer.tune(job))).rejects.toMatchObject({ code: 'aborted' });
    }));
  });
}
