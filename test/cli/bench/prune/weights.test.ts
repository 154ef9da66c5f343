// Goal: single weights go smallest first and stay gone in training; spoken digits are parted by speaker. Method: small networks and recordings made by hand.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leaveOut, speakersOf } from '../../../../src/cli/bench/prune/spoken.ts';
import { aliveConnections, smallestWeights } from '../../../../src/cli/bench/prune/weights.ts';
import { MEL_BANDS } from '../../../../src/cli/data/log-mel.ts';
import { initialWeights } from '../../../../src/model/initial.ts';
import { fullMask } from '../../../../src/model/mask.ts';
import type { ModelShape } from '../../../../src/model/shape.ts';
import { randomFrom } from '../../../../src/support/random.ts';
import { fineTune } from '../../../../src/tuning/fine-tune.ts';
import { openRuntime } from '../../../../src/tuning/ops.ts';

const shape: ModelShape = { cell: 'lstm', vocabulary: 6, inputs: 3, layers: [5], task: 'classify', outputs: 3, state: 'reset' };
const alive = (kernel: Float32Array): number => kernel.filter((weight) => weight !== 0).length;

describe('single weights', () => {
  it('are cut to exactly the density, the smallest first, and a second cut to it changes nothing', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 1000 }), fc.double({ min: 0, max: 1, noNaN: true }), (seed, density) => {
      const weights = initialWeights(shape, randomFrom(seed)), cut = smallestWeights({ shape, weights }, density), before = weights.layers[0]!.kernel, after = cut.weights.layers[0]!.kernel;
      expect(alive(after)).toBe(Math.round(density * before.length));
      const kept = before.filter((_, at) => after[at] !== 0).map(Math.abs), gone = before.filter((_, at) => after[at] === 0).map(Math.abs);
      expect(Math.min(Infinity, ...kept)).toBeGreaterThanOrEqual(Math.max(0, ...gone));
      expect(smallestWeights({ shape, weights: cut.weights }, density)).toEqual(cut);
    }));
  });

  it('leave a connection alive while one of its gates is', () => {
    const weights = initialWeights(shape, randomFrom(1)), kernel = new Float32Array(weights.layers[0]!.kernel.length);
    // Source 2 to unit 4 by gate 3; source 0 to unit 0 by gates 0 and 1.
    for (const at of [2 * 20 + 3 * 5 + 4, 0, 5]) kernel[at] = 1;
    const [mask] = aliveConnections({ shape, weights: { ...weights, layers: [{ ...weights.layers[0]!, kernel }] } });
    expect([...mask!.keys()].filter((at) => mask![at] === 1)).toEqual([0, 2 * 5 + 4]);
  });

  it('stay gone while the others are trained', async () => {
    const weights = initialWeights(shape, randomFrom(1)), items = Array.from({ length: 12 }, (_, at) => ({ id: `${at}`, inputs: Int32Array.of(at % 6, (at + 1) % 6), targets: Int32Array.of(at % 3) }));
    const tuned = await fineTune(openRuntime(), {
      start: { shape, weights }, mask: fullMask(shape), teacher: null, items, seed: 1, clock: { monotonicMs: () => performance.now() }, signal: new AbortController().signal, say: () => undefined,
      plan: { steps: 6, lanes: 4, window: 1, learningRate: 0.01, labelShare: 1, temperature: 1, dropout: 0, heldOut: 0, secondsMax: 1e6 },
      cuts: { every: 2, at: (progress, now) => Promise.resolve(progress === 0 ? smallestWeights({ shape, weights: now }, 0.3) : null) },
    });
    const cut = smallestWeights({ shape, weights }, 0.3).weights.layers[0]!.kernel, { kernel } = tuned.weights.layers[0]!;
    expect([...kernel].map((weight) => weight !== 0)).toEqual([...cut].map((weight) => weight !== 0));
    expect(kernel).not.toEqual(cut);
  });
});

it('a speaker who is left out is nowhere else, and bands are scaled by the training part alone', () => {
  const random = randomFrom(1), recordings = ['ann', 'bob', 'cid'].flatMap((speaker, at) => Array.from({ length: 12 }, (_, take) => ({
    digit: take % 10, speaker, take, frames: Float32Array.from({ length: 3 * MEL_BANDS }, () => 10 * at + random()),
  })));
  expect(speakersOf(recordings)).toEqual(['ann', 'bob', 'cid']);
  const { train, validation, test } = leaveOut(recordings, 'cid');
  expect([train.length, validation.length, test.length]).toEqual([20, 4, 12]);
  expect(test.every(({ id }) => id.includes('_cid_')) && [...train, ...validation].every(({ id }) => !id.includes('cid'))).toBe(true);
  const values = train.flatMap(({ inputs }) => [...inputs].filter((_, at) => at % MEL_BANDS === 7)), mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  expect(mean).toBeCloseTo(0, 5);
  expect(values.reduce((sum, value) => sum + value ** 2, 0) / values.length).toBeCloseTo(1, 4);
});
