/** What every criterion must do, whatever it computes. */
import { describe, expect, it } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { accumulate, emptyMoments } from '../../src/evidence/moments.ts';
import type { LayerMask, LayerWeights, ModelShape } from '../../src/model/shape.ts';
import { sourcesOf, unitsOf } from '../../src/model/shape.ts';
import type { Criterion, LayerGradient, Scoring } from '../../src/pruning/criterion.ts';
import { gaussian, randomFrom, shuffle } from '../../src/support/random.ts';
import { sampleActivity, sampleLayer, sampleMoments, smallShape } from './samples.ts';

const INPUTS = 4, UNITS = 6, SOURCES = INPUTS + UNITS;

const scoringOf = (shape: ModelShape, { layer, mask }: { layer: LayerWeights; mask: LayerMask }, seed = 1): Scoring =>
  ({ shape, layer, mask, moments: sampleMoments(shape, 40, seed), gradient: sampleGradient(layer.kernel.length, seed), random: randomFrom(seed) });

/** Units of a sample layer with so many weights: of the check's own, or of one unit and one input. */
const unitsIn = (length: number): number => (length === 8 ? 1 : UNITS);

/** Squares that are not negative, movement of both signs. */
function sampleGradient(length: number, seed: number): LayerGradient {
  const random = randomFrom(seed + 9);
  return { batches: 5, squares: Float64Array.from({ length }, () => gaussian(random) ** 2), biasSquares: Float64Array.from({ length: 4 * unitsIn(length) }, () => gaussian(random) ** 2), movement: Float64Array.from({ length }, () => gaussian(random)) };
}

/** New place p holds the old source or unit order[p]: hidden sources move with their units, inputs among themselves. */
function permuted(shape: ModelShape, { layer, mask }: { layer: LayerWeights; mask: LayerMask }, seed: number): { readonly scoring: Scoring; readonly origin: Int32Array } {
  const random = randomFrom(seed);
  const inputs = shuffle([...Array(INPUTS).keys()], random), units = shuffle([...Array(UNITS).keys()], random);
  const sources = [...inputs, ...units.map((unit) => INPUTS + unit)];
  const column = (at: number): number => Math.floor(at / UNITS) * UNITS + units[at % UNITS]!;
  const from = (at: number): number => sources[Math.floor(at / (4 * UNITS))]! * 4 * UNITS + column(at % (4 * UNITS));
  const kernel = layer.kernel.map((_, at) => layer.kernel[from(at)]!);
  const seen = sampleGradient(kernel.length, 1), gradient = { ...seen, squares: seen.squares.map((_, at) => seen.squares[from(at)]!), biasSquares: seen.biasSquares.map((_, at) => seen.biasSquares[column(at)]!), movement: seen.movement.map((_, at) => seen.movement[from(at)]!) };
  const origin = Int32Array.from(mask, (_, at) => sources[Math.floor(at / UNITS)]! * UNITS + units[at % UNITS]!);
  const activity = sampleActivity(SOURCES, 40, 1);
  const moved = activity.map((_, at) => activity[Math.floor(at / SOURCES) * SOURCES + sources[at % SOURCES]!]!);
  const moments = accumulate(emptyMoments('m', 0, SOURCES + 1), moved, 40, SOURCES);
  return { origin, scoring: { shape, moments, gradient, layer: { kernel, bias: layer.bias }, mask: Uint8Array.from(origin, (at) => mask[at]!), random } };
}

