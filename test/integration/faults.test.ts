// Goal: whatever goes wrong has a code and hurts nothing else; what was acknowledged is answered once. Method: running circles with real parts, given bad records, a killed training process, a full disk, and kill -9.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { ReferenceEngine } from '../../src/adapters/engine/reference.ts';
import { writeBytes } from '../../src/adapters/files/atomic.ts';
import type { WriteBytes } from '../../src/adapters/files/atomic.ts';
import { openEmbeddedLog } from '../../src/adapters/log/embedded.ts';
import { childTrainer } from '../../src/adapters/trainer/child.ts';
import { filesVault } from '../../src/adapters/vault/files.ts';
import type { Circle } from '../../src/cli/compose/circle.ts';
import { startCircle } from '../../src/cli/compose/circle.ts';
import { Models } from '../../src/cli/compose/models.ts';
import { settleAccount } from '../../src/cli/demo/account.ts';
import { startFeed } from '../../src/cli/demo/feed.ts';
import { codeOf } from '../../src/errors.ts';
import type { Fact } from '../../src/facts.ts';
import type { Policy } from '../../src/loop/policy.ts';
import type { Model, ModelDraft } from '../../src/model/model.ts';
import type { Log, Trainer } from '../../src/ports.ts';
import type { ServingLimits } from '../../src/serving/limits.ts';
import { randomFrom } from '../../src/support/random.ts';
import { temporaryFolder } from '../adapters/temporary.ts';
import { draftOf, tagShape } from '../tuning/samples.ts';
import { requestsOf } from './requests.ts';
import { LIMITS, NO_TRAINER, POLICY, SERVE_ONLY, TAGS, answersOf, differences, hear, madeCorpus, madeSessions, ofKind, record, refusedCodes, until, valuesOf } from './small-circle.ts';

const clock = systemClock();

/** An untrained model of the made task, its weights large enough that the labels depend on word and state. */
function draft(): ModelDraft {
  const { tokenizer } = madeCorpus();
  const made = draftOf({ ...tagShape, vocabulary: tokenizer.words.length + 4, inputs: 6, layers: [10], outputs: TAGS.length }, 4);
  return { ...made, tokenizer, labels: TAGS, weights: { ...made.weights, embedding: made.weights.embedding.map((w) => 20 * w), output: made.weights.output.map((w) => 4 * w) } };
}

interface World { readonly circle: Circle; readonly facts: readonly Fact[]; readonly log: Log; readonly model: Model }
interface Options { readonly policy?: Policy; readonly limits?: Partial<ServingLimits>; readonly trainer?: Trainer; readonly write?: WriteBytes }

/** A circle on a folder, with the embedded log and a vault of files. */
async function open(folder: string, { policy = SERVE_ONLY, limits = {}, trainer = NO_TRAINER, write = writeBytes }: Options = {}): Promise<World> {
  const vault = filesVault(join(folder, 'vault'));
  const log = await openEmbeddedLog({ folder: join(folder, 'log'), clock, write });
  onTestFinished(() => log.close());
  const models = new Models(vault);
  const model = await models.store(draft());
  const circle = await startCircle(
    { log, vault, clock, engine: new ReferenceEngine(), trainer, models, meters: [], random: randomFrom(1), instance: 'test' },
    { limits: { ...LIMITS, ...limits }, policy, champion: model.id, salt: 'salt' },
  );
  return { circle, facts: hear(circle), log, model };
}

const answered = (log: Log, n: number) => async (): Promise<boolean> => (await answersOf(log)).length >= n;

/** All sessions of `requestsOf` are answered as the model does offline, in order, with the state carried. */
async function expectAsOffline(log: Log, model: Model, sessions: number): Promise<void> {
  const answers = await answersOf(log);
  for (const { id, sequences } of madeSessions('s', sessions, 11)) {
    const own = answers.filter(({ session }) => session === id);
    expect(own.map((answer) => answer.id)).toEqual(sequences.map((_, i) => `${id}:${i}`));
    expect(differences(model, sequences, own.map(({ labels }) => labels))).toEqual([]);
  }
}

