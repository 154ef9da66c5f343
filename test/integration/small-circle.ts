/** A circle small enough for tests, real in every part: a task made from a seed, its limits and policy, and what the world sees of it. */
import type { Circle } from '../../src/cli/compose/circle.ts';
import type { DemoCorpus } from '../../src/cli/demo/corpus.ts';
import type { Fact, FactKind } from '../../src/facts.ts';
import type { Policy } from '../../src/loop/policy.ts';
import { forward } from '../../src/model/cell.ts';
import type { Model } from '../../src/model/model.ts';
import type { Log, LogRecord, Topic, Trainer } from '../../src/ports.ts';
import type { ServingLimits } from '../../src/serving/limits.ts';
import { randomFrom } from '../../src/support/random.ts';
import type { CorpusSession, TaggedSequence } from '../../src/traffic/corpus.ts';

const WORDS = Array.from({ length: 30 }, (_, n) => `word${n}`);
const CLASSES = 3;
export const TAGS = ['T0', 'T1', 'T2', 'T3', 'T4'];

/**
 * Sessions of five sequences. The tag of a word depends on its class and on the class of the word before it, across
 * the sequences of a session too: only a network that carries its state gets the first word of a sequence right.
 */
export function madeSessions(prefix: string, count: number, seed: number): readonly CorpusSession[] {
  const random = randomFrom(seed);
  return Array.from({ length: count }, (_, s) => {
    let before = 0;
    const sequences = Array.from({ length: 5 }, (): TaggedSequence => {
      const ids = Array.from({ length: 3 + Math.floor(6 * random()) }, () => Math.floor(WORDS.length * random()));
      const tags = ids.map((id) => {
        const own = id % CLASSES, tag = TAGS[(CLASSES * before + own) % TAGS.length]!;
        before = own;
        return tag;
      });
      return { words: ids.map((id) => WORDS[id]!), tags };
    });
    return { id: `${prefix}${s}`, genre: 'made', sequences };
  });
}

export const madeCorpus = (): DemoCorpus => ({
  name: 'made words', task: 'tag', training: madeSessions('train', 300, 1), live: madeSessions('live', 4000, 2), heldOut: madeSessions('held', 60, 3),
  tokenizer: { kind: 'words', words: WORDS, suffixes: [], foldCase: false }, labels: TAGS,
});

export const LIMITS: ServingLimits = {
  unsettledMax: 256, batchMax: 32, shadowWaitingMax: 4096, stepsMax: 50, requestBytesMax: 1 << 20, sessionsMax: 10_000, sessionIdleMsMax: 600_000,
  labelWaitMs: 60_000, pendingMax: 20_000, evidenceEveryMs: 100, bulkEveryMs: 300, sampleEvery: 2, replayItemsMax: 1000,
  blockRequestsMax: 5, blockIdleMs: 60_000, statesDurable: true,
};

/** A policy for one cycle; many things small, so that little traffic decides. */
export const POLICY: Policy = {
  seed: 1, density: 0.5, cycles: 1, cyclesMax: 3, criterion: 'obs', scope: 'network', reconstruct: true,
  training: { steps: 60, lanes: 16, window: 12, learningRate: 4e-3, labelShare: 0.5, temperature: 2, dropout: 0, heldOut: 0.2, secondsMax: 60 },
  momentsVectorsMin: 500, replayItemsMin: 60, rehearsal: [], margin: 0.05, alpha: 0.05, anchorShare: 1, shadowShare: 1,
  rungs: [{ share: 0.5, blocksMin: 5, msMin: 0 }, { share: 1, blocksMin: 5, msMin: 0 }],
  probationBlocks: 20, probationMsMax: 60_000, tuneMsMax: 120_000, enlistMsMax: 30_000, routeMsMax: 30_000, trialMsMax: 120_000,
};

/** A policy under which no job is ever ordered. */
export const SERVE_ONLY: Policy = { ...POLICY, momentsVectorsMin: Number.MAX_SAFE_INTEGER };
export const NO_TRAINER: Trainer = { tune: () => { throw new Error('no job was to be ordered'); }, close: () => Promise.resolve() };

/** Waits until the condition holds, looking again and again; what ends the circle ends the waiting. */
export async function until(condition: () => boolean | Promise<boolean>, circle?: Pick<Circle, 'failed'>): Promise<void> {
  while (!(await condition())) {
    const turn = new Promise<void>((resolve) => { setTimeout(resolve, 10); });
    await (circle === undefined ? turn : Promise.race([turn, circle.failed]));
  }
}

export const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
export const record = (topic: Topic, key: string, value: unknown): LogRecord => ({ topic, key, value: bytesOf(value) });

export async function valuesOf(log: Log, topic: Topic): Promise<readonly Uint8Array[]> {
  const values: Uint8Array[] = [];
  for await (const { value } of log.read(topic)) values.push(value);
  return values;
}

export interface Answered { readonly id: string; readonly session: string; readonly labels: readonly string[]; readonly model: string }

export const answersOf = async (log: Log): Promise<readonly Answered[]> =>
  (await valuesOf(log, 'predictions')).map((value) => JSON.parse(new TextDecoder().decode(value)) as Answered);

export async function refusedCodes(log: Log): Promise<readonly string[]> {
  return (await valuesOf(log, 'refused')).map((value) => (JSON.parse(new TextDecoder().decode(value)) as { code: string }).code);
}

/** Keeps all facts of a circle. */
export function hear(circle: Circle): readonly Fact[] {
  const facts: Fact[] = [];
  circle.facts$.subscribe({ next: (fact) => { facts.push(fact); } });
  return facts;
}

export const ofKind = <K extends FactKind>(facts: readonly Fact[], kind: K): readonly Extract<Fact, { kind: K }>[] =>
  facts.filter((fact): fact is Extract<Fact, { kind: K }> => fact.kind === kind);

/** Below this the two best labels of a step are a tie, in single precision. */
const TIE = 1e-4;

/**
 * Where the served labels of a session differ from the model's own answers offline in double precision, with the state
 * carried from sequence to sequence; ties are left out. Empty where all agree.
 */
export function differences(model: Model, sequences: readonly TaggedSequence[], served: readonly (readonly string[])[]): readonly string[] {
  const wordId = new Map(model.tokenizer.words.map((word, id) => [word, id]));
  const found: string[] = [];
  let state: Parameters<typeof forward>[2] = null;
  sequences.forEach(({ words }, at) => {
    const { labels, probabilities, h, c } = forward(model, Int32Array.from(words, (word) => wordId.get(word)!), state);
    state = { h: Float64Array.from(Float32Array.from(h)), c: Float64Array.from(Float32Array.from(c)) };
    labels.forEach((label, step) => {
      const mine = model.labels[label]!, theirs = served[at]?.[step];
      const row = [...probabilities.subarray(step * model.labels.length, (step + 1) * model.labels.length)].sort((a, b) => b - a);
      if (mine !== theirs && row[0]! - row[1]! > TIE) found.push(`sequence ${at}, step ${step}: served ${String(theirs)}, offline ${mine}`);
    });
  });
  return found;
}
