/** The training process: what `adapters/trainer/child.ts` forks. A crash of TensorFlow ends this process and no other. */
import { chooseEngine } from '../adapters/engine/choose.ts';
import { systemClock } from '../adapters/clock/system.ts';
import { serveJobs } from '../adapters/trainer/serve-jobs.ts';
import { filesVault } from '../adapters/vault/files.ts';
import { checkJob } from '../tuning/check-job.ts';
import { runJob } from '../tuning/run-job.ts';

serveJobs(async ({ vault, engine: { kind, variant } }) => {
  const { engine } = await chooseEngine({ kind, variant: variant ?? undefined });
  const base = { vault: filesVault(vault), engine, clock: systemClock() };
  return (job, { say, signal }) => runJob(checkJob(job), { ...base, say, signal });
});
