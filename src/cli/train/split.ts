/** One's own data in three parts by seed: to train on, to stop by (validation), and to judge by at the end (test). */
import { EspalierError } from '../../errors.ts';
import type { ReplayItem } from '../../evidence/replay.ts';
import type { StateMode } from '../../model/shape.ts';
import { randomFrom, shuffle } from '../../support/random.ts';
import { sessionsOf } from '../../traffic/corpus.ts';
import type { CorpusSession, TaggedSequence } from '../../traffic/corpus.ts';
import { splitItems } from '../../tuning/examine.ts';
import { SESSION_LENGTH, documentsOf, itemsOf, vocabularyFrom } from '../data/items.ts';
import type { Vocabulary } from '../data/items.ts';
import type { DataLine } from '../data/read.ts';

/** Share of the sessions that are the test part, and of the others that are the validation part. */
const TEST_SHARE = 0.1, VALIDATION_SHARE = 0.1;
/** Validation items that are aimed at where data are few; whole sessions where state is carried. */
const VALIDATION_MIN = 5;
/** Sequences below which three parts say nothing. */
const LINES_MIN = 40;

export interface Parts extends Vocabulary {
  /** Training and validation items; those without any known label are left out. */
  readonly fit: readonly ReplayItem[];
  /** Share of `fit` that a job with this `heldOut` sets aside: the validation part. */
  readonly validationShare: number;
  readonly test: readonly ReplayItem[];
  /** Sequences of each part. */
  readonly counts: { readonly training: number; readonly validation: number; readonly test: number };
  /** Items to train on that were left out because their labels are too rare. */
  readonly dropped: number;
}

/** Lines as sessions: of consecutive lines where state is carried, else of one line each. */
export const sessionsOfLines = (lines: readonly DataLine[], state: StateMode): readonly CorpusSession[] =>
  sessionsOf(documentsOf(lines), state === 'carry' ? SESSION_LENGTH : 1);

/** Sessions of the same words stay on one side, so that nothing of the test part was trained on. */
function setAside(sessions: readonly CorpusSession[], share: number, random: () => number): { readonly rest: readonly CorpusSession[]; readonly aside: readonly CorpusSession[] } {
  const alike = new Map<string, CorpusSession[]>();
  for (const session of sessions) {
    const words = JSON.stringify(session.sequences.map((sequence) => sequence.words));
    const group = alike.get(words);
    if (group === undefined) alike.set(words, [session]);
    else group.push(session);
  }
  const rest: CorpusSession[] = [], aside: CorpusSession[] = [];
  for (const group of shuffle([...alike.values()], random)) (aside.length < share * sessions.length ? aside : rest).push(...group);
  return { rest, aside };
}

const sequencesIn = (sessions: readonly CorpusSession[]): readonly TaggedSequence[] => sessions.flatMap(({ sequences }) => sequences);

/**
 * Splits lines by seed. Words and labels are those of the training part alone.
 * Throws data-unreadable where a part would be empty or there is nothing to tell apart.
 */
export function splitLines(lines: readonly DataLine[], state: StateMode, seed: number, labelsMin: number): Parts {
  const tooLittle = (what: string): never => { throw new EspalierError('data-unreadable', `Too little data: ${what}. More data, or now and then another seed, will do.`); };
  if (lines.length < LINES_MIN) tooLittle(`${lines.length} sequences, and at least ${LINES_MIN} are needed to train, stop and judge`);
  // The seed is in the names, by whose hash a job sets its validation part aside.
  const sessions = sessionsOfLines(lines, state).map((session) => ({ ...session, id: `${seed}.${session.id}` }));
  const { rest, aside } = setAside(sessions, TEST_SHARE, randomFrom(seed));
  const validationShare = Math.min(0.5, Math.max(VALIDATION_SHARE, VALIDATION_MIN / Math.max(1, rest.length)));
  const { training, heldOut } = splitItems(rest, validationShare);
  if (training.length === 0 || heldOut.length === 0 || aside.length === 0) tooLittle(`${sessions.length} sessions give ${training.length} to train on, ${heldOut.length} to stop by and ${aside.length} to judge by`);
  const vocabulary = vocabularyFrom(sequencesIn(training), labelsMin);
  if (vocabulary.labels.length < 2) tooLittle(`${vocabulary.labels.length} labels are seen ${labelsMin} times or more in the training part, and at least 2 are needed`);
  const all = itemsOf(vocabulary, rest, true);
  const fit = all.filter(({ targets }) => targets!.some((target) => target >= 0));
  if (Object.values(splitItems(fit, validationShare)).some((part) => part.length === 0)) tooLittle('no sequence with a known label is left in the training or the validation part');
  return {
    ...vocabulary, fit, validationShare, test: itemsOf(vocabulary, aside, true), dropped: all.length - fit.length,
    counts: { training: sequencesIn(training).length, validation: sequencesIn(heldOut).length, test: sequencesIn(aside).length },
  };
}
