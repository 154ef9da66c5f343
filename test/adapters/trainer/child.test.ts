// Goal: the training process may be killed, cancelled, replaced and mistrusted. Method: the port's check list over a real process, then signals.
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { filter, firstValueFrom, lastValueFrom, share } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ChildTrainer, ChildTrainerOptions } from '../../../src/adapters/trainer/child.ts';
import { childTrainer } from '../../../src/adapters/trainer/child.ts';
import { filesVault } from '../../../src/adapters/vault/files.ts';
import type { Vault } from '../../../src/ports.ts';
import type { TuningJob } from '../../../src/pruning/job.ts';
import { checkTrainer, jobIn } from '../../checks/trainer.ts';
import { plan } from '../../tuning/samples.ts';
import { temporaryFolder } from '../temporary.ts';

function open(extra: Partial<ChildTrainerOptions> = {}): { trainer: ChildTrainer; vault: Vault } {
  const folder = temporaryFolder();
  const trainer = childTrainer({ setup: { vault: folder, engine: { kind: 'reference', variant: null } }, ...extra });
  onTestFinished(() => trainer.close());
  return { trainer, vault: filesVault(folder) };
}

checkTrainer('child', () => Promise.resolve(open()));

/** Whether a process is there; signal 0 only asks. */
const alive = (pid: number): boolean => { try { process.kill(pid, 0); return true; } catch { return false; } };

/** A program in place of the training process. */
function program(text: string): string {
  const file = join(temporaryFolder(), 'program.mjs');
  writeFileSync(file, text);
  return file;
}

describe('the training process', () => {
  it('may be killed in the middle of a job: trainer-crashed, and the next job has a fresh one', async () => {
    const { trainer, vault } = open();
    const job = await jobIn(vault, { training: { ...plan, steps: 1e8, secondsMax: 1e8 } });
    const news$ = trainer.tune(job).pipe(share());
    const failed = expect(lastValueFrom(news$)).rejects.toMatchObject({ code: 'trainer-crashed', retryable: true, details: expect.stringContaining('SIGKILL') as string });
    await firstValueFrom(news$.pipe(filter((news) => news.kind === 'progress')));
    const pid = trainer.pid!;
    process.kill(pid, 'SIGKILL');
    await failed;
    const news = await lastValueFrom(trainer.tune(await jobIn(vault)));
    expect(news.kind).toBe('candidate');
    expect(trainer.pid).not.toBe(pid);
  });

  it('is replaced after the stated number of jobs, and the old one ends', async () => {
    const { trainer, vault } = open({ jobsMax: 1 });
    const job = await jobIn(vault, { training: { ...plan, steps: 2 } });
    const pids: number[] = [];
    for (let at = 0; at < 2; at++) {
      const end = lastValueFrom(trainer.tune(job));
      pids.push(trainer.pid!);
      await end;
      expect(trainer.pid).toBeUndefined();
    }
    expect(new Set(pids).size).toBe(2);
    await trainer.close();
    expect(pids.map(alive)).toEqual([false, false]);
  });

  it('refuses a job that is not one', async () => {
    const { trainer, vault } = open();
    const job = await jobIn(vault);
    for (const bad of [{ ...job, density: 7 }, { ...job, surprise: 1 }, { ...job, training: { ...job.training, lanes: 0 } }] as unknown as TuningJob[]) {
      await expect(lastValueFrom(trainer.tune(bad))).rejects.toMatchObject({ code: 'trainer-failed', details: expect.stringContaining('not valid') as string });
    }
  });

  it('brings its last words where it ends by itself', async () => {
    const { trainer, vault } = open({ entry: program('process.once("message", () => { console.error("out of memory, say"); process.exit(3); });') });
    await expect(lastValueFrom(trainer.tune(await jobIn(vault)))).rejects.toMatchObject({ code: 'trainer-crashed', details: expect.stringMatching(/code 3.*out of memory, say/s) as string });
  });

  it('is killed where it does not stop when asked to', async () => {
    const { trainer, vault } = open({ graceMs: 50, entry: program('process.on("message", (m) => { if (m.kind === "job") process.send({ kind: "news", run: m.run, news: { kind: "stage", stage: "load", ms: 0 } }); }); process.on("disconnect", () => {}); setInterval(() => {}, 1000);') });
    const job = await jobIn(vault);
    await firstValueFrom(trainer.tune(job)); // unsubscribes with the first news
    const pid = trainer.pid!;
    await expect(firstValueFrom(trainer.tune(job))).resolves.toMatchObject({ kind: 'stage' });
    expect(trainer.pid).not.toBe(pid);
  });

  it('ends with its trainer', async () => {
    const { trainer, vault } = open();
    const end = lastValueFrom(trainer.tune(await jobIn(vault)));
    const pid = trainer.pid!;
    await end;
    await trainer.close();
    expect(alive(pid)).toBe(false);
  });
});
