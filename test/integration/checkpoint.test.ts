// Goal: a job whose training process is killed goes on from its checkpoint when it is given again, and ends with the model of a job that was left alone. Method: a real training process, a real SIGKILL once a checkpoint lies in the vault, the same job given to a fresh trainer.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filter, firstValueFrom, lastValueFrom, share, toArray } from 'rxjs';
import { expect, it, onTestFinished } from 'vitest';
import type { ChildTrainer } from '../../src/adapters/trainer/child.ts';
import { childTrainer } from '../../src/adapters/trainer/child.ts';
import { filesVault } from '../../src/adapters/vault/files.ts';
import type { TuningJob, TuningNews } from '../../src/pruning/job.ts';
import { decodeCheckpoint, workName } from '../../src/tuning/checkpoint.ts';
import { temporaryFolder } from '../adapters/temporary.ts';
import { jobIn } from '../checks/trainer.ts';
import { plan, tagShape } from '../tuning/samples.ts';
import { until } from './small-circle.ts';

function open(folder: string): ChildTrainer {
  const trainer = childTrainer({ setup: { vault: folder, checkpointMs: 20, engine: { kind: 'reference', variant: null } }, priority: 0 });
  onTestFinished(() => trainer.close());
  return trainer;
}

const candidateOf = (news: TuningNews | undefined) => {
  if (news?.kind !== 'candidate') throw new Error(`the last news is ${news?.kind}`);
  return news.candidate;
};

/** The step of the checkpoint that lies there. */
function keptStep(folder: string, job: TuningJob): number {
  const file = join(folder, 'unfinished', workName(job));
  return existsSync(file) ? decodeCheckpoint(new Uint8Array(readFileSync(file)), tagShape)?.training.step ?? 0 : 0;
}

it('goes on to the model of a job that was never cut off, and clears its checkpoint away', async () => {
  const folder = temporaryFolder(), quiet = temporaryFolder();
  const long = { training: { ...plan, steps: 1200, lanes: 3, window: 4, dropout: 0.2, patience: 100 } };
  const job = await jobIn(filesVault(folder), long);
  const undisturbed = lastValueFrom(open(quiet).tune(await jobIn(filesVault(quiet), long)));
  const trainer = open(folder), news$ = trainer.tune(job).pipe(share());
  const failed = expect(lastValueFrom(news$)).rejects.toMatchObject({ code: 'trainer-crashed' });
  await firstValueFrom(news$.pipe(filter(({ kind }) => kind === 'progress')));
  await until(() => keptStep(folder, job) > 0);
  process.kill(trainer.pid!, 'SIGKILL');
  await failed;
  const kept = keptStep(folder, job), news = await lastValueFrom(open(folder).tune(job).pipe(toArray()));
  expect(news).toContainEqual({ kind: 'resumed', step: kept, steps: 1200 });
  expect(kept).toBeGreaterThan(0);
  const resumed = candidateOf(news.at(-1)), whole = candidateOf(await undisturbed);
  expect(resumed.report).toMatchObject({ resumedAt: kept, steps: 1200, accuracy: whole.report.accuracy });
  expect(resumed.model).toBe(whole.model);
  expect(readdirSync(join(folder, 'unfinished'))).toEqual([]);
}, 60_000);
