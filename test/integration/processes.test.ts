// Goal: serve twice, steer and tune over a real Kafka do what the circle does in one process: prune, prove and swap, with one serve and then the steer killed on the way, and no request lost. Method: the command line in processes of its own, a broker by the resolver, a task made from a seed, books read from the topics.
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFailed, onTestFinished } from 'vitest';
import { NativeEngine } from '../../src/adapters/engine/native.ts';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { openKafkaLog } from '../../src/adapters/log/kafka.ts';
import { childTrainer } from '../../src/adapters/trainer/child.ts';
import { filesVault } from '../../src/adapters/vault/files.ts';
import { Models } from '../../src/cli/compose/models.ts';
import { settleAccount } from '../../src/cli/demo/account.ts';
import { startFeed } from '../../src/cli/demo/feed.ts';
import { planDemo } from '../../src/cli/demo/plan.ts';
import { trainDense } from '../../src/cli/demo/train.ts';
import { decodeFact, replay } from '../../src/loop/journal.ts';
import { densityOfMask } from '../../src/model/mask.ts';
import type { Model } from '../../src/model/model.ts';
import type { Log } from '../../src/ports.ts';
import { randomFrom } from '../../src/support/random.ts';
import { builtAddon, supportedVariants } from '../adapters/engine/built.ts';
import { temporaryFolder } from '../adapters/temporary.ts';
import { openBroker } from './broker/broker.ts';
import type { Broker } from './broker/broker.ts';
import { EspalierProcess } from './espalier-process.ts';
import { LIMITS, POLICY, answersOf, madeCorpus, ofKind, refusedCodes, until, valuesOf } from './small-circle.ts';

let broker: Broker;
beforeAll(async () => { broker = await openBroker(); }, 600_000);
afterAll(() => broker.close());

const corpus = madeCorpus();

/** A dense model of the made task, trained, in the vault. */
async function trained(vaultFolder: string): Promise<Model> {
  const vault = filesVault(vaultFolder), addon = await builtAddon();
  const engine = new NativeEngine(addon, supportedVariants(addon)[0]!);
  const trainer = childTrainer({ setup: { vault: vaultFolder, engine: { kind: 'native', variant: null } }, priority: 0 });
  const plan = planDemo({ minutes: 2, seed: 5, units: 20, density: POLICY.density }, 1);
  try {
    const { model } = await trainDense({ trainer, vault, models: new Models(vault) }, corpus, { ...plan, denseTraining: { ...plan.denseTraining, steps: 400, lanes: 16, window: 12, learningRate: 1e-2, dropout: 0, secondsMax: 60 } }, () => undefined);
    await engine.enlist(model);
    return model;
  } finally { await trainer.close(); }
}

interface Town { readonly log: Log; readonly start: (...args: readonly string[]) => EspalierProcess }

/** Settings for all processes in one file, and the log as the world outside sees it. */
async function settle(folder: string): Promise<Town> {
  const prefix = `town-${randomUUID()}.`, config = join(folder, 'espalier.json'), kafka = { brokers: broker.brokers, prefix, partitions: 4, sessionMsMax: 6000 };
  writeFileSync(config, JSON.stringify({
    serving: LIMITS, loop: POLICY, log: { kind: 'kafka' }, kafka: { ...kafka, aliveMsMax: 2000 }, vault: { folder: join(folder, 'vault') }, console: { port: 0 }, trainer: { priority: 0 },
  }));
  const log = await openKafkaLog({ ...kafka, clientId: 'world', instance: 'world', ssl: false, sasl: null, outageMsMax: 60_000, replication: 0, lingerMsMax: 1000 });
  const processes: EspalierProcess[] = [];
  onTestFailed(async () => {
    for (const one of processes) process.stderr.write(`--- ${JSON.stringify(await one.health().catch(() => 'ended'))}\n${one.said.slice(-6000)}\n`);
  });
  onTestFinished(async () => {
    await Promise.all(processes.map((one) => one.end('SIGKILL')));
    await log.close();
  });
  return {
    log,
    start: (...args) => {
      const one = new EspalierProcess([...args, '--config', config]);
      processes.push(one);
      return one;
    },
  };
}

