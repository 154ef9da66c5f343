/** What swaps are measured in: a serving line on an embedded log under steady traffic, with every request timed. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { BehaviorSubject, lastValueFrom, throwError, toArray } from 'rxjs';
import { sha256 } from '../../adapters/digest.ts';
import { chooseEngine } from '../../adapters/engine/choose.ts';
import { openEmbeddedLog } from '../../adapters/log/embedded.ts';
import { systemClock } from '../../adapters/clock/system.ts';
import { filesVault } from '../../adapters/vault/files.ts';
import { EspalierError } from '../../errors.ts';
import type { Order } from '../../loop/orders.ts';
import { encodeArtifact } from '../../model/artifact.ts';
import { densityOfMask, maskLayer } from '../../model/mask.ts';
import type { ModelDraft, ModelId } from '../../model/model.ts';
import { sampleModel } from '../../model/sample-model.ts';
import type { ModelShape } from '../../model/shape.ts';
import { unitsOf } from '../../model/shape.ts';
import { vocabularyOf } from '../../model/tokenize.ts';
import type { Tokenizer } from '../../model/tokenizer.ts';
import type { Clock, Log, LogRecord, Trainer } from '../../ports.ts';
import { firstRoster } from '../../rollout/roster.ts';
import type { Roster } from '../../rollout/roster.ts';
import { openLine } from '../../serving/pipeline.ts';
import { randomFrom } from '../../support/random.ts';
import type { CorpusSession } from '../../traffic/corpus.ts';
import { Models } from '../compose/models.ts';
import { executeOrder } from '../compose/orders.ts';
import { settleAccount } from '../demo/account.ts';
import type { Account } from '../demo/account.ts';
import { startFeed } from '../demo/feed.ts';
import { planDemo } from '../demo/plan.ts';

const SALT = 'swap-bench';
/** Share of the connections that the second model keeps, drawn at random. */
export const DENSITY = 0.2;
const WORDS_MIN = 8, WORDS_MAX = 40, SESSIONS = 200, SEQUENCES = 10, OPEN = 96, LABEL_DELAY_MS = 500;

export interface SwapWorldOptions {
  readonly seed: number;
  readonly shape: ModelShape;
  readonly requestsPerSecond: number;
}

/** When a request was handed to the log, and when its answer was durable; milliseconds of the monotonic clock. */
export interface Timing { readonly sentMs: number; answeredMs: number | null }

export interface SwapWorld {
  readonly clock: Clock;
  readonly engineName: string;
  /** Every request of the traffic, in the order of sending. */
  readonly timings: () => Iterable<Timing>;
  /** Puts the other model in the place of the present one: enlist, route, wait until it is released, retire. */
  swap(): Promise<{ readonly swapMs: number; readonly routeMs: number }>;
  /** Ends the traffic, drains the line, and settles the account. */
  finish(): Promise<Account>;
  close(): Promise<void>;
}

/** A dense network of random weights, and the same with a random mask. */
function drafts(shape: ModelShape, seed: number): { readonly dense: ModelDraft; readonly pruned: ModelDraft; readonly words: readonly string[] } {
  const none: Tokenizer = { kind: 'words', words: [], suffixes: [], foldCase: false };
  const words = Array.from({ length: shape.vocabulary - vocabularyOf(none) }, (_, at) => `w${at}`);
  const dense: ModelDraft = { ...sampleModel(shape, 1, randomFrom(seed), 'dense'), tokenizer: { ...none, words } };
  const random = randomFrom(seed + 1);
  const mask = dense.mask.map((layer) => layer.map(() => (random() < DENSITY ? 1 : 0)));
  const weights = { ...dense.weights, layers: dense.weights.layers.map((layer, at) => maskLayer(layer, mask[at]!, unitsOf(shape))) };
  return { dense, pruned: { ...dense, weights, mask, lineage: { ...dense.lineage, density: densityOfMask(mask), criterion: 'random' } }, words };
}

/** Sessions of random words, whose state goes on from sequence to sequence. */
function sessionsOfWords(words: readonly string[], labels: readonly string[], random: () => number): readonly CorpusSession[] {
  const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)]!;
  return Array.from({ length: SESSIONS }, (_, s) => ({
    id: `s${s}`, genre: 'random',
    sequences: Array.from({ length: SEQUENCES }, () => {
      const steps = WORDS_MIN + Math.floor(random() * (WORDS_MAX - WORDS_MIN + 1));
      return { words: Array.from({ length: steps }, () => pick(words)), tags: Array.from({ length: steps }, () => pick(labels)) };
    }),
  }));
}

const idOf = ({ value }: LogRecord): string => (JSON.parse(new TextDecoder().decode(value)) as { id: string }).id;

