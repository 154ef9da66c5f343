// Goal: the circle does its job: serves, prunes behind it, proves the smaller model, swaps it in, loses and doubles nothing. Method: all parts real (embedded log, files vault, native engine, training process with TensorFlow, system clock) on a small task made from a seed.
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { NativeEngine } from '../../src/adapters/engine/native.ts';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { openEmbeddedLog } from '../../src/adapters/log/embedded.ts';
import { childTrainer } from '../../src/adapters/trainer/child.ts';
import { filesVault } from '../../src/adapters/vault/files.ts';
import type { Circle } from '../../src/cli/compose/circle.ts';
import { startCircle } from '../../src/cli/compose/circle.ts';
import { Models } from '../../src/cli/compose/models.ts';
import { settleAccount } from '../../src/cli/demo/account.ts';
import type { DemoCorpus } from '../../src/cli/demo/corpus.ts';
import { itemsOf } from '../../src/cli/data/items.ts';
import { startFeed } from '../../src/cli/demo/feed.ts';
import { scoreItems, shareOf } from '../../src/cli/data/score.ts';
import { planDemo } from '../../src/cli/demo/plan.ts';
import { trainDense } from '../../src/cli/demo/train.ts';
import type { Policy } from '../../src/loop/policy.ts';
import { replay } from '../../src/loop/journal.ts';
import { densityOfMask } from '../../src/model/mask.ts';
import type { Model } from '../../src/model/model.ts';
import type { ModelShape } from '../../src/model/shape.ts';
import type { Engine, Log } from '../../src/ports.ts';
import type { CorpusSession } from '../../src/traffic/corpus.ts';
import { alphaOf, floorBlocks } from '../../src/rollout/compare.ts';
import { randomFrom } from '../../src/support/random.ts';
import { builtAddon, supportedVariants } from '../adapters/engine/built.ts';
import { temporaryFolder } from '../adapters/temporary.ts';
import type { Answered } from './small-circle.ts';
import { LIMITS, POLICY, answersOf, differences, hear, madeCorpus, ofKind, until, valuesOf } from './small-circle.ts';

interface Parts { readonly log: Log; readonly engine: Engine; readonly trainer: ReturnType<typeof childTrainer>; readonly vault: ReturnType<typeof filesVault>; readonly models: Models; readonly clock: ReturnType<typeof systemClock> }

async function open(): Promise<Parts> {
  const folder = temporaryFolder(), addon = await builtAddon(), clock = systemClock();
  const vault = filesVault(join(folder, 'vault'));
  const log = await openEmbeddedLog({ folder: join(folder, 'log'), clock });
  const trainer = childTrainer({ setup: { vault: join(folder, 'vault'), engine: { kind: 'native', variant: null } }, priority: 0 });
  onTestFinished(async () => { await trainer.close(); await log.close(); });
  return { log, vault, clock, trainer, engine: new NativeEngine(addon, supportedVariants(addon)[0]!), models: new Models(vault) };
}

const train = (parts: Parts, corpus: DemoCorpus, form: Partial<Pick<ModelShape, 'cell' | 'layers'>>): ReturnType<typeof trainDense> => {
  const plan = planDemo({ minutes: 2, seed: 5, units: 20, density: POLICY.density }, 1);
  return trainDense(parts, corpus, { ...plan, denseTraining: { ...plan.denseTraining, steps: 400, lanes: 16, window: 12, learningRate: 1e-2, dropout: 0, secondsMax: 60 } }, () => undefined, form);
};

/** What a session is made of; the feed numbers its passes behind a tilde. */
const sourceOf = (corpus: DemoCorpus): (session: string) => CorpusSession => {
  const byId = new Map(corpus.live.map((session) => [session.id, session]));
  return (session) => byId.get(session.split('~')[0]!)!;
};

/** Sessions that one and the same model answered from beginning to end, with the answers in order. */
async function wholeSessions(log: Log, corpus: DemoCorpus): Promise<ReadonlyMap<string, readonly Answered[]>> {
  const sessions = new Map<string, Answered[]>();
  for (const answer of await answersOf(log)) sessions.set(answer.session, [...sessions.get(answer.session) ?? [], answer]);
  const source = sourceOf(corpus);
  return new Map([...sessions].filter(([id, answers]) => answers.length === source(id).sequences.length && new Set(answers.map(({ model }) => model)).size === 1));
}

