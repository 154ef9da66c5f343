// Goal: a cut to the density that a mask already has changes nothing, and repeated cuts never bring anything back. Method: properties over random scores, masks, scopes and granularities.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { aliveOf } from '../../src/model/mask.ts';
import { choose } from '../../src/pruning/choose.ts';
import { randomFrom } from '../../src/support/random.ts';

const choices = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 31 }), sources: fc.integer({ min: 1, max: 13 }), units: fc.integer({ min: 1, max: 6 }), density: fc.double({ min: 0, max: 1, noNaN: true }),
  scope: fc.constantFrom('network', 'layer', 'unit'), granularity: fc.constantFrom('connection', 'g4'),
} as const);

it('choosing again at equal density gives the same mask, and a smaller density a part of it', () => {
  fc.assert(fc.property(choices, ({ seed, sources, units, density, scope, granularity }) => {
    const random = randomFrom(seed), scores = Float64Array.from({ length: sources * units }, random);
    const cut = (mask: Uint8Array, to: number) => choose({ scores, mask, sources, units, density: to, scope, granularity });
    const first = cut(new Uint8Array(sources * units).fill(1), density), again = cut(first, density), smaller = cut(first, density / 2);
    expect(again).toEqual(first);
    expect(smaller.every((bit, at) => bit <= first[at]!)).toBe(true);
    if (granularity === 'connection') expect([aliveOf(first), aliveOf(smaller)]).toEqual([Math.round(density * sources * units), Math.round(density / 2 * sources * units)]);
  }));
});
