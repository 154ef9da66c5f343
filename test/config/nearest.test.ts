// Goal: hints name what was meant. Method: the laws of a metric for any strings, and typing errors of real names.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { editDistance, nearest } from '../../src/config/nearest.ts';
import { ENTRIES } from '../../src/config/paths.ts';

const word = fc.string({ maxLength: 12 });

it('is a metric', () => {
  fc.assert(fc.property(word, word, word, (a, b, c) => {
    expect(editDistance(a, a)).toBe(0);
    expect(editDistance(a, b)).toBe(editDistance(b, a));
    expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
    expect(editDistance(a, b)).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
  }));
});

it('finds a name in which one letter is missing', () => {
  const names = ENTRIES.map(({ path }) => path);
  fc.assert(fc.property(fc.constantFrom(...names), fc.nat(), (name, at) => {
    const cut = at % name.length;
    const typed = name.slice(0, cut) + name.slice(cut + 1);
    expect(editDistance(typed, nearest(typed, names)!)).toBeLessThanOrEqual(1);
  }));
});

it('is silent where nothing is near', () => { expect(nearest('zzzzzzzz', ['serving', 'loop'])).toBeUndefined(); });
