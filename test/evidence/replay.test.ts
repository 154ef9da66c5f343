// Goal: the replay sample is a commutative, associative, idempotent merge and an even sample. Method: properties over
// random items with clashing ids, an order-free rebuild from pieces, round trips and forged files.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import type { ReplayItem } from '../../src/evidence/replay.ts';
import { REPLAY_LIMITS, decodeReplay, encodeReplay, mergeReplay } from '../../src/evidence/replay.ts';
import { randomFrom } from '../../src/support/random.ts';

const item: fc.Arbitrary<ReplayItem> = fc.integer({ min: 1, max: 3 }).chain((steps) => fc.record({
  id: fc.constantFrom('a', 'b', 'c', 'd', 'é|7', 'f'),
  inputs: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: steps, maxLength: steps }).map((ids) => Int32Array.from(ids)),
  targets: fc.option(fc.array(fc.integer({ min: -1, max: 1 }), { minLength: steps, maxLength: steps }).map((ids) => Int32Array.from(ids))),
}, { noNullPrototype: true }));
const sample = fc.array(item, { maxLength: 8 });
const max = fc.integer({ min: 0, max: 6 });
const codeAfter = (work: () => unknown): string | undefined => {
  try { work(); } catch (error) { if (codeOf(error) === undefined) throw error; return codeOf(error); }
  return undefined;
};

describe('replay', () => {
  it('merges commutatively, associatively and idempotently', () => {
    fc.assert(fc.property(sample, sample, sample, max, (a, b, c, k) => {
      const merge = (x: readonly ReplayItem[], y: readonly ReplayItem[]): readonly ReplayItem[] => mergeReplay(x, y, k);
      expect(merge(a, b)).toStrictEqual(merge(b, a));
      expect(merge(merge(a, b), c)).toStrictEqual(merge(a, merge(b, c)));
      expect(merge(merge(a, b), merge(a, b))).toStrictEqual(merge(a, b));
      expect(merge(merge(a, b), a)).toStrictEqual(merge(a, b));
      expect(merge(merge(a, []), [])).toStrictEqual(merge(a, []));
    }), { numRuns: 500 });
  });

  it('keeps of one id what has more labels, then what is longer', () => {
    const of = (inputs: number[], targets: number[] | null): ReplayItem => ({ id: 'a', inputs: Int32Array.from(inputs), targets: targets && Int32Array.from(targets) });
    const kept = (x: ReplayItem, y: ReplayItem): ReplayItem => mergeReplay([x], [y], 1)[0]!;
    expect(kept(of([1, 2], null), of([1], [0]))).toStrictEqual(of([1], [0]));
    expect(kept(of([1, 2], [0, -1]), of([1, 2], [0, 3]))).toStrictEqual(of([1, 2], [0, 3]));
    expect(kept(of([1, 2], [0, -1]), of([9], [5]))).toStrictEqual(of([1, 2], [0, -1]));
  });

  it('is the same sample however the traffic was split, and an even one', () => {
    const items = Array.from({ length: 3000 }, (_, n): ReplayItem => ({ id: `s${n}|0`, inputs: Int32Array.of(n), targets: null }));
    const whole = mergeReplay(items, [], 300);
    let pieces: readonly ReplayItem[] = [];
    for (let from = 2900; from >= 0; from -= 100) pieces = mergeReplay(pieces, items.slice(from, from + 100), 300);
    expect(pieces).toStrictEqual(whole);
    expect(whole).toHaveLength(300);
    const late = whole.filter(({ inputs }) => inputs[0]! >= 1500).length;
    expect(Math.abs(late - 150)).toBeLessThan(40);
  });

  it('survives its bytes', () => {
    fc.assert(fc.property(sample, (items) => {
      const distinct = mergeReplay(items, [], 10);
      expect(decodeReplay(encodeReplay(distinct))).toStrictEqual(distinct);
    }));
    expect(decodeReplay(encodeReplay([{ id: 'c', inputs: Int32Array.of(1, 2, 3), targets: Int32Array.of(4) }]))[0]!.targets).toStrictEqual(Int32Array.of(4));
  });

  it('is refused where it is damaged', () => {
    const sound: ReplayItem = { id: 'a', inputs: Int32Array.of(1, 2), targets: Int32Array.of(0, -1) };
    const bytes = encodeReplay([sound]);
    for (let length = 0; length < bytes.length; length++) expect(codeAfter(() => decodeReplay(bytes.subarray(0, length)))).toBe('evidence-invalid');
    for (const bad of [
      [sound, sound],
      [{ ...sound, inputs: Int32Array.of(-1, 2) }],
      [{ ...sound, targets: Int32Array.of(-2, 2) }],
      [{ ...sound, inputs: Int32Array.of(1, 2, 3) }],
      [{ ...sound, inputs: new Int32Array(0), targets: null }],
    ]) expect(codeAfter(() => decodeReplay(encodeReplay(bad)))).toBe('evidence-invalid');
    expect(codeAfter(() => decodeReplay(bytes, { ...REPLAY_LIMITS, itemsMax: 0 }))).toBe('evidence-invalid');
    expect(codeAfter(() => decodeReplay(bytes, { ...REPLAY_LIMITS, stepsMax: 1 }))).toBe('evidence-invalid');
    const random = randomFrom(1);
    for (let round = 0; round < 2000; round++) {
      const copy = Uint8Array.from(bytes);
      for (let flips = 0; flips < 3; flips++) copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256);
      codeAfter(() => decodeReplay(copy));
    }
  });
});

it('keeps frames and numbers as they are', () => {
  const items = [{ id: 'a', inputs: Float32Array.of(0.5, -1, 2, 3), targets: Float32Array.of(-7.5, 2, 1) }, { id: 'b', inputs: Float32Array.of(1, 1), targets: null }];
  expect(decodeReplay(encodeReplay(items))).toEqual(items);
  const labelled = [{ id: 'a', inputs: Float32Array.of(0.5, -1, 2, 3), targets: Int32Array.of(1, -1) }];
  expect(decodeReplay(encodeReplay(labelled))).toEqual(labelled);
  expect(() => decodeReplay(encodeReplay([{ id: 'a', inputs: Float32Array.of(NaN), targets: null }]))).toThrow();
});
