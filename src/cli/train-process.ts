/** The training process: what `adapters/trainer/child.ts` forks. A crash of TensorFlow ends this process and no other. */
import * as path from 'node:path';
import { chooseEngine } from '../adapters/engine/choose.ts';
import { systemClock } from '../adapters/clock/system.ts';
import { librariesOf, lookForGpu } from '../adapters/trainer/gpu.ts';
import { serveJobs } from '../adapters/trainer/serve-jobs.ts';
import { filesVault } from '../adapters/vault/files.ts';
import { filesWorkbench } from '../adapters/workbench/files.ts';
import { checkJob } from '../tuning/check-job.ts';
import { runJob } from '../tuning/run-job.ts';
import { ROOT } from './doctor/child.ts';

serveJobs(async ({ vault, checkpointMs, engine: { kind, variant } }) => {
  const [{ engine }, { gpu, driver }] = await Promise.all([chooseEngine({ kind, variant: variant ?? undefined }), lookForGpu()]);
  const workbench = checkpointMs === undefined ? null : { of: filesWorkbench(path.join(vault, 'unfinished')), everyMs: checkpointMs };
  const base = { vault: filesVault(vault), workbench, engine, clock: systemClock(), machine: { gpu, driver, ...librariesOf(ROOT) } };
  return (job, { say, signal }) => runJob(checkJob(job), { ...base, say, signal });
});
