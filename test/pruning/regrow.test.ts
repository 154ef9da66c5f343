// Goal: what comes back is what the residual calls for, within the budget, and the mask follows traffic that shifts. Method:
// errors counted over the vectors with and without the connection; two kinds of traffic that use different sources.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accumulate, emptyMoments } from '../../src/evidence/moments.ts';
import type { Moments } from '../../src/evidence/moments.ts';
import { aliveOf, maskLayer } from '../../src/model/mask.ts';
import type { LayerMask } from '../../src/model/shape.ts';
import { choose } from '../../src/pruning/choose.ts';
import { CRITERIA } from '../../src/pruning/criterion.ts';
import { groupMask } from '../../src/pruning/groups.ts';
import { reconstruct } from '../../src/pruning/reconstruct.ts';
import { gradientGains, grow, residualGains } from '../../src/pruning/regrow.ts';
import { gaussian, randomFrom } from '../../src/support/random.ts';
import { sampleActivity, sampleLayer, smallShape } from '../checks/samples.ts';

const INPUTS = 8, UNITS = 4, SOURCES = INPUTS + UNITS, ROWS = 60;
const shape = smallShape(INPUTS, UNITS);
const momentsOf = (values: Float32Array): Moments => accumulate(emptyMoments('m', 0, SOURCES + 1), values, values.length / SOURCES, SOURCES);

