/** One's own data in three parts by seed: to train on, to stop by (validation), and to judge by at the end (test). */
import { sha256 } from '../../adapters/digest.ts';
import { EspalierError } from '../../errors.ts';
import type { ReplayItem } from '../../evidence/replay.ts';
import type { StateMode } from '../../model/shape.ts';
import { NO_TOKENIZER } from '../../model/tokenizer.ts';
import { bytesOfNumbers } from '../../support/bytes.ts';
import { randomFrom, shuffle } from '../../support/random.ts';
import { splitItems } from '../../tuning/examine.ts';
import type { Example, ExampleSession, Reading } from '../data/example.ts';
import { itemsOfSessions, sessionsOfExamples } from '../data/example.ts';
import { SESSION_LENGTH, vocabularyFrom } from '../data/items.ts';
import type { ExampleData } from '../data/read.ts';

/** Share of the sessions that are the test part, and of the others that are the validation part. */
export const TEST_SHARE = 0.1, VALIDATION_SHARE = 0.1;
/** Validation items that are aimed at where data are few; whole sessions where state is carried. */
const VALIDATION_MIN = 5;
/** Examples below which three parts say nothing. */
const EXAMPLES_MIN = 40;

export interface Parts {
  readonly reading: Reading;
  /** Training and validation items; those without any known label are left out. */
  readonly fit: readonly ReplayItem[];
  /** Share of `fit` that a job with this `heldOut` sets aside: the validation part. */
  readonly validationShare: number;
  readonly test: readonly ReplayItem[];
  /** Sequences of each part (of a text: steps). */
  readonly counts: { readonly training: number; readonly validation: number; readonly test: number };
  /** Items to train on that were left out because their labels are too rare. */
  readonly dropped: number;
}

export const tooLittle = (what: string): never => { throw new EspalierError('data-unreadable', `Too little data: ${what}. More data, or now and then another seed, will do.`); };

/** Consecutive examples where state is carried, else each by itself. */
export const sessionsFor = (examples: readonly Example[], state: StateMode): readonly ExampleSession[] => sessionsOfExamples(examples, state === 'carry' ? SESSION_LENGTH : 1);

/** Frames by their checksum, since as text they would be five times as large as they are; + 0 makes one of both zeros. */
const keyOf = ({ examples }: ExampleSession): string => JSON.stringify(examples.map(({ input }) => (input instanceof Float32Array ? sha256(bytesOfNumbers(input.map((value) => value + 0))) : input)));

/** Sessions of the same inputs stay on one side, so that nothing of the test part was trained on. */
function setAside(sessions: readonly ExampleSession[], share: number, random: () => number): { readonly rest: readonly ExampleSession[]; readonly aside: readonly ExampleSession[] } {
  const alike = new Map<string, ExampleSession[]>();
  for (const session of sessions) {
    const key = keyOf(session), group = alike.get(key);
    if (group === undefined) alike.set(key, [session]);
    else group.push(session);
  }
  const rest: ExampleSession[] = [], aside: ExampleSession[] = [];
  for (const group of shuffle([...alike.values()], random)) (aside.length < share * sessions.length ? aside : rest).push(...group);
  return { rest, aside };
}

const examplesIn = (sessions: readonly ExampleSession[]): readonly Example[] => sessions.flatMap(({ examples }) => examples);

/** Words and labels of the training part alone. */
function readingFrom({ task, width, outputs }: ExampleData, training: readonly Example[], labelsMin: number): Reading {
  const words = training.map(({ input, answer }) => ({ words: input instanceof Float32Array ? [] : input, tags: answer instanceof Float32Array ? [] : answer }));
  const { tokenizer, labels } = vocabularyFrom(words, labelsMin);
  if (task !== 'regress' && labels.length < 2) tooLittle(`${labels.length} labels are seen ${labelsMin} times or more in the training part, and at least 2 are needed`);
  return { task, tokenizer: width > 0 ? NO_TOKENIZER : tokenizer, labels, width, outputs: task === 'regress' ? outputs : labels.length };
}

/**
 * Splits examples by seed. Throws data-unreadable where a part would be empty or there is nothing to tell apart.
 * @param given what inputs and answers mean to a model that is there already; then nothing is left out
 */
export function splitExamples(data: ExampleData, state: StateMode, seed: number, labelsMin: number, given?: Reading): Parts {
  const { examples } = data;
  if (examples.length < EXAMPLES_MIN) tooLittle(`${examples.length} sequences, and at least ${EXAMPLES_MIN} are needed to train, stop and judge`);
  // The seed is in the names, by whose hash a job sets its validation part aside.
  const sessions = sessionsFor(examples, state).map((session) => ({ ...session, id: `${seed}.${session.id}` }));
  const { rest, aside } = setAside(sessions, TEST_SHARE, randomFrom(seed));
  const validationShare = Math.min(0.5, Math.max(VALIDATION_SHARE, VALIDATION_MIN / Math.max(1, rest.length)));
  const { training, heldOut } = splitItems(rest, validationShare);
  if (training.length === 0 || heldOut.length === 0 || aside.length === 0) tooLittle(`${sessions.length} sessions give ${training.length} to train on, ${heldOut.length} to stop by and ${aside.length} to judge by`);
  const reading = given ?? readingFrom(data, examplesIn(training), labelsMin);
  const all = itemsOfSessions(reading, rest);
  const fit = reading.task === 'regress' || given !== undefined ? all : all.filter(({ targets }) => targets!.some((target) => target >= 0));
  if (Object.values(splitItems(fit, validationShare)).some((part) => part.length === 0)) tooLittle('no sequence with a known label is left in the training or the validation part');
  return {
    reading, fit, validationShare, test: itemsOfSessions(reading, aside), dropped: all.length - fit.length,
    counts: { training: examplesIn(training).length, validation: examplesIn(heldOut).length, test: examplesIn(aside).length },
  };
}
