// Goal: data that cannot be trained on are refused before training, and numbers far from the order of 1 are remarked on. Method: small items against small limits; lists of a known root mean square.
import { describe, expect, it } from 'vitest';
import type { Example } from '../../../src/cli/data/example.ts';
import { checkSize, scaleRemarks } from '../../../src/cli/train/fit-to-train.ts';
import type { ReplayItem } from '../../../src/evidence/replay.ts';

const items = (count: number, numbers: number): readonly ReplayItem[] => Array.from({ length: count }, (_, at) => ({ id: `${at}`, inputs: new Float32Array(numbers), targets: Int32Array.of(0) }));

describe('checkSize', () => {
  const limits = { itemsMax: 10, stepsMax: 100, bytesMax: 4096 };
  it('takes what fits', () => {
    checkSize({ fit: items(10, 80) }, limits);
    checkSize({ fit: items(1, 100) }, limits);
  });
  it.each([
    ['too many', items(11, 1), '11 sequences'],
    ['too long ones', items(1, 101), '101 numbers'],
    ['too much in all', items(10, 90), 'MiB'],
  ])('refuses %s', (_, fit, what) => {
    expect(() => { checkSize({ fit }, limits); }).toThrowError(expect.objectContaining({ code: 'data-unreadable', details: expect.stringContaining(what) as string }) as Error);
  });
});

describe('scaleRemarks', () => {
  const example = (input: Example['input'], answer: Example['answer']): Example => ({ input, answer, genre: 'data' });
  it('are none for numbers of the order of 1, for zeros, and for words and labels', () => {
    expect(scaleRemarks({ examples: [example(Float32Array.of(0.5, -1), Float32Array.of(2)), example(Float32Array.of(0, 1), Float32Array.of(0))] })).toEqual([]);
    expect(scaleRemarks({ examples: [example(['a'], ['x']), example(Float32Array.of(0), ['x'])] })).toEqual([]);
  });
  it('say what is far from it, and how far', () => {
    // √((3² + 4²) · 100² / 2) = 353.55…
    const remarks = scaleRemarks({ examples: [example(Float32Array.of(300, 400), Float32Array.of(0.001))] });
    expect(remarks).toEqual([expect.stringContaining('the frames are 354 in root mean square'), expect.stringContaining('the values are 0.00100')]);
  });
});
