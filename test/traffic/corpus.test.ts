// Goal: the corpus is read and served as stated. Method: examples of the Brown format, properties of the interleaving.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { genreOf, parseBrown, plainTag } from '../../src/traffic/brown.ts';
import { interleave, sessionsOf, unigramTagger } from '../../src/traffic/corpus.ts';
import { randomFrom } from '../../src/support/random.ts';

it('reads words, tags and sentences', () => {
  const sentences = parseBrown('\n\n\tThe/at Fulton/np-tl County/nn-tl said/vbd 1\\/2/cd ./.\n\n\tde/fw-in-tl facto/fw-nn ``/``\n   \n');
  expect(sentences).toEqual([
    { words: ['The', 'Fulton', 'County', 'said', '1\\/2', '.'], tags: ['at', 'np', 'nn', 'vbd', 'cd', '.'] },
    { words: ['de', 'facto', '``'], tags: ['in', 'nn', '``'] },
  ]);
});

it('strips marks of titles, headlines, citations and foreign words, and nothing else', () => {
  expect(['nn-tl-hl', 'fw-nn-nc', 'np$-tl', '--', '.-hl', '--hl', 'vbd*'].map(plainTag)).toEqual(['nn', 'nn', 'np$', '--', '.', '-', 'vbd*']);
});

it('knows the genre of a document by its name', () => {
  expect([genreOf('ca01'), genreOf('cr09'), genreOf('ci01'), genreOf('README'), genreOf('cats.txt')]).toEqual(['news', 'humor', undefined, undefined, undefined]);
});

it('cuts documents into sessions of consecutive sequences', () => {
  const sequences = Array.from({ length: 23 }, (_, i) => ({ words: [String(i)], tags: ['x'] }));
  const sessions = sessionsOf([{ name: 'ca01', genre: 'news', sequences }], 10);
  expect(sessions.map((s) => s.sequences.length)).toEqual([10, 10, 3]);
  expect(sessions.flatMap((s) => s.sequences)).toEqual(sequences);
});

it('interleaves: everything once, each session in order, as many open as asked for', () => {
  fc.assert(fc.property(fc.array(fc.nat(6), { maxLength: 40 }), fc.integer({ min: 1, max: 10 }), fc.nat(1e6), (lengths, open, seed) => {
    const at = lengths.map(() => 0);
    let total = 0;
    for (const [session, sequence] of interleave(lengths, open, randomFrom(seed))) {
      expect(sequence).toBe(at[session]!++);
      total++;
      const opened = at.filter((n, i) => n > 0 && n < lengths[i]!).length;
      expect(opened).toBeLessThanOrEqual(open);
    }
    expect(at).toEqual(lengths);
    expect(total).toBe(lengths.reduce((a, b) => a + b, 0));
  }), { numRuns: 60 });
});

it('tags each word as it was tagged most often', () => {
  const tag = unigramTagger([{ words: ['run', 'run', 'run', 'the'], tags: ['nn', 'vb', 'vb', 'at'] }, { words: ['a', 'cat'], tags: ['at', 'nn'] }]);
  expect([tag('run'), tag('the'), tag('unseen')]).toEqual(['vb', 'at', tag('unseen')]);
});