export function checkCriterion(criterion: Criterion): void {
  const shape = smallShape(INPUTS, UNITS);
  // Random alone looks at nothing, so that neither order nor scale means anything to it.
  const looks = criterion.name !== 'random';

  describe(`criterion ${criterion.name}`, () => {
    it('scores every alive connection with a finite number, not negative, and dead ones below all', () => {
      for (const density of [0, 0.3, 1]) {
        const scoring = scoringOf(shape, sampleLayer(shape, 2, density));
        const scores = criterion.score(scoring);
        expect(scores).toHaveLength(sourcesOf(shape) * unitsOf(shape));
        scores.forEach((score, at) => {
          if (scoring.mask[at] === 1) expect(score).toBeGreaterThanOrEqual(0);
          else expect(score).toBe(-Infinity);
          expect(score).toBeLessThan(Infinity);
        });
        expect(criterion.score({ ...scoring, regrow: true }).every(Number.isFinite)).toBe(true);
      }
    });

    it('stays finite where sources are silent, copies of each other, or all of them', () => {
      for (const edit of [(v: number, k: number): number => k === 3 ? 0 : v, (v: number, k: number, row: Float32Array): number => k === 5 ? row[2]! : v, (): number => 0]) {
        const activity = sampleActivity(SOURCES, 40, 1);
        const values = activity.map((value, at) => edit(value, at % SOURCES, activity.subarray(at - at % SOURCES, at - at % SOURCES + SOURCES)));
        const moments = accumulate(emptyMoments('m', 0, SOURCES + 1), values, 40, SOURCES);
        expect(criterion.score({ ...scoringOf(shape, sampleLayer(shape, 2)), moments }).every(Number.isFinite)).toBe(true);
      }
    });

    it('gives the same scores for the same seed, and leaves its arguments alone', () => {
      const scoring = scoringOf(shape, sampleLayer(shape, 3, 0.5));
      const before = structuredClone({ ...scoring, random: null });
      expect(criterion.score(scoring)).toStrictEqual(criterion.score({ ...scoring, random: randomFrom(1) }));
      expect({ ...scoring, random: null }).toStrictEqual(before);
    });

    if (looks) it('does not care in which order units and inputs stand', () => {
      const sample = sampleLayer(shape, 4, 0.7);
      const original = criterion.score(scoringOf(shape, sample));
      for (let seed = 0; seed < 5; seed++) {
        const { scoring, origin } = permuted(shape, sample, seed);
        criterion.score(scoring).forEach((score, at) => {
          const expected = original[origin[at]!]!;
          if (expected === -Infinity) expect(score).toBe(-Infinity);
          else expect(Math.abs(score - expected)).toBeLessThan(1e-9 * (1 + expected));
        });
      }
    });

    // What moved has moved: movement does not ask how large a weight is.
    if (looks && criterion.name !== 'movement') it('doubles with the weights', () => {
      const sample = sampleLayer(shape, 5);
      const single = criterion.score(scoringOf(shape, sample));
      const double = criterion.score(scoringOf(shape, { ...sample, layer: { ...sample.layer, kernel: sample.layer.kernel.map((weight) => 2 * weight) } }));
      expect(double).toStrictEqual(single.map((score) => 2 * score));
    });

    if (criterion.needs === 'moments' || criterion.needs === 'both') it('refuses to go without moments, or with those of another layer', () => {
      const scoring = scoringOf(shape, sampleLayer(shape, 6));
      for (const moments of [null, emptyMoments('m', 0, SOURCES + 1), sampleMoments(smallShape(INPUTS, UNITS + 1), 5, 1)]) {
        let code: string | undefined;
        try { criterion.score({ ...scoring, moments }); } catch (error) { code = codeOf(error); }
        expect(code).toBe('evidence-invalid');
      }
    });

    if (criterion.needs === 'gradient' || criterion.needs === 'both') it('refuses to go without gradients, or with those of another layer', () => {
      const scoring = scoringOf(shape, sampleLayer(shape, 6));
      for (const gradient of [null, undefined, { ...scoring.gradient!, batches: 0 }, sampleGradient(7, 1)]) {
        let code: string | undefined;
        try { criterion.score({ ...scoring, gradient }); } catch (error) { code = codeOf(error); }
        expect(code).toBe('evidence-invalid');
      }
    });

    it('needs nothing but what it says', () => {
      const scoring = scoringOf(shape, sampleLayer(shape, 6));
      const bare = { ...scoring, random: randomFrom(1), moments: ['moments', 'both'].includes(criterion.needs) ? scoring.moments : null, gradient: ['gradient', 'both'].includes(criterion.needs) ? scoring.gradient : null };
      expect(criterion.score(bare)).toStrictEqual(criterion.score({ ...scoring, random: randomFrom(1) }));
    });

    it('stays finite where all weights are zero, and for a layer of one unit', () => {
      const scoring = scoringOf(shape, sampleLayer(shape, 6)), zero = { ...scoring.layer, kernel: new Float32Array(scoring.layer.kernel.length) };
      expect(criterion.score({ ...scoring, layer: zero }).every(Number.isFinite)).toBe(true);
      const one = smallShape(1, 1);
      expect(criterion.score(scoringOf(one, sampleLayer(one, 7))).every(Number.isFinite)).toBe(true);
    });
  });
}
