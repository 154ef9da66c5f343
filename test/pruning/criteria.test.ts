// Goal: each criterion computes its formula. Method: the shared list, then hand-worked sums; obs against a brute-force
// leave-one-out least squares, in which every other source of the unit may make up for the one that goes.
import { describe, expect, it } from 'vitest';
import type { Moments } from '../../src/evidence/moments.ts';
import { dense } from '../../src/evidence/moments.ts';
import { fullMask } from '../../src/model/mask.ts';
import { sourcesOf } from '../../src/model/shape.ts';
import { CRITERIA } from '../../src/pruning/criterion.ts';
import { factorize, solveFactored } from '../../src/pruning/cholesky.ts';
import { randomFrom } from '../../src/support/random.ts';
import { checkCriterion } from '../checks/criterion.ts';
import { sampleLayer, sampleMoments, smallShape } from '../checks/samples.ts';

for (const criterion of Object.values(CRITERIA)) checkCriterion(criterion);

/** Scaled to scores of single connections: of one unit and one source, w = (3, 0, 0, 4), E[x²] = 4. */
const tiny = { shape: smallShape(1, 1), mask: Uint8Array.of(1, 1), random: randomFrom(1) };
const tinyLayer = { kernel: Float32Array.of(3, 0, 0, 4, 0, 0, 1, 0), bias: new Float32Array(4) };
const tinyMoments: Moments = { model: 'm', layer: 0, size: 3, vectors: 2, second: Float64Array.of(8, 0, 0, 18, 0, 2) };

describe('criteria', () => {
  it('are under their own names', () => {
    expect(Object.entries(CRITERIA).every(([name, criterion]) => criterion.name === name)).toBe(true);
  });

  it('magnitude is the norm over the gates; activity that times the root mean square of the source', () => {
    expect([...CRITERIA.magnitude.score({ ...tiny, layer: tinyLayer, moments: null })]).toEqual([5, 1]);
    expect([...CRITERIA.activity.score({ ...tiny, layer: tinyLayer, moments: tinyMoments })]).toEqual([10, 3]);
  });

  it('gradient is the root mean square of w ∂L/∂w over batches and gates; movement its sum, counted from the lowest', () => {
    const gradient = { batches: 2, biasSquares: Float64Array.of(2, 7, 7, 8), squares: Float64Array.of(8, 1, 1, 2, 5, 5, 18, 5), movement: Float64Array.of(1, 0, 0, -3, 0, 0.5, 0, 0) };
    // (9 · 8 + 16 · 2) / 2 = 52; 18 / 2 = 9
    expect([...CRITERIA.gradient.score({ ...tiny, layer: tinyLayer, moments: null, gradient })]).toEqual([Math.sqrt(52), 3]);
    expect([...CRITERIA.movement.score({ ...tiny, layer: tinyLayer, moments: null, gradient })]).toEqual([0, 2.5]);
  });

  it('fisher is obs with each gate weighed by its own gradient', () => {
    const gradient = { batches: 2, biasSquares: Float64Array.of(2, 7, 7, 8), squares: new Float64Array(8), movement: new Float64Array(8) };
    const scores = CRITERIA.fisher.score({ ...tiny, layer: tinyLayer, moments: tinyMoments, gradient }), damping = 1e-4 * (4 + 9 + 1) / 3;
    // √(9 · 1 + 16 · 4) √4, and √(1 · 3.5) √9
    expect(scores[0]).toBeCloseTo(Math.sqrt(73 * (4 + damping)), 5);
    expect(scores[1]).toBeCloseTo(Math.sqrt(3.5 * (9 + damping)), 5);
    const even = { ...gradient, biasSquares: Float64Array.of(2, 2, 2, 2) };
    CRITERIA.fisher.score({ ...tiny, layer: tinyLayer, moments: tinyMoments, gradient: even }).forEach((score, at) => { expect(score).toBeCloseTo(CRITERIA.obs.score({ ...tiny, layer: tinyLayer, moments: tinyMoments })[at]!, 9); });
  });

  it('obs equals activity, but for its damping, where sources have nothing to do with each other', () => {
    const scores = CRITERIA.obs.score({ ...tiny, layer: tinyLayer, moments: tinyMoments });
    const damping = 1e-4 * (4 + 9 + 1) / 3;
    expect(scores[0]).toBeCloseTo(5 * Math.sqrt(4 + damping), 12);
    expect(scores[1]).toBeCloseTo(Math.sqrt(9 + damping), 12);
  });

  it('obs is the root of what the least-squares error grows by when the connection goes', () => {
    const shape = smallShape(4, 5), sources = sourcesOf(shape), size = sources + 1, units = 5;
    const { layer } = sampleLayer(shape, 8);
    const moments = sampleMoments(shape, 60, 2);
    const scores = CRITERIA.obs.score({ shape, layer, mask: fullMask(shape)[0]!, moments, random: randomFrom(1) });
    const second = dense(moments);
    const damping = 1e-4 * Array.from({ length: size }, (_, k) => second[k * size + k]!).reduce((sum, value) => sum + value) / size;
    for (let k = 0; k < size; k++) second[k * size + k]! += damping;
    for (let k = 0; k < sources; k++) {
      const others = Array.from({ length: size }, (_, i) => i).filter((i) => i !== k);
      for (let j = 0; j < units; j++) {
        const increase = [0, 1, 2, 3].reduce((sum, gate) => sum + leaveOut(second, size, others, k, layer.kernel[(4 * k + gate) * units + j]!), 0);
        expect(Math.abs(scores[k * units + j]! - Math.sqrt(increase))).toBeLessThan(1e-9);
      }
    }
  });
});

/** min over d of (w e_k − d)ᵀ G (w e_k − d), d zero at k: the error left when the others adapt. */
function leaveOut(second: Float64Array, size: number, others: readonly number[], k: number, weight: number): number {
  const n = others.length;
  const matrix = Float64Array.from({ length: n * n }, (_, at) => second[others[Math.floor(at / n)]! * size + others[at % n]!]!);
  const target = Float64Array.from(others, (i) => second[i * size + k]! * weight);
  const change = Float64Array.from(target);
  expect(factorize(matrix, n)).toBe(true);
  solveFactored(matrix, n, change, 1);
  return weight * weight * second[k * size + k]! - target.reduce((sum, value, at) => sum + value * change[at]!, 0);
}