const healthy = (one: EspalierProcess) => async (): Promise<boolean> => (await one.health())?.ok === true;
const checkOf = (one: EspalierProcess, name: string) => async (): Promise<unknown> => (await one.health())?.checks[name];

it('prunes, proves and swaps the model behind two serving processes of which one is killed; every request is answered', async () => {
  const folder = temporaryFolder();
  const dense = await trained(join(folder, 'vault'));
  const { log, start } = await settle(folder);
  const steer = start('steer', '--first', join(folder, 'vault', dense.id), '--salt', 'salt');
  const tune = start('tune');
  await until(healthy(steer));
  await until(async () => (await checkOf(steer, 'stage')()) === 'gather');
  const standby = start('steer');
  const serves = [start('serve'), start('serve')];
  for (const one of [...serves, standby]) await until(healthy(one));

  const feed = startFeed({ log, clock: systemClock(), random: randomFrom(7) }, 'tag', corpus.live, { requestsPerSecond: 200, open: 40, labelDelayMs: 100, forever: true, msMax: Infinity });
  onTestFinished(() => { feed.stop(); });
  feed.finished.catch(() => undefined); // the log is closed under it where the test fails
  const promotions = checkOf(steer, 'promotions');
  await until(async () => (await checkOf(tune, 'job')()) !== null || Number(await promotions()) > 0);
  expect(await serves[0]!.end('SIGKILL')).toBe('SIGKILL');
  const third = start('serve');
  await until(healthy(third));
  await until(async () => { await third.health(); await serves[1]!.health(); await tune.health(); return Number(await promotions()) > 0; });
  // The other steer takes over from the journal; the one that is active was not disturbed by it until then.
  expect(await checkOf(standby, 'stage')()).toBe('stands by');
  expect(await steer.end('SIGKILL')).toBe('SIGKILL');
  await until(async () => Number(await checkOf(standby, 'promotions')()) > 0);
  const promotedAt = feed.sent();
  await until(() => feed.sent() > promotedAt + 400);
  feed.stop();
  await feed.finished;
  await until(async () => new Set((await answersOf(log)).map(({ id }) => id)).size >= feed.sent());
  for (const one of [third, serves[1]!]) expect(await one.metrics()).toContain('espalier_requests_total');
  for (const one of [third, serves[1]!, tune, standby]) expect(await one.end('SIGTERM'), one.said).toBe(0);

  const account = await settleAccount(log);
  process.stderr.write(`processes: ${JSON.stringify(account)}, refused ${JSON.stringify(await refusedCodes(log))}, one serve and one steer killed\n`);
  expect(account).toMatchObject({ sent: feed.sent(), answered: feed.sent(), lost: 0 });
  const journal = await valuesOf(log, 'journal');
  const state = replay(journal)!;
  expect(state.counts.promotions).toBeGreaterThan(0);
  const certified = ofKind(journal.map(decodeFact), 'decided').filter(({ outcome }) => outcome === 'certified' || outcome === 'promoted');
  expect(certified.map(({ outcome }) => outcome)).toEqual(expect.arrayContaining(['certified', 'promoted']));
  const promoted = await new Models(filesVault(join(folder, 'vault'))).load(certified.find(({ outcome }) => outcome === 'promoted')!.candidate!);
  expect(promoted.id).not.toBe(dense.id);
  expect(densityOfMask(promoted.mask)).toBeLessThanOrEqual(POLICY.density * 1.01);
  const answers = await answersOf(log);
  expect(answers.filter(({ model }) => model === promoted.id).length).toBeGreaterThan(100);
}, 120_000);