describe('regrowth by the residual', () => {
  it('states what the connection alone would save', () => {
    const { layer: parent } = sampleLayer(shape, 1), moments = momentsOf(sampleActivity(SOURCES, ROWS, 2)), random = randomFrom(3);
    const mask = Uint8Array.from({ length: SOURCES * UNITS }, () => (random() < 0.4 ? 1 : 0));
    const { layer: current, errorAfter } = reconstruct({ shape, parent, current: parent, mask, moments, cross: null });
    const gains = residualGains({ shape, parent, current, mask, moments, cross: null });
    // All of the parent against nothing at all, its bias too: the power that the gains are shares of.
    const nothing = { kernel: new Float32Array(current.kernel.length), bias: new Float32Array(current.bias.length) };
    const power = reconstruct({ shape, parent, current: nothing, mask: new Uint8Array(mask.length), moments, cross: null }).errorBefore.reduce((sum, error) => sum + error);
    mask.forEach((alive, at) => {
      if (alive === 1) { expect(gains[at]).toBe(0); return; }
      const more = Uint8Array.from(mask), j = at % UNITS;
      more[at] = 1;
      // With the others free to adapt, at least as much is saved; with λ large all others stay as they are.
      const adapted = reconstruct({ shape, parent, current, mask: more, moments, cross: null, ridge: 1e-9 });
      expect(errorAfter[j]! - adapted.errorAfter[j]!).toBeGreaterThan(gains[at]! * power - 1e-6);
      expect(gains[at]).toBeGreaterThanOrEqual(0);
      const step = 1e-4, k = Math.floor(at / UNITS);
      // The slope of the error by each gate's weight is −2c, and its curvature G_kk: the gain is Σ slope² / (4 G_kk).
      const slopes = [0, 1, 2, 3].map((gate) => {
        const errorWith = (weight: number): number => {
          const kernel = Float32Array.from(current.kernel);
          kernel[(4 * k + gate) * UNITS + j] = weight;
          return reconstruct({ shape, parent, current: { ...current, kernel }, mask: more, moments, cross: null }).errorBefore[j]!;
        };
        return { slope: (errorWith(step) - errorWith(-step)) / (2 * step) };
      });
      const square = moments.second[k * moments.size - k * (k - 1) / 2]! / moments.vectors;
      const expected = slopes.reduce((sum, { slope }) => sum + slope ** 2, 0) / (4 * square);
      expect(Math.abs(gains[at]! * power - expected)).toBeLessThan(1e-4 * (1 + expected));
    });
  });

  it('weighs the gates by how much the loss minds them', () => {
    const { layer: parent } = sampleLayer(shape, 1), moments = momentsOf(sampleActivity(SOURCES, ROWS, 2)), random = randomFrom(3);
    const mask = Uint8Array.from({ length: SOURCES * UNITS }, () => (random() < 0.4 ? 1 : 0)), problem = { shape, parent, current: maskLayer(parent, mask, UNITS), mask, moments, cross: null };
    const only = (gate: number): Float64Array => residualGains(problem, Float64Array.from({ length: 4 * UNITS }, (_, column) => (Math.floor(column / UNITS) === gate ? 1 : 0)));
    const all = residualGains(problem, new Float64Array(4 * UNITS).fill(1)), parts = [0, 1, 2, 3].map(only), shares = residualGains(problem), first = all.findIndex((gain) => gain > 0);
    all.forEach((gain, at) => {
      expect(parts.reduce((sum, part) => sum + part[at]!, 0)).toBeCloseTo(gain, 9);
      expect(shares[at]! * all[first]! / shares[first]!).toBeCloseTo(gain, 9);
    });
  });

  it('brings back the best ones, never more than the budget, and only what is dead', () => {
    fc.assert(fc.property(fc.integer(), fc.nat(30), fc.constantFrom('connection' as const, 'g4' as const), (seed, count, granularity) => {
      const random = randomFrom(seed), layers = [{ sources: 9, units: 3 }, { sources: 5, units: 4 }].map(({ sources, units }) => ({
        units, mask: Uint8Array.from({ length: sources * units }, () => (random() < 0.5 ? 1 : 0)) as LayerMask, gains: Float64Array.from({ length: sources * units }, () => (random() < 0.2 ? 0 : random())),
      }));
      const grown = grow(layers, count, granularity), added = grown.reduce((sum, mask) => sum + aliveOf(mask), 0) - layers.reduce((sum, { mask }) => sum + aliveOf(mask), 0);
      expect(added).toBeLessThanOrEqual(count);
      layers.forEach(({ mask }, at) => { expect(mask.every((bit, place) => bit <= grown[at]![place]!)).toBe(true); });
      if (granularity === 'g4') return;
      const all = layers.flatMap(({ mask, gains }, at) => [...mask].flatMap((bit, place) => (bit === 1 ? [] : [{ gain: gains[place]!, back: grown[at]![place] === 1 }])));
      expect(added).toBe(Math.min(count, all.filter(({ gain }) => gain > 0).length));
      expect(Math.min(1, ...all.filter(({ back }) => back).map(({ gain }) => gain))).toBeGreaterThanOrEqual(Math.max(0, ...all.filter(({ back, gain }) => !back && gain > 0).map(({ gain }) => gain)) * (added === count ? 1 : 0));
    }), { numRuns: 200 });
  });

  it('in groups of four brings back whole groups', () => {
    const mask = new Uint8Array(16), gains = Float64Array.of(...new Array<number>(8).fill(0.1), 0.9, 0, 0, 0, 0, 0, 0, 0);
    const [grown] = grow([{ mask, gains, units: 2 }], 9, 'g4');
    expect(aliveOf(grown!)).toBe(8);
    expect([...groupMask(grown!, 8, 2)]).toEqual([1, 0, 1, 0]);
  });

  it('keeps the density while the mask follows traffic that uses other sources', () => {
    const parent = sampleLayer(shape, 4).layer, random = randomFrom(5);
    // Inputs 0 to 3 speak in the one kind of traffic, 4 to 7 in the other; the states always.
    const traffic = (loud: (k: number) => boolean): Moments => momentsOf(Float32Array.from({ length: ROWS * 4 * SOURCES }, (_, at) => (loud(at % SOURCES) ? 1 : 0.02) * gaussian(random)));
    const before = traffic((k) => k < 4 || k >= 8), after = traffic((k) => k >= 4), density = 0.4, all = SOURCES * UNITS;
    const obs = (layer: typeof parent, mask: LayerMask, moments: Moments): Float64Array => CRITERIA.obs.score({ shape, layer, mask, moments, random });
    const full = new Uint8Array(all).fill(1), started = choose({ scores: obs(parent, full, before), mask: full, sources: SOURCES, units: UNITS, density, scope: 'network' });
    let mask = started, current = reconstruct({ shape, parent, current: parent, mask, moments: before, cross: null }).layer;
    const errorNow = (own: LayerMask, layer: typeof parent): number => reconstruct({ shape, parent, current: layer, mask: own, moments: after, cross: null }).errorAfter.reduce((sum, error) => sum + error);
    const fixed = errorNow(mask, current);
    for (let cycle = 0; cycle < 6; cycle++) {
      const cut = choose({ scores: obs(current, mask, after), mask, sources: SOURCES, units: UNITS, density: 0.7 * density, scope: 'network' });
      current = reconstruct({ shape, parent, current: maskLayer(current, cut, UNITS), mask: cut, moments: after, cross: null }).layer;
      [mask] = grow([{ mask: cut, gains: residualGains({ shape, parent, current, mask: cut, moments: after, cross: null }), units: UNITS }], Math.round(density * all) - aliveOf(cut)) as [LayerMask];
      current = reconstruct({ shape, parent, current, mask, moments: after, cross: null }).layer;
      expect(aliveOf(mask)).toBe(Math.round(density * all));
    }
    const from = (own: LayerMask, low: number, high: number): number => aliveOf(own.slice(low * UNITS, high * UNITS));
    expect(from(started, 0, 4)).toBeGreaterThan(from(started, 4, 8));
    expect(from(mask, 4, 8)).toBeGreaterThan(from(mask, 0, 4));
    // As good as a mask that was chosen afresh from the dense parent on the new traffic, within a tenth.
    const fresh = errorNow(choose({ scores: obs(parent, full, after), mask: full, sources: SOURCES, units: UNITS, density, scope: 'network' }), parent);
    expect(errorNow(mask, current)).toBeLessThan(0.9 * fixed);
    expect(errorNow(mask, current)).toBeLessThan(1.1 * fresh);
  });

  it('by the dense gradient goes where the gradient is', () => {
    const kernel = new Float32Array(8), squares = Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    // one unit, two sources, four gates
    expect([...gradientGains({ kernel }, squares, Uint8Array.of(1, 0), 1)]).toEqual([0, 26]);
  });
});