/** The log as line and traffic see it, which notes when requests go in and when answers are durable. */
function timed(log: Log, clock: Clock, timings: Map<string, Timing>): Log {
  return {
    consume: (options) => log.consume(options),
    read: (topic) => log.read(topic),
    append: (records) => {
      for (const record of records) if (record.topic === 'requests') timings.set(idOf(record), { sentMs: clock.monotonicMs(), answeredMs: null });
      return log.append(records);
    },
    transact: async (transaction) => {
      await log.transact(transaction);
      const now = clock.monotonicMs();
      for (const record of transaction.records) {
        const timing = record.topic === 'predictions' ? timings.get(idOf(record)) : undefined;
        if (timing !== undefined) timing.answeredMs ??= now;
      }
    },
    close: () => log.close(),
  };
}

const NO_TRAINER: Trainer = { tune: () => throwError(() => new EspalierError('trainer-unavailable', 'Nothing is trained here.')), close: () => Promise.resolve() };

/** Opens the world in a temporary folder of its own and starts the traffic. Throws engine-unavailable, storage errors. */
export async function openSwapWorld({ seed, shape, requestsPerSecond }: SwapWorldOptions): Promise<SwapWorld> {
  const { engine } = await chooseEngine({ kind: 'native' });
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'espalier-swap-'));
  const clock = systemClock(), timings = new Map<string, Timing>();
  const vault = filesVault(path.join(folder, 'vault')), models = new Models(vault);
  const log = timed(await openEmbeddedLog({ folder: path.join(folder, 'log'), clock }), clock, timings);
  const { dense, pruned, words } = drafts(shape, seed);
  const ids: readonly [ModelId, ModelId] = [encodeArtifact(dense, sha256).id, encodeArtifact(pruned, sha256).id];
  for (const draft of [dense, pruned]) models.forget((await models.store(draft)).id);
  await engine.enlist(await models.load(ids[0]));

  const { limits, policy } = planDemo({ minutes: 8, seed, units: unitsOf(shape), density: DENSITY }, 1);
  const roster$ = new BehaviorSubject<Roster>(firstRoster(ids[0], SALT, { anchorShare: 0 }));
  const line = openLine({ log, engine, vault, clock, random: randomFrom(seed + 2), instance: SALT }, limits, models, roster$, policy.margin);
  let failed: unknown = null;
  line.facts$.subscribe({ error: (error: unknown) => { failed = error; } });
  await line.ready;
  const feed = startFeed({ log, clock, random: randomFrom(seed + 3) }, 'tag', sessionsOfWords(words, dense.labels, randomFrom(seed + 4)), { requestsPerSecond, open: OPEN, labelDelayMs: LABEL_DELAY_MS, forever: true, msMax: Infinity });
  let feedError: unknown = null;
  feed.finished.catch((error: unknown) => { feedError = error; });

  let orders = 0;
  const carryOut = async (order: Order): Promise<void> => {
    if ((failed ?? feedError) !== null) throw failed ?? feedError;
    const facts = await lastValueFrom(executeOrder({ engine, trainer: NO_TRAINER, vault, log, clock, models, roster$, instance: SALT, released: (model) => line.released(model) }, order).pipe(toArray()));
    for (const fact of facts) if (fact.kind === 'enlist-failed' || fact.kind === 'order-failed') throw new EspalierError(fact.code, fact.reason);
  };
  const swap = async (): Promise<{ swapMs: number; routeMs: number }> => {
    const present = roster$.value, next = present.champion === ids[0] ? ids[1] : ids[0];
    const of = { order: `swap-${orders++}`, deadline: Infinity };
    const began = clock.monotonicMs();
    await carryOut({ ...of, kind: 'enlist', model: next });
    const enlisted = clock.monotonicMs();
    await carryOut({ ...of, kind: 'route', roster: { ...firstRoster(next, SALT, { anchorShare: 0 }), version: present.version + 1 } });
    const routeMs = clock.monotonicMs() - enlisted;
    await carryOut({ ...of, kind: 'retire', model: present.champion });
    return { swapMs: clock.monotonicMs() - began, routeMs };
  };
  const finish = async (): Promise<Account> => {
    feed.stop();
    await feed.finished;
    const deadline = clock.monotonicMs() + limits.labelWaitMs;
    while ([...timings.values()].some(({ answeredMs }) => answeredMs === null) && clock.monotonicMs() < deadline) await clock.sleep(20);
    await line.drain();
    return settleAccount(log);
  };
  const close = async (): Promise<void> => {
    feed.stop();
    await feed.finished.catch(() => undefined);
    await line.drain().catch(() => undefined);
    await log.close();
    fs.rmSync(folder, { recursive: true, force: true });
  };
  return { clock, engineName: engine.name, timings: () => timings.values(), swap, finish, close };
}
