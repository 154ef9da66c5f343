// Goal: the activity of units adds up in any order and grouping, and dead units are those whose h hardly left zero. Method:
// properties over random sums of whole numbers, which are exact; an example by hand.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { deadUnits, mergeActivity, noActivity, rmsOf } from '../../src/evidence/unit-activity.ts';
import type { UnitActivity } from '../../src/evidence/unit-activity.ts';

const sums = fc.array(fc.nat(1000), { minLength: 4, maxLength: 4 });
const activity: fc.Arbitrary<UnitActivity> = fc.record({ steps: fc.nat(1000), abs: sums, squares: sums });

it('a commutative monoid', () => {
  fc.assert(fc.property(activity, activity, activity, (a, b, c) => {
    expect(mergeActivity(a, b)).toEqual(mergeActivity(b, a));
    expect(mergeActivity(a, mergeActivity(b, c))).toEqual(mergeActivity(mergeActivity(a, b), c));
    expect(mergeActivity(a, noActivity(4))).toEqual(a);
  }));
});

it('dead: a root mean square below 0.001; nothing seen says nothing', () => {
  const seen = { steps: 400, abs: [100, 0.2, 0, 1], squares: [36, 0.000399, 0, 0.0005] };
  expect(rmsOf(seen)[0]).toBeCloseTo(0.3);
  expect(deadUnits(seen)).toEqual([1, 2]);
  expect(deadUnits(noActivity(3))).toEqual([]);
});
