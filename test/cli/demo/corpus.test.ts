// Goal: the demonstration reads what it says, and what it trains on, serves and holds out never overlap. Method: the Brown corpus from its package, counted; files of one's own, good and bad.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { itemsOf } from '../../../src/cli/data/items.ts';
import { corpusOf, loadCorpus, readBrown, readOwn } from '../../../src/cli/demo/corpus.ts';
import type { DemoCorpus } from '../../../src/cli/demo/corpus.ts';
import { vocabularyOf } from '../../../src/model/tokenize.ts';
import type { CorpusSession } from '../../../src/traffic/corpus.ts';
import { temporaryFolder } from '../../adapters/temporary.ts';

const countSequences = (sessions: readonly CorpusSession[]): number => sessions.reduce((n, session) => n + session.sequences.length, 0);
const parts = ({ training, live, heldOut }: DemoCorpus): readonly (readonly CorpusSession[])[] => [training, live, heldOut];

/** Sessions of each genre. */
function byGenre(sessions: readonly CorpusSession[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { genre } of sessions) counts.set(genre, (counts.get(genre) ?? 0) + 1);
  return counts;
}

function expectSound(corpus: DemoCorpus): void {
  const all = parts(corpus).flat();
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  const held = byGenre(corpus.heldOut);
  for (const [genre, sessions] of byGenre(all)) expect(held.get(genre) ?? 0, genre).toBe(Math.floor(sessions / 10));
}

describe('the Brown corpus', () => {
  const documents = readBrown();
  const corpus = loadCorpus(undefined);

  it('is read whole: 500 documents, 57,340 sentences, 15 genres, news first', () => {
    expect(documents).toHaveLength(500);
    expect(documents.reduce((n, { sequences }) => n + sequences.length, 0)).toBe(57_340);
    expect(new Set(documents.map(({ genre }) => genre)).size).toBe(15);
    expect(documents[0]!.genre).toBe('news');
    for (const { sequences } of documents) for (const { words, tags } of sequences) if (words.length === 0 || words.length !== tags.length) expect.fail('a sentence without one tag for each word');
  });

  it('is cut into training, live and held-out sessions: disjoint, complete, one in ten of each genre held out', () => {
    expectSound(corpus);
    expect(parts(corpus).reduce((n, sessions) => n + countSequences(sessions), 0)).toBe(57_340);
    expect([...byGenre(corpus.training).keys()]).toEqual(['news', 'editorial', 'reviews']);
    expect([...byGenre(corpus.live).keys()]).toHaveLength(12);
    expect(corpus.live.every(({ genre }) => !['news', 'editorial', 'reviews'].includes(genre))).toBe(true);
  });

  it('has 124 labels in the training part, and no word that the tokenizer has not seen there twice', () => {
    expect(corpus.labels).toHaveLength(124);
    const counts = new Map<string, number>();
    for (const { words } of corpus.training.flatMap(({ sequences }) => sequences)) for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
    expect(corpus.tokenizer.words.every((word) => counts.get(word)! >= 2)).toBe(true);
  });

  it('becomes items: a session each where state is carried, else a sequence each, with the same steps', () => {
    const sessions = corpus.heldOut.slice(0, 20);
    const steps = (carried: boolean): number => itemsOf(corpus, sessions, carried).reduce((n, { inputs }) => n + inputs.length, 0);
    expect(itemsOf(corpus, sessions, true)).toHaveLength(20);
    expect(itemsOf(corpus, sessions, false)).toHaveLength(countSequences(sessions));
    expect(steps(true)).toBe(steps(false));
    for (const { inputs, targets } of itemsOf(corpus, sessions, true)) {
      expect(targets).toHaveLength(inputs.length);
      expect(inputs.every((id) => id >= 0 && id < vocabularyOf(corpus.tokenizer))).toBe(true);
      expect(targets!.every((id) => id >= -1 && id < 124)).toBe(true);
    }
  });
});

describe("one's own JSON lines", () => {
  const tagged = { words: ['a', 'b'], tags: ['X', 'Y'] }, labelled = { text: ' book  a table', label: 'book' };
  function file(lines: readonly unknown[]): string {
    const path = join(temporaryFolder(), 'own.jsonl');
    writeFileSync(path, lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));
    return path;
  }
  const many = (line: object, n: number): readonly object[] => Array.from({ length: n }, () => line);

  it('are tagged sequences, in documents of runs of one genre', () => {
    const path = file([...many({ ...tagged, genre: 'p' }, 600), '', ...many({ ...tagged, genre: 'q' }, 600)]);
    const { documents, task } = readOwn(path);
    expect(task).toBe('tag');
    expect(documents.map(({ genre, sequences }) => `${genre}${sequences.length}`)).toEqual([...many({}, 6).map(() => 'p100'), ...many({}, 6).map(() => 'q100')]);
    const corpus = loadCorpus(path);
    expectSound(corpus);
    expect(parts(corpus).reduce((n, sessions) => n + countSequences(sessions), 0)).toBe(1200);
    expect([corpus.training.length, corpus.heldOut.length]).toEqual([36, 12]);
    expect(corpus).toMatchObject({ name: 'own.jsonl', task: 'tag', labels: ['X', 'Y'] });
  });

  it('are texts with a label each', () => {
    const corpus = loadCorpus(file(many(labelled, 1000)));
    expect(corpus).toMatchObject({ task: 'classify', labels: ['book'] });
    expect(corpus.live[0]!.sequences[0]).toEqual({ words: ['book', 'a', 'table'], tags: ['book'] });
    expect(itemsOf(corpus, corpus.live, false)[0]!.targets).toEqual(Int32Array.of(0));
  });

  it.each([
    ['no JSON', '{"words":', 'not valid JSON'],
    ['no object', [1], 'not an object'],
    ['null', 'null', 'not an object'],
    ['lengths that differ', { words: ['a'], tags: ['X', 'Y'] }, 'as many strings as there are steps'],
    ['a word that is none', { words: [1], tags: ['X'] }, 'list of strings'],
    ['no words', { words: [], tags: [] }, 'words is empty'],
    ['an empty text', { text: '  ', label: 'x' }, 'the text is empty'],
    ['another task', labelled, 'mixed'],
  ])('with %s are refused with the line', (_, line, what) => {
    const path = file([tagged, tagged, line, tagged]);
    expect(() => readOwn(path)).toThrowError(expect.objectContaining({ code: 'data-unreadable', details: expect.stringMatching(new RegExp(`own\\.jsonl:3: .*${what}`)) as string }) as Error);
  });

  it('are refused where they are too few, none, or not there', () => {
    for (const path of [file(many(tagged, 900)), file([]), join(temporaryFolder(), 'absent.jsonl')]) {
      expect(() => readOwn(path)).toThrowError(expect.objectContaining({ code: 'data-unreadable', details: expect.stringContaining(path) as string }) as Error);
    }
  });

  it('give the same corpus for the same documents', () => {
    const { documents, task } = readOwn(file(many(tagged, 1000)));
    const cut = (): DemoCorpus => corpusOf('own', task, documents, (_, at) => at < 3);
    expect(cut()).toEqual(cut());
  });
});