/** Serving gave what the model gives offline, label by label and in accuracy. */
async function expectAsOffline(parts: Parts, corpus: DemoCorpus, model: Model, sessions: ReadonlyMap<string, readonly Answered[]>): Promise<void> {
  const source = sourceOf(corpus);
  const own = [...sessions].filter(([, answers]) => answers[0]!.model === model.id).map(([id]) => ({ ...source(id), id }));
  expect(own.length).toBeGreaterThan(20);
  let right = 0, steps = 0;
  for (const { id, sequences } of own) {
    const served = sessions.get(id)!.map(({ labels }) => labels);
    expect(sessions.get(id)!.map((answer) => answer.id)).toEqual(sequences.map((_, i) => `${id}:${i}`));
    expect(differences(model, sequences, served)).toEqual([]);
    sequences.forEach(({ tags }, at) => { tags.forEach((tag, step) => { steps++; if (served[at]![step] === tag) right++; }); });
  }
  await parts.engine.enlist(model);
  const offline = await scoreItems(parts.engine, model, itemsOf(corpus, own, true));
  expect(offline.steps).toBe(steps);
  expect(Math.abs(offline.right - right)).toBeLessThanOrEqual(1 + steps * 1e-4); // ties
  expect(right / steps).toBeGreaterThan(0.9);
}

/** The state of the loop is its journal folded, also while the circle runs. */
const journalAgrees = async (log: Log, circle: Circle): Promise<boolean> =>
  JSON.stringify(replay(await valuesOf(log, 'journal'))) === JSON.stringify(circle.state());

it.each<[string, Partial<Pick<ModelShape, 'cell' | 'layers'>>, Partial<Policy>]>([
  ['an LSTM', {}, {}], ['a stack of two GRUs', { cell: 'gru', layers: [24, 16] }, {}], ['an LSTM of which units go', { layers: [40] }, { goal: 'loss', cyclesMax: 6 }],
])('prunes %s that serves, promotes it, and answers every request once as the model does offline', async (_, form, change) => {
  const policy = { ...POLICY, ...change };
  const parts = await open(), corpus = madeCorpus();
  const { model: dense } = await train(parts, corpus, form);
  await parts.engine.enlist(dense);
  expect(shareOf(await scoreItems(parts.engine, dense, itemsOf(corpus, corpus.heldOut, true)))).toBeGreaterThan(0.95);
  const circle = await startCircle({ ...parts, meters: [], random: randomFrom(6), instance: 'test' }, { limits: LIMITS, policy, champion: dense.id, salt: 'salt' });
  const facts = hear(circle);
  const feed = startFeed({ ...parts, random: randomFrom(7) }, 'tag', corpus.live, { requestsPerSecond: 400, open: 40, labelDelayMs: 100, forever: true, msMax: Infinity });
  await until(() => circle.state().counts.promotions > 0, circle);
  const promotedAt = feed.sent();
  await until(() => feed.sent() > promotedAt + 600, circle);
  feed.stop();
  await feed.finished;
  await until(async () => (await answersOf(parts.log)).length >= feed.sent(), circle);
  await until(() => journalAgrees(parts.log, circle), circle);
  const state = circle.state();
  await circle.stop();

  expect(await settleAccount(parts.log)).toEqual({ sent: feed.sent(), answered: feed.sent(), refused: 0, lost: 0, doubled: 0 });
  const champion = await parts.models.load(state.roster.champion);
  expect(champion.id).not.toBe(dense.id);
  if (policy.goal === 'loss') expect(champion.shape.layers[0]).toBeLessThan(dense.shape.layers[0]!);
  else expect(densityOfMask(champion.mask)).toBeLessThanOrEqual(POLICY.density * 1.01);
  expect(ofKind(facts, 'enlisted').every(({ times = 0 }) => times > 0)).toBe(true);
  expect([null, dense.id]).toContain(state.roster.predecessor);
  expect(state.roster.predecessor === null).toBe(state.probation === null);
  expect(state.roster.anchor).toBe(dense.id);
  expect(ofKind(facts, 'failed')).toEqual([]);
  // Moments of every layer came from live traffic.
  expect(new Set(ofKind(facts, 'evidence').flatMap(({ moments }) => (moments === null ? [] : [moments.layer ?? 0])))).toEqual(new Set(dense.shape.layers.keys()));
  const certified = ofKind(facts, 'decided').find(({ outcome, candidate }) => outcome === 'certified' && candidate === champion.id)!;
  expect(certified.blocks).toBeGreaterThanOrEqual(floorBlocks(POLICY.margin, alphaOf(1, POLICY.alpha)));
  expect(certified.certify).toBeGreaterThanOrEqual(certified.bar);
  expect(ofKind(facts, 'decided').map(({ outcome }) => outcome)).toContain('promoted');

  // A restart goes on from the journal, not from the dense model that served first.
  const again = await startCircle({ ...parts, meters: [], random: randomFrom(8), instance: 'again' }, { limits: LIMITS, policy, champion: dense.id, salt: 'salt' });
  expect(again.state().roster.champion).toBe(champion.id);
  expect(again.state().counts.promotions).toBe(state.counts.promotions);
  await again.stop();

  const sessions = await wholeSessions(parts.log, corpus);
  for (const model of [dense, champion]) await expectAsOffline(parts, corpus, model, sessions);
}, 180_000);
