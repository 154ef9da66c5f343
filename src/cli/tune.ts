/** `espalier tune`: does the jobs of the steering process; TensorFlow runs in a process of its own below it. */
import type { Command } from 'commander';
import { childTrainer } from '../adapters/trainer/child.ts';
import type { ProcessOptions, ProcessPorts, Running } from './compose/process.ts';
import { runProcess } from './compose/process.ts';
import { engineChoiceOf } from './compose/settings.ts';
import { Tuning } from './compose/tuning.ts';
import { processCommand } from './process-command.ts';

function start({ settings, ...ports }: ProcessPorts): Promise<Running> {
  const { kind, variant } = engineChoiceOf(settings);
  const trainer = childTrainer({ setup: { vault: settings.vault.folder, engine: { kind, variant: variant ?? null }, checkpointMs: 1000 * settings.trainer.checkpointSeconds }, threads: settings.trainer.threads, priority: settings.trainer.priority });
  const tuning = new Tuning({ ...ports, trainer });
  return Promise.resolve({
    failed: tuning.failed,
    health: () => ({ ok: true, checks: { stage: tuning.job === null ? 'waits for a job' : 'tunes', job: tuning.job, device: tuning.device?.device ?? null } }),
    stop: async () => {
      tuning.stop();
      await trainer.close();
    },
  });
}

export const tuneCommand = (): Command =>
  processCommand('tune', 'train, prune and examine candidates; several share the jobs')
    .action((options: ProcessOptions) => runProcess('tune', options, start));
