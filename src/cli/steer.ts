/** `espalier steer`: decides what is tuned, tried and served; one is active, others stand by. */
import * as fs from 'node:fs';
import type { Command } from 'commander';
import { sha256 } from '../adapters/digest.ts';
import { filesVault } from '../adapters/vault/files.ts';
import { EspalierError } from '../errors.ts';
import { decodeArtifact } from '../model/artifact.ts';
import type { ModelId } from '../model/model.ts';
import type { ProcessOptions, ProcessPorts, Running } from './compose/process.ts';
import { runProcess } from './compose/process.ts';
import { policyOf } from './compose/settings.ts';
import { Steering } from './compose/steering.ts';
import { processCommand } from './process-command.ts';

interface Options extends ProcessOptions { readonly first?: string; readonly salt: string }

/** Puts the model of a file into the vault. Throws data-unreadable and the artifact errors. */
async function store(file: string, folder: string): Promise<ModelId> {
  let bytes: Uint8Array;
  try { bytes = fs.readFileSync(file); } catch (cause) { throw new EspalierError('data-unreadable', `${file}: ${(cause as Error).message}`, cause); }
  decodeArtifact(bytes, sha256);
  return filesVault(folder).put(bytes);
}

async function start({ first, salt }: Options, { settings, ...ports }: ProcessPorts): Promise<Running> {
  const model = first === undefined ? null : await store(first, settings.vault.folder);
  const steering = new Steering(ports, { policy: policyOf(settings), aliveMsMax: settings.kafka.aliveMsMax, first: model, salt });
  return {
    failed: steering.failed,
    health: () => {
      const { state } = steering;
      return { ok: true, checks: state === null ? { stage: 'stands by' } : { stage: state.phase, cycle: state.cycle, density: state.density, promotions: state.counts.promotions, roster: state.roster, serving: steering.alive } };
    },
    stop: () => { steering.stop(); return Promise.resolve(); },
  };
}

export const steerCommand = (): Command =>
  processCommand('steer', 'decide what is tuned, tried and served; one is active, others stand by')
    .option('--first <file>', 'model that serves first, where the journal is empty; left aside where it is not')
    .option('--salt <text>', 'seed of the assignment of sessions to arms, where the journal is empty', 'espalier')
    .action((options: Options) => runProcess('steer', options, (ports) => start(options, ports)));
