/** Sequences of words as what a network is trained on and examined with: a tokenizer, label ids, items. */
import type { ReplayItem } from '../../evidence/replay.ts';
import { tokenizerOf, wordIds } from '../../model/tokenize.ts';
import type { Tokenizer } from '../../model/tokenizer.ts';
import type { CorpusDocument, CorpusSession, TaggedSequence } from '../../traffic/corpus.ts';

/** What words and labels mean to a network. */
export interface Vocabulary {
  readonly tokenizer: Tokenizer;
  readonly labels: readonly string[];
}

/** Sequences of one session; the state of the network runs through them. */
export const SESSION_LENGTH = 10;
/** Word forms seen at least this often in the training part are known; the others fall into classes of look and suffix. */
const COUNT_MIN = 2;
const WORDS_MAX = 20_000;
const SUFFIXES = ['ing', 'ed', 'ly', 's', "'s", "s'", 'er', 'est', 'ion', 'ity', 'ness', 'ment', 'ous', 'al', 'ic', 'ive', 'able', 'ful', 'less', 'y', 'ism', 'ist', 'ship', 'ance', 'ence', 'ize', 'ish', 'an', 'e', 'en', 'o', 'a'];

/** Words and labels of the training part; labels seen less than `labelsMin` times are left out. */
export function vocabularyFrom(sequences: readonly TaggedSequence[], labelsMin = 1): Vocabulary {
  const counts = new Map<string, number>();
  for (const { tags } of sequences) for (const tag of tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  return {
    tokenizer: tokenizerOf(sequences.map(({ words }) => words), { countMin: COUNT_MIN, wordsMax: WORDS_MAX, suffixes: SUFFIXES, foldCase: true }),
    labels: [...counts].filter(([, count]) => count >= labelsMin).map(([label]) => label).sort(),
  };
}

const DOCUMENT_LENGTH = 100;

/** Runs of sequences of one genre as documents. */
export function documentsOf(lines: Iterable<{ readonly genre: string; readonly sequence: TaggedSequence }>): readonly CorpusDocument[] {
  const documents: { name: string; genre: string; sequences: TaggedSequence[] }[] = [];
  for (const { genre, sequence } of lines) {
    let last = documents.at(-1);
    if (last === undefined || last.genre !== genre || last.sequences.length >= DOCUMENT_LENGTH) documents.push(last = { name: `d${documents.length}`, genre, sequences: [] });
    last.sequences.push(sequence);
  }
  return documents;
}

/** Sessions as items: one a session where state is carried, else one a sequence; −1 for a label that the network has not. */
export function itemsOf({ tokenizer, labels }: Vocabulary, sessions: readonly CorpusSession[], carried: boolean): readonly ReplayItem[] {
  const id = wordIds(tokenizer);
  const label = new Map(labels.map((tag, i) => [tag, i]));
  const item = (name: string, sequences: readonly TaggedSequence[]): ReplayItem => ({
    id: name,
    inputs: Int32Array.from(sequences.flatMap((s) => s.words.map(id))),
    targets: Int32Array.from(sequences.flatMap((s) => s.tags.map((tag) => label.get(tag) ?? -1))),
  });
  return sessions.flatMap((session) => carried ? [item(session.id, session.sequences)] : session.sequences.map((s, i) => item(`${session.id}:${i}`, [s])));
}
