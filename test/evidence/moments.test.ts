// Goal: moments are exact sums that merge in any order and survive their bytes. Method: comparison with plain sums over
// the vectors, monoid laws on integers (where float64 is exact), round trips and forged files.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import type { Moments } from '../../src/evidence/moments.ts';
import { accumulate, decodeMoments, dense, emptyMoments, encodeMoments, means, mergeMoments, momentAt, snapshot } from '../../src/evidence/moments.ts';
import { randomFrom } from '../../src/support/random.ts';
import { sampleActivity } from '../checks/samples.ts';

const vectorsOf = fc.integer({ min: 0, max: 6 }).chain((rows) => fc.array(fc.integer({ min: -50, max: 50 }), { minLength: rows * 3, maxLength: rows * 3 }));
const collect = (values: readonly number[]): Moments => accumulate(emptyMoments('m', 0, 4), Float32Array.from(values), values.length / 3, 3);
const codeAfter = (work: () => unknown): string | undefined => {
  try { work(); } catch (error) { if (codeOf(error) === undefined) throw error; return codeOf(error); }
  return undefined;
};

describe('moments', () => {
  it('hold E[a aT] and the means of [x; h; 1]', () => {
    const rows = 50, columns = 5, values = sampleActivity(columns, rows, 3);
    const moments = accumulate(emptyMoments('m', 0, 6), values, rows, columns);
    const full = dense(moments), mean = means(moments);
    for (let i = 0; i < 6; i++) {
      for (let j = 0; j < 6; j++) {
        let sum = 0;
        for (let row = 0; row < rows; row++) sum += (i < 5 ? values[row * 5 + i]! : 1) * (j < 5 ? values[row * 5 + j]! : 1);
        expect(full[i * 6 + j]).toBeCloseTo(sum / rows, 12);
        expect(momentAt(moments, i, j)).toBeCloseTo(sum, 10);
      }
      expect(mean[i]).toBe(full[i * 6 + 5]);
    }
    expect(mean[5]).toBe(1);
  });

  it('merge commutatively and associatively, and like one collection', () => {
    fc.assert(fc.property(vectorsOf, vectorsOf, vectorsOf, (x, y, z) => {
      const [a, b, c] = [collect(x), collect(y), collect(z)];
      expect(mergeMoments(a, b)).toStrictEqual(mergeMoments(b, a));
      expect(mergeMoments(mergeMoments(a, b), c)).toStrictEqual(mergeMoments(a, mergeMoments(b, c)));
      expect(mergeMoments(a, b)).toStrictEqual(collect([...x, ...y]));
      expect(mergeMoments(a, emptyMoments('m', 0, 4))).toStrictEqual(a);
    }));
  });

  it('do not add up across models, layers and sizes', () => {
    for (const other of [emptyMoments('n', 0, 4), emptyMoments('m', 1, 4), emptyMoments('m', 0, 5)]) {
      expect(codeAfter(() => mergeMoments(emptyMoments('m', 0, 4), other))).toBe('evidence-invalid');
    }
    expect(codeAfter(() => accumulate(emptyMoments('m', 0, 4), new Float32Array(4), 1, 4))).toBe('evidence-invalid');
    expect(codeAfter(() => dense(emptyMoments('m', 0, 4)))).toBe('evidence-invalid');
    expect(codeAfter(() => means(emptyMoments('m', 0, 4)))).toBe('evidence-invalid');
  });

  it('leave a report alone while collecting goes on', () => {
    const collecting = emptyMoments('m', 0, 4);
    const report = snapshot(collecting);
    accumulate(collecting, Float32Array.of(1, 2, 3), 1, 3);
    expect(report).toStrictEqual(snapshot(emptyMoments('m', 0, 4)));
  });

  it('survive their bytes', () => {
    fc.assert(fc.property(vectorsOf, (values) => {
      const moments = collect(values);
      expect(decodeMoments(encodeMoments(moments))).toStrictEqual(moments);
    }));
  });

  it('are refused where they are damaged', () => {
    const sound = collect([1, 2, 3]), bytes = encodeMoments(sound);
    for (let length = 0; length < bytes.length; length++) expect(codeAfter(() => decodeMoments(bytes.subarray(0, length)))).toBe('evidence-invalid');
    for (const bad of [
      { ...sound, second: sound.second.map(() => NaN) },
      { ...sound, second: sound.second.map((sum) => -sum) },
      { ...sound, vectors: 2 },
      { ...sound, vectors: 1.5 },
      { ...sound, layer: -1 },
    ]) expect(codeAfter(() => decodeMoments(encodeMoments(bad)))).toBe('evidence-invalid');
    expect(codeAfter(() => decodeMoments(bytes, { bytesMax: 100, headerBytesMax: 100, tensorsMax: 1 }))).toBe('evidence-invalid');
    const random = randomFrom(1);
    for (let round = 0; round < 2000; round++) {
      const copy = Uint8Array.from(bytes);
      for (let flips = 0; flips < 3; flips++) copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256);
      codeAfter(() => decodeMoments(copy));
    }
  });
});
