/** The demonstration from beginning to end: train, serve and prune, measure. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { childTrainer } from '../../adapters/trainer/child.ts';
import { systemClock } from '../../adapters/clock/system.ts';
import { chooseEngine } from '../../adapters/engine/choose.ts';
import { openEmbeddedLog } from '../../adapters/log/embedded.ts';
import { prometheusMeter } from '../../adapters/meter/prometheus.ts';
import { filesVault } from '../../adapters/vault/files.ts';
import { EspalierError } from '../../errors.ts';
import { emptyBoard } from '../../console/board.ts';
import { startConsole } from '../../console/server.ts';
import type { Console } from '../../console/server.ts';
import { engineChoiceOf, servingChoiceOf } from '../compose/settings.ts';
import { Models } from '../compose/models.ts';
import { loadCorpus } from './corpus.ts';
import { finish } from './finish.ts';
import { planDemo } from './plan.ts';
import { prepare } from './prepare.ts';
import { live } from './live.ts';
import type { DemoInput, Stage } from './stage.ts';
import type { View } from './view.ts';

async function openStage(input: DemoInput, folder: string, view: View, interrupted: AbortSignal): Promise<Stage> {
  // The same corpus once more over the same log: every request would be one that was answered already.
  if (fs.existsSync(path.join(folder, 'log'))) throw new EspalierError('usage', `${folder} holds an earlier demonstration; choose another folder, or remove it.`);
  const clock = systemClock();
  const startedMs = clock.monotonicMs();
  const corpus = loadCorpus(input.data);
  const plan = planDemo(input, corpus.live.reduce((n, session) => n + session.sequences.length, 0));
  const { engine: wanted, trainer } = input.settings;
  const choice = engineChoiceOf(input.settings);
  const chosen = await chooseEngine(servingChoiceOf(input.settings));
  view.note(`engine     ${chosen.engine.name}: ${chosen.reason}`);
  const vault = filesVault(path.join(folder, 'vault'));
  const meter = prometheusMeter();
  const board = emptyBoard(clock.now());
  return {
    input, corpus, plan, clock, vault, meter, view, startedMs, interrupted,
    log: await openEmbeddedLog({ folder: path.join(folder, 'log'), clock, retainBytes: 8 * 2 ** 30 }),
    engine: chosen.engine, engineName: chosen.engine.name, models: new Models(vault),
    trainer: childTrainer({ setup: { vault: path.join(folder, 'vault'), engine: { kind: wanted.kind, variant: choice.variant ?? null } }, threads: trainer.threads, priority: trainer.priority }),
    board: { ...board, engine: chosen.engine.name },
    plain: () => null,
    health: { ok: true, stage: 'starting' },
  };
}

function openConsole(stage: Stage): Promise<Console> {
  const { host, port } = stage.input.settings.console;
  return startConsole({
    host, port,
    metrics: async () => ({ text: await stage.meter.text(), contentType: stage.meter.contentType }),
    health: () => ({ ok: stage.health.ok, checks: { stage: stage.health.stage } }),
    state: () => ({ stage: stage.health.stage, roster: stage.board.roster, decisions: stage.board.decisions, answered: stage.board.answered }),
  });
}

/**
 * Runs the demonstration. Returns whether nothing was lost and nothing doubled.
 * Throws usage, data-unreadable, trainer-unavailable, storage-full, port-in-use and what the first training throws.
 */
export async function runDemo(input: DemoInput, view: View, interrupted: AbortSignal): Promise<boolean> {
  const folder = input.folder ?? fs.mkdtempSync(path.join(os.tmpdir(), 'espalier-demo-'));
  let stage: Stage | null = null;
  let console_: Console | null = null;
  try {
    stage = await openStage(input, folder, view, interrupted);
    console_ = await openConsole(stage);
    view.note(`console    ${console_.url}/metrics, /healthz, /state`);
    const opened = stage;
    input.sayPlain(() => opened.plain());
    const prepared = await prepare(stage);
    const lived = await live(stage, prepared);
    return await finish(stage, prepared, lived);
  } finally {
    await console_?.close();
    await stage?.trainer.close();
    await stage?.log.close();
    if (input.folder === undefined) fs.rmSync(folder, { recursive: true, force: true });
  }
}
