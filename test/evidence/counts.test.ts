// Goal: evidence is a commutative monoid, tallies and duels add up as written. Method: properties; a block computed by hand.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EMPTY_STEPS, LAMBDAS, addBlock, compareSteps, differenceOf, emptyDuel, mergeDuel, stepsOf } from '../../src/evidence/duel.ts';
import type { Duel, EvidenceCounts, LabelCounts } from '../../src/evidence/evidence.ts';
import { EMPTY_LABEL_COUNTS, emptyCounts, mergeCounts } from '../../src/evidence/evidence.ts';
import { EMPTY_TALLY, addTally, mergeTally } from '../../src/evidence/tally.ts';

const MARGIN = 0.01;
const labels = (length: number): fc.Arbitrary<Int32Array> => fc.array(fc.integer({ min: -1, max: 2 }), { minLength: length, maxLength: length }).map((ids) => Int32Array.from(ids));
const sequence = fc.integer({ min: 1, max: 12 }).chain((length) => fc.tuple(labels(length), labels(length), labels(length)));
const block = fc.array(sequence, { minLength: 1, maxLength: 4 }).map((requests) => requests.reduce((steps, [target, a, b]) => compareSteps(steps, target, a, b), EMPTY_STEPS));
const duel: fc.Arbitrary<Duel> = fc.array(block, { maxLength: 6 }).map((blocks) => blocks.reduce<Duel>((sum, steps) => addBlock(sum, differenceOf(steps), steps), emptyDuel(MARGIN)));
const tally = fc.array(sequence, { maxLength: 5 }).map((all) => all.reduce((sum, [target, given]) => addTally(sum, target, given, 0.5), EMPTY_TALLY));
const labelCounts = fc.record(Object.fromEntries(Object.keys(EMPTY_LABEL_COUNTS).map((key) => [key, fc.nat(1000)]))) as unknown as fc.Arbitrary<LabelCounts>;
const key = fc.constantFrom('a|champion', 'b|anchor', 'c|d', '__proto__|x');
const counts: fc.Arbitrary<EvidenceCounts> = fc.record({ tallies: fc.dictionary(key, tally), duels: fc.dictionary(key, duel), labels: labelCounts });

/** Sums of floats to 9 digits, so that only rounding may differ. */
const rounded = (value: unknown): unknown => JSON.parse(JSON.stringify(value, (_, part: unknown) => (typeof part === 'number' ? Number(part.toPrecision(9)) + 0 : part)));
const near = (a: unknown, b: unknown): void => {
  const flat = (value: unknown): [string, number][] => Object.entries(value as object).flatMap(([name, part]: [string, unknown]) => (typeof part === 'number' ? [[name, part] as [string, number]] : flat(part).map(([inner, number]) => [`${name}.${inner}`, number] as [string, number])));
  const [left, right] = [flat(a).sort(([x], [y]) => (x < y ? -1 : 1)), flat(b).sort(([x], [y]) => (x < y ? -1 : 1))];
  expect(left.map(([name]) => name)).toEqual(right.map(([name]) => name));
  left.forEach(([, number], at) => { expect(Math.abs(number - right[at]![1])).toBeLessThan(1e-9 * (1 + Math.abs(number))); });
};

describe('mergeCounts', () => {
  it('is commutative', () => { fc.assert(fc.property(counts, counts, (a, b) => { near(mergeCounts(a, b), mergeCounts(b, a)); })); });
  it('is associative, to rounding', () => { fc.assert(fc.property(counts, counts, counts, (a, b, c) => { near(mergeCounts(mergeCounts(a, b), c), mergeCounts(a, mergeCounts(b, c))); })); });
  it('has the empty counts as its identity', () => { fc.assert(fc.property(counts, (a) => { expect(rounded(mergeCounts(a, emptyCounts()))).toEqual(rounded(a)); })); });
  it('survives JSON', () => { fc.assert(fc.property(counts, (a) => { near(JSON.parse(JSON.stringify(a)), a); })); });
});

describe('a tally', () => {
  it('counts requests, steps and right steps', () => {
    const first = addTally(EMPTY_TALLY, Int32Array.of(1, 2, -1), Int32Array.of(1, 0, 0), 0.75);
    expect(first).toEqual({ requests: 1, steps: 3, correct: 1, confidence: 0.75 });
    expect(mergeTally(first, first)).toEqual({ requests: 2, steps: 6, correct: 2, confidence: 1.5 });
  });
});

describe('a duel', () => {
  it('counts the steps by who was right', () => {
    const steps = compareSteps(EMPTY_STEPS, Int32Array.of(0, 0, 0, 0, 0), Int32Array.of(0, 0, 1, 1, 1), Int32Array.of(0, 1, 0, 1, 2));
    expect(steps).toEqual({ bothRight: 1, referenceOnly: 1, candidateOnly: 1, bothWrong: 2, agreed: 2 });
    expect(stepsOf(steps)).toBe(5);
    expect(differenceOf({ ...steps, referenceOnly: 2 })).toBeCloseTo(1 / 6);
  });

  it('sums the logarithms of the bets on each block', () => {
    const steps = { ...EMPTY_STEPS, bothRight: 9, referenceOnly: 1 };
    const result = addBlock(emptyDuel(MARGIN), 0.1, steps);
    LAMBDAS.forEach((stake, at) => {
      expect(result.certify[at]).toBeCloseTo(Math.log(1 + stake * (0.01 - 0.1)), 12);
      expect(result.harm[at]).toBeCloseTo(Math.log(1 + stake * (0.1 - 0.01)), 12);
      expect(result.harmAtZero[at]).toBeCloseTo(Math.log(1 + stake * 0.1), 12);
    });
    expect(result).toMatchObject({ blocks: 1, sum: 0.1, bothRight: 9, referenceOnly: 1 });
    expect(result.squares).toBeCloseTo(0.01);
  });

  it('keeps every wealth above zero at the worst block', () => {
    const worst = [1, -1].map((difference) => addBlock(emptyDuel(0.2), difference, EMPTY_STEPS));
    for (const { certify, harm, harmAtZero } of worst) expect([...certify, ...harm, ...harmAtZero].every(Number.isFinite)).toBe(true);
  });

  it('merges as if all blocks had been added to one', () => {
    fc.assert(fc.property(duel, duel, (a, b) => { expect(mergeDuel(a, b).blocks).toBe(a.blocks + b.blocks); near(mergeDuel(a, b), mergeDuel(b, a)); }));
  });

  it('refuses to merge duels of different margins', () => {
    expect(() => mergeDuel(emptyDuel(0.01), emptyDuel(0.02))).toThrow(/margin/);
  });
});
