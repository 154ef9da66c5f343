/** `espalier serve`: answers the requests of its share of the partitions, led by the roster of the steering process. */
import type { Command } from 'commander';
import { chooseEngine } from '../adapters/engine/choose.ts';
import { filesVault } from '../adapters/vault/files.ts';
import { randomFrom } from '../support/random.ts';
import { Models } from './compose/models.ts';
import type { ProcessOptions, ProcessPorts, Running } from './compose/process.ts';
import { runProcess } from './compose/process.ts';
import { startServing } from './compose/serving.ts';
import { limitsOf, servingChoiceOf } from './compose/settings.ts';
import { talk } from './print.ts';
import { processCommand } from './process-command.ts';

async function start({ settings, log, clock, meters, instance }: ProcessPorts): Promise<Running> {
  const { engine, reason } = await chooseEngine(servingChoiceOf(settings));
  talk(`engine ${engine.name}: ${reason}`);
  const vault = filesVault(settings.vault.folder);
  const serving = startServing({ log, vault, engine, clock, models: new Models(vault), meters, random: randomFrom(clock.now()), instance }, limitsOf(settings), settings.loop.margin);
  let ready = false;
  serving.ready.then(() => { ready = true; talk(`${instance} takes requests`); }, () => undefined);
  return {
    failed: serving.failed,
    health: () => ({ ok: ready, checks: { stage: ready ? 'serving' : 'waits for a roster', engine: engine.name, roster: serving.roster()?.version ?? null } }),
    stop: () => serving.stop(),
  };
}

export const serveCommand = (): Command =>
  processCommand('serve', 'answer requests from Kafka; start as many as there are partitions to share')
    .action((options: ProcessOptions) => runProcess('serve', options, start));
