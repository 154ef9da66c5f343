// Goal: a partition's position never passes an unsettled record, and reaches the end. Method: properties over any order of settling, with gaps and terms.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeldPartition } from '../../../../src/adapters/log/kafka/held-partition.ts';

const offsets = fc.uniqueArray(fc.nat(200), { minLength: 1, maxLength: 40 }).map((some) => some.sort((a, b) => a - b));

describe('a held partition', () => {
  it('tells a position that is never above an unsettled record, and at the end the one after the last', () => {
    fc.assert(fc.property(offsets.chain((some) => fc.tuple(fc.constant(some), fc.shuffledSubarray(some, { minLength: some.length, maxLength: some.length }))), ([some, order]) => {
      const held = new HeldPartition();
      held.seen(some[0]!);
      expect(some.every((offset) => held.take(offset))).toBe(true);
      const open = new Set(some);
      for (const offset of order) {
        expect(held.settle(offset)).toBe(true);
        open.delete(offset);
        const position = held.position;
        if (position !== null) {
          expect([...open].every((one) => one >= position)).toBe(true);
          held.told(position);
        }
      }
      expect(held.outstanding).toBe(0);
      expect(held.position).toBe(null);
      expect(held.settle(some[0]!)).toBe(false);
    }));
  });

  it('delivers again neither what is outstanding nor what is settled above the position', () => {
    const held = new HeldPartition();
    held.seen(5);
    for (const offset of [5, 6, 8]) held.take(offset);
    held.settle(6);
    expect([5, 6, 8, 9].map((offset) => held.take(offset))).toEqual([false, false, false, true]);
  });

  it('has nothing to tell in a new term before its first batch, and then takes over where the group is', () => {
    const held = new HeldPartition();
    held.seen(0);
    for (let offset = 0; offset < 4; offset++) held.take(offset);
    held.settle(0);
    held.told(held.position!);
    held.beginTerm();
    held.settle(1);
    expect(held.position).toBe(null);
    held.seen(100);
    expect(held.position).toBe(100);
    held.take(100);
    held.settle(100);
    expect(held.position).toBe(101);
    expect(held.outstanding).toBe(2);
  });
});