describe('bad input in the middle of live traffic', () => {
  it('is refused or counted, each by its code, and every good request is answered once', async () => {
    const { circle, facts, log, model } = await open(temporaryFolder());
    const text = ['word1', 'word2', 'word3'], target = ['T0', 'T1', 'T2'];
    const request = (id: string, change: object = {}) => record('requests', 'x', { id, session: 'x', text, ...change });
    const label = (id: string, of: readonly string[] = target) => record('labels', 'x', { id, session: 'x', target: of });
    await log.append([label('early')]);
    await until(() => ofKind(facts, 'queues').some(({ pendingLabels }) => pendingLabels > 0), circle);
    const good = requestsOf(60);
    const bad = [
      record('requests', 'x', '{"id": "no end'), record('requests', 'x', '[1]'), request('unknown field', { surprise: 1 }), request('no session', { session: undefined }),
      request('empty', { text: [] }), request('long', { text: Array.from({ length: 10_000 }, () => 'word1') }), request('token', { text: undefined, tokens: [1, 99] }),
      request('huge', { text: ['x'.repeat(LIMITS.requestBytesMax)] }), request('early'), request('early'), request('wrong length'),
      record('labels', 'x', 'no label'), label('twice'), label('twice'), label('conflict'), label('conflict', ['T1', 'T1', 'T2']), label('wrong length', ['T0']), label('of nothing'),
      request('twice'), request('conflict'),
    ];
    for (let at = 0; at < good.length; at += 15) await log.append([...good.slice(at, at + 15), ...bad.slice(at / 15, at / 15 + 1)]);
    expect(bad.length).toBe(good.length / 15);
    await until(answered(log, good.length + 4), circle);
    await until(async () => (await refusedCodes(log)).length >= 10, circle);
    await circle.stop();

    const codes = ['label-invalid', 'request-duplicate', 'request-empty', 'request-invalid', 'request-invalid', 'request-not-json', 'request-not-json', 'request-too-large', 'request-too-long', 'token-unknown'];
    expect([...await refusedCodes(log)].sort()).toEqual(codes);
    const told = ofKind(facts, 'refused').flatMap(({ counts }) => Object.entries(counts).flatMap(([code, n]) => Array.from({ length: n }, () => code)));
    expect(told.sort()).toEqual(codes);
    const sum = (of: (fact: Extract<Fact, { kind: 'labels' }>) => number): number => ofKind(facts, 'labels').reduce((n, fact) => n + of(fact), 0);
    expect({
      joined: sum(({ counts }) => counts.joined), duplicate: sum(({ counts }) => counts.duplicate), conflict: sum(({ counts }) => counts.conflict),
      invalid: sum(({ counts }) => counts.invalid), orphan: sum(({ counts }) => counts.orphan), late: sum(({ counts }) => counts.late),
    }).toEqual({ joined: 3, duplicate: 1, conflict: 1, invalid: 2, orphan: 1, late: 0 });
    expect(await settleAccount(log)).toMatchObject({ answered: good.length + 4, lost: 0, doubled: 0 });
    await expectAsOffline(log, model, 60);
  });
});

describe('a training process that is killed in the middle of a job', () => {
  it('costs the job and nothing else: the champion stays, serving goes on, a later job gives a candidate', async () => {
    const folder = temporaryFolder();
    const trainer = childTrainer({ setup: { vault: join(folder, 'vault'), engine: { kind: 'reference', variant: null } }, priority: 0 });
    onTestFinished(() => trainer.close());
    const { circle, facts, log, model } = await open(folder, { trainer, policy: { ...POLICY, cyclesMax: 2, training: { ...POLICY.training, steps: 1e6, secondsMax: 4 } } });
    const feed = startFeed({ log, clock, random: randomFrom(2) }, 'tag', madeSessions('live', 200, 5), { requestsPerSecond: 150, open: 20, labelDelayMs: 50, forever: true, msMax: Infinity });
    await until(() => ofKind(facts, 'job-news').some(({ news }) => news.kind === 'progress'), circle);
    process.kill(trainer.pid!, 'SIGKILL');
    await until(() => ofKind(facts, 'job-failed').length > 0, circle);
    expect(ofKind(facts, 'job-failed')[0]).toMatchObject({ code: 'trainer-crashed', reason: expect.stringContaining('SIGKILL') as string });
    expect(circle.state().roster).toMatchObject({ champion: model.id, challenger: null });
    const before = (await answersOf(log)).length;
    await until(answered(log, before + 100), circle);
    await until(() => ofKind(facts, 'job-done').length > 0, circle);
    expect(circle.state().counts.failures).toBe(1);
    feed.stop();
    await feed.finished;
    await until(answered(log, feed.sent()), circle);
    await circle.stop();
    expect(await settleAccount(log)).toEqual({ sent: feed.sent(), answered: feed.sent(), refused: 0, lost: 0, doubled: 0 });
  }, 120_000);
});

