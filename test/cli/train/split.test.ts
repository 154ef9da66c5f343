// Goal: the three parts are disjoint, complete, the same for the same seed, and the test part is never seen in another. Method: made lines, counted; the split of a job itself for the validation part.
import { describe, expect, it } from 'vitest';
import type { Example } from '../../../src/cli/data/example.ts';
import type { Parts } from '../../../src/cli/train/split.ts';
import { sessionsFor, splitExamples } from '../../../src/cli/train/split.ts';
import { piecesOf, splitRunningText, stepsOfText } from '../../../src/cli/train/split-text.ts';
import { randomFrom } from '../../../src/support/random.ts';
import { splitItems } from '../../../src/tuning/examine.ts';

const WORDS = ['oak', 'elm', 'ash', 'yew', 'fir'];

/** Texts of which many are the same. */
function texts(count: number): readonly Example[] {
  const random = randomFrom(1);
  const word = (): string => WORDS[Math.floor(random() * WORDS.length)]!;
  return Array.from({ length: count }, (_, at) => ({ input: [word(), word(), word()], answer: [at % 50 === 0 ? 'rare' : at % 2 === 0 ? 'even' : 'odd'], genre: 'data' }));
}

/** Numbered words, so that every line is another. */
const tagged = (count: number): readonly Example[] =>
  Array.from({ length: count }, (_, at) => ({ input: [`w${at % 7}`, `n${at}`], answer: ['W', 'N'], genre: at < count / 2 ? 'p' : 'q' }));

const splitLines = (examples: readonly Example[], state: 'carry' | 'reset', seed: number, labelsMin: number): Parts =>
  splitExamples({ kind: 'examples', task: examples[0]!.answer.length === 1 ? 'classify' : 'tag', examples, width: 0, outputs: 0 }, state, seed, labelsMin);

describe('splitExamples', () => {
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
    expect(sessionsFor(lines, 'carry').map(({ examples }) => examples.length)).toEqual([...new Array<number>(20).fill(10), 5, ...new Array<number>(20).fill(10), 5]);
    const { fit, test, counts } = splitLines(lines, 'carry', 1, 1);
    expect(fit.length + test.length).toBe(42);
    expect(counts.training + counts.validation + counts.test).toBe(410);
  });

  it('leaves out labels that are too rare, and counts what has no other', () => {
    const rare = splitLines(texts(1000), 'reset', 1, 30);
    expect(rare.reading.labels).toEqual(['even', 'odd']);
    expect(rare.dropped).toBeGreaterThan(0);
    expect(rare.fit.every(({ targets }) => targets![0]! >= 0)).toBe(true);
    expect(rare.test.some(({ targets }) => targets![0] === -1)).toBe(true);
    expect(splitLines(texts(1000), 'reset', 1, 1)).toMatchObject({ reading: { labels: ['even', 'odd', 'rare'] }, dropped: 0 });
  });

  it.each([
    ['few lines', tagged(39), 1, '39 sequences'],
    ['one label', texts(200).map((line) => ({ ...line, answer: ['same'] })), 1, '1 labels'],
    ['labels that are all too rare', texts(200), 1000, '0 labels'],
    ['one and the same text', Array.from({ length: 100 }, (_, at): Example => ({ input: ['oak'], answer: [`t${at % 2}`], genre: 'data' })), 1, '0 to train on'],
  ])('refuses %s', (_, lines, labelsMin, what) => {
    expect(() => splitLines(lines, 'reset', 1, labelsMin)).toThrowError(expect.objectContaining({ code: 'data-unreadable', details: expect.stringContaining(what) as string }) as Error);
  });
});

describe('frames with numbers', () => {
  it('that are the same stay on one side of the test part', () => {
    const examples = Array.from({ length: 400 }, (_, at): Example => ({ input: Float32Array.of(at % 40 === 0 && at > 200 ? -0 : at % 40, 1), answer: [at % 2 === 0 ? 'even' : 'odd'], genre: 'data' }));
    const { fit, test } = splitExamples({ kind: 'examples', task: 'classify', examples, width: 1, outputs: 0 }, 'reset', 1, 1);
    const seen = new Set(fit.map(({ inputs }) => inputs[0]! + 0));
    expect(fit.length + test.length).toBe(400);
    expect(test.filter(({ inputs }) => seen.has(inputs[0]! + 0))).toEqual([]);
  });
  it('are split as they are, and none is dropped', () => {
    const examples = Array.from({ length: 200 }, (_, at): Example => ({ input: Float32Array.of(at, 1, 2, 3), answer: Float32Array.of(at / 2), genre: 'data' }));
    const { reading, fit, test, dropped } = splitExamples({ kind: 'examples', task: 'regress', examples, width: 2, outputs: 1 }, 'reset', 1, 1);
    expect(reading).toMatchObject({ task: 'regress', labels: [], width: 2, outputs: 1, tokenizer: { kind: 'none' } });
    expect([fit.length, test.length, dropped]).toEqual([180, 20, 0]);
    for (const { inputs, targets } of [...fit, ...test]) expect(targets![0]).toBe(inputs[0]! / 2);
  });
});

describe('a running text', () => {
  const text = Array.from({ length: 3000 }, (_, at) => 'the cat sat. '[at % 13]).join('');
  it('is cut without loss or overlap: what a job trains on first, then what it stops by, the test part last', () => {
    const { fit, test, counts, reading, validationShare } = splitRunningText(text, 'characters');
    expect(counts.training + counts.validation + counts.test).toBe(3000);
    expect(counts.test).toBe(300);
    const said = (ids: Int32Array | Float32Array): string => [...ids].map((id) => reading.tokenizer.words[id]!).join('');
    expect(said(test[0]!.inputs)).toBe(text.slice(2700));
    expect(fit.map(({ inputs }) => said(inputs)).join('')).toBe(text.slice(0, 2700));
    expect(fit.every(({ targets }) => targets === null)).toBe(true);
    const job = splitItems(fit, validationShare), wordsOf = (part: typeof fit): string => part.map(({ inputs }) => said(inputs)).join('');
    expect([wordsOf(job.training), wordsOf(job.heldOut)]).toEqual([text.slice(0, 2430), text.slice(2430, 2700)]);
    expect([counts.training, counts.validation]).toEqual([2430, 270]);
    expect(reading.outputs).toBe(new Set(text).size + 1);
  });
  it('has words as steps where they are wanted', () => {
    const { reading, counts } = splitRunningText(text, 'words');
    expect(reading.tokenizer).toMatchObject({ kind: 'whitespace', foldCase: true });
    expect(counts.training + counts.validation + counts.test).toBe(stepsOfText(text, 'words').length);
  });
  it('is refused where it is too short or all the same, and no piece to judge by is a single step', () => {
    expect(() => splitRunningText('to be', 'characters')).toThrowError(expect.objectContaining({ code: 'data-unreadable', details: expect.stringContaining('5 characters') as string }) as Error);
    expect(() => splitRunningText('a'.repeat(1000), 'characters')).toThrowError(expect.objectContaining({ code: 'data-unreadable' }) as Error);
    expect(piecesOf([...'a'.repeat(2001)]).map(({ examples }) => examples[0]!.input.length)).toEqual([2000]);
  });
});
