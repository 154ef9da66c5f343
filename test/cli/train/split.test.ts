// Goal: the three parts are disjoint, complete, the same for the same seed, and the test part is never seen in another. Method: made lines, counted; the split of a job itself for the validation part.
import { describe, expect, it } from 'vitest';
import type { DataLine } from '../../../src/cli/data/read.ts';
import { sessionsOfLines, splitLines } from '../../../src/cli/train/split.ts';
import { randomFrom } from '../../../src/support/random.ts';
import { splitItems } from '../../../src/tuning/examine.ts';

const WORDS = ['oak', 'elm', 'ash', 'yew', 'fir'];

/** Texts of which many are the same. */
function texts(count: number): readonly DataLine[] {
  const random = randomFrom(1);
  const word = (): string => WORDS[Math.floor(random() * WORDS.length)]!;
  return Array.from({ length: count }, (_, at) => ({ sequence: { words: [word(), word(), word()], tags: [at % 50 === 0 ? 'rare' : at % 2 === 0 ? 'even' : 'odd'] }, genre: 'data', task: 'classify' }));
}

/** Numbered words, so that every line is another. */
const tagged = (count: number): readonly DataLine[] =>
  Array.from({ length: count }, (_, at) => ({ sequence: { words: [`w${at % 7}`, `n${at}`], tags: ['W', 'N'] }, genre: at < count / 2 ? 'p' : 'q', task: 'tag' }));

describe('splitLines', () => {
  it('puts every line into one part, a tenth into the test part and a tenth of the rest into the validation part', () => {
    const { counts, fit, test, validationShare, dropped } = splitLines(tagged(2000), 'reset', 1, 1);
    expect(counts.training + counts.validation + counts.test).toBe(2000);
    expect([counts.test, test.length, fit.length, dropped]).toEqual([200, 200, 1800, 0]);
    const job = splitItems(fit, validationShare);
    expect([job.training.length, job.heldOut.length]).toEqual([counts.training, counts.validation]);
    expect(counts.validation / 1800).toBeCloseTo(0.1, 1);
  });

  it('keeps equal texts on one side of the test part', () => {
    const { fit, test } = splitLines(texts(1000), 'reset', 3, 1);
    const seen = new Set(fit.map(({ inputs }) => inputs.join(' ')));
    expect(test.length).toBeGreaterThanOrEqual(100);
    expect(test.filter(({ inputs }) => seen.has(inputs.join(' ')))).toEqual([]);
  });

  it('is the same for the same seed and another for another', () => {
    expect(splitLines(tagged(200), 'reset', 1, 1)).toEqual(splitLines(tagged(200), 'reset', 1, 1));
    const words = (seed: number): readonly string[] => splitLines(tagged(200), 'reset', seed, 1).test.map(({ id }) => id.slice(id.indexOf('.')));
    expect(words(1)).not.toEqual(words(2));
  });

  it('cuts sessions of ten lines of one genre where state is carried', () => {
    const lines = tagged(410);
    expect(sessionsOfLines(lines, 'carry').map(({ sequences }) => sequences.length)).toEqual([...new Array<number>(20).fill(10), 5, ...new Array<number>(20).fill(10), 5]);
    const { fit, test, counts } = splitLines(lines, 'carry', 1, 1);
    expect(fit.length + test.length).toBe(42);
    expect(counts.training + counts.validation + counts.test).toBe(410);
  });

  it('leaves out labels that are too rare, and counts what has no other', () => {
    const rare = splitLines(texts(1000), 'reset', 1, 30);
    expect(rare.labels).toEqual(['even', 'odd']);
    expect(rare.dropped).toBeGreaterThan(0);
    expect(rare.fit.every(({ targets }) => targets![0]! >= 0)).toBe(true);
    expect(rare.test.some(({ targets }) => targets![0] === -1)).toBe(true);
    expect(splitLines(texts(1000), 'reset', 1, 1)).toMatchObject({ labels: ['even', 'odd', 'rare'], dropped: 0 });
  });

  it.each([
    ['few lines', tagged(39), 1, '39 sequences'],
    ['one label', texts(200).map((line) => ({ ...line, sequence: { ...line.sequence, tags: ['same'] } })), 1, '1 labels'],
    ['labels that are all too rare', texts(200), 1000, '0 labels'],
    ['one and the same text', Array.from({ length: 100 }, (_, at): DataLine => ({ sequence: { words: ['oak'], tags: [`t${at % 2}`] }, genre: 'data', task: 'classify' })), 1, '0 to train on'],
  ])('refuses %s', (_, lines, labelsMin, what) => {
    expect(() => splitLines(lines, 'reset', 1, labelsMin)).toThrowError(expect.objectContaining({ code: 'data-unreadable', details: expect.stringContaining(what) as string }) as Error);
  });
});