describe('a disk that fills up while serving', () => {
  it('stops the circle with storage-full; with space again the rest is answered, nothing is lost or doubled', async () => {
    const folder = temporaryFolder(), requests = requestsOf(200);
    let room = 60_000;
    const write: WriteBytes = async (file, bytes, position) => {
      const fits = Math.min(bytes.length, room);
      await writeBytes(file, bytes.subarray(0, fits), position);
      room -= fits;
      if (fits < bytes.length) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
    const full = await open(folder, { write });
    const acknowledged: string[] = [];
    const failure = full.circle.failed.catch((error: unknown) => error);
    const refusals = new Set<unknown>();
    for (let at = 0; at < requests.length; at += 5) {
      await full.log.append(requests.slice(at, at + 5)).then(
        () => { acknowledged.push(...requests.slice(at, at + 5).map(({ value }) => (JSON.parse(new TextDecoder().decode(value)) as { id: string }).id)); },
        (error: unknown) => { refusals.add(codeOf(error)); at = requests.length; },
      );
    }
    expect(await failure).toMatchObject({ code: 'storage-full', remedy: expect.stringContaining('Free space') as string });
    expect([...refusals].every((code) => code === 'storage-full')).toBe(true);
    await full.circle.stop().catch((error: unknown) => { expect(codeOf(error)).toBe('storage-full'); });
    await full.log.close();
    expect(acknowledged.length).toBeGreaterThan(0);

    room = Infinity;
    const again = await open(folder, { write });
    // What was appended and acknowledged before is all there, and nothing that was refused.
    expect((await valuesOf(again.log, 'requests')).length).toBe(acknowledged.length);
    await again.log.append(requests.slice(acknowledged.length));
    await until(answered(again.log, requests.length), again.circle);
    await again.circle.stop();
    expect(await settleAccount(again.log)).toEqual({ sent: requests.length, answered: requests.length, refused: 0, lost: 0, doubled: 0 });
    await expectAsOffline(again.log, again.model, 200);
  });
});

describe('a serving process that is killed in the middle of traffic', () => {
  const CHILD = new URL('./serve-child.ts', import.meta.url).pathname;

  /** Runs the process until it has answered so many in this life, then kills it. Tells what it had acknowledged, and whether it ended by itself. */
  async function runUntil(folder: string, champion: string, sessions: number, answers: number): Promise<{ readonly acknowledged: number; readonly done: boolean }> {
    const child = spawn(process.execPath, ['--import', 'tsx', CHILD, folder, champion, String(sessions)], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    const latest = (word: string): number => Number([...said.matchAll(new RegExp(`${word} (\\d+)\n`, 'g'))].at(-1)?.[1] ?? 0);
    child.stdout.on('data', (data: Buffer) => {
      said += data.toString();
      if (latest('answered') >= answers) child.kill('SIGKILL');
    });
    const signal = await new Promise<NodeJS.Signals | null>((resolve) => { child.on('close', (_, by) => { resolve(by); }); });
    expect(signal === 'SIGKILL' || said.endsWith('done\n'), said).toBe(true);
    return { acknowledged: latest('acknowledged'), done: said.endsWith('done\n') };
  }

  it('goes on where it was: nothing lost, nothing doubled, the states of the sessions carried', async () => {
    const folder = temporaryFolder(), sessions = 400;
    const model = await new Models(filesVault(join(folder, 'vault'))).store(draft());
    let acknowledged = 0, kills = 0;
    for (let done = false; !done; kills += done ? 0 : 1) {
      const life = await runUntil(folder, model.id, sessions, [40, 300, 300][kills] ?? Infinity);
      acknowledged = Math.max(acknowledged, life.acknowledged);
      done = life.done;
    }
    expect(kills).toBeGreaterThan(0);
    const log = await openEmbeddedLog({ folder: join(folder, 'log'), clock });
    onTestFinished(() => log.close());
    const total = requestsOf(sessions).length;
    expect(acknowledged).toBe(total);
    expect(await settleAccount(log)).toEqual({ sent: total, answered: total, refused: 0, lost: 0, doubled: 0 });
    await expectAsOffline(log, model, sessions);
  }, 120_000);
});
