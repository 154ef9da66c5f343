// Goal: training learns, from labels or from a teacher alone, under a mask, by seed. Method: a task that needs one step of memory, learnt to a bar.
import { describe, expect, it } from 'vitest';
import type { ReplayItem } from '../../src/evidence/replay.ts';
import { fullMask, maskLayer } from '../../src/model/mask.ts';
import type { Mask, ModelShape } from '../../src/model/shape.ts';
import type { TuningNews } from '../../src/pruning/job.ts';
import { randomFrom } from '../../src/support/random.ts';
import { applyMask } from '../../src/tuning/cut.ts';
import { examine } from '../../src/tuning/examine.ts';
import type { FineTuning } from '../../src/tuning/fine-tune.ts';
import { fineTune, progressOf } from '../../src/tuning/fine-tune.ts';
import { openRuntime } from '../../src/tuning/ops.ts';
import { weightMask } from '../../src/tuning/optimizer.ts';
import type { Network } from '../../src/tuning/parameters.ts';
import { classifyShape, draftOf, echoItems, never, plan, tagShape } from './samples.ts';

const runtime = openRuntime();
/** A clock on which a call takes a millisecond: what a test sees does not depend on the machine. */
const ticking = (stepMs = 1) => { let now = 0; return { monotonicMs: () => (now += stepMs) }; };
const tuning = (shape: ModelShape, items: readonly ReplayItem[], extra: Partial<FineTuning> = {}): FineTuning => ({
  start: draftOf(shape, 1), mask: fullMask(shape), teacher: null, items, plan, seed: 1, clock: ticking(), signal: never, say: () => undefined, ...extra,
});
const halfMask = (shape: ModelShape): Mask => { const random = randomFrom(5); return fullMask(shape).map((layer) => layer.map(() => (random() < 0.5 ? 0 : 1))); };
const accuracy = async (model: Network, items: readonly ReplayItem[]): Promise<number> => (await examine(runtime, model, null, items, never)).accuracy;
const STEPS = 300;

describe.each<[string, ModelShape]>([['tag', tagShape], ['tag without carry', { ...tagShape, state: 'reset' }], ['classify', classifyShape]])('training of %s', (_, shape) => {
  const steps = shape.task === 'tag' ? 20 : 4;
  const items = echoItems(shape, 200, steps, 11), unseen = echoItems(shape, 100, steps, 12);

  it('learns from labels what a guess cannot know', async () => {
    const start = draftOf(shape, 1);
    expect(await accuracy(start, unseen)).toBeLessThan(0.6);
    const { weights, steps: done } = await fineTune(runtime, tuning(shape, items, { plan: { ...plan, steps: STEPS } }));
    expect(done).toBe(STEPS);
    expect(await accuracy({ shape, weights }, unseen)).toBeGreaterThan(0.97);
  });

  it('learns from the teacher alone, without one label', async () => {
    const teacher: Network = { shape, weights: (await fineTune(runtime, tuning(shape, items, { plan: { ...plan, steps: STEPS } }))).weights };
    const unlabelled = items.map((item): ReplayItem => ({ ...item, targets: null }));
    const { weights } = await fineTune(runtime, tuning(shape, unlabelled, { start: draftOf(shape, 2), teacher, plan: { ...plan, steps: STEPS, labelShare: 0 } }));
    const examined = await examine(runtime, { shape, weights }, teacher, unseen, never);
    expect(examined.agreement).toBeGreaterThan(0.9);
    expect(examined.accuracy).toBeGreaterThan(0.9);
  });

  it('keeps half the connections exactly at zero, and still learns', async () => {
    const mask = halfMask(shape), wide = weightMask(mask[0]!, 7);
    const done = await fineTune(runtime, tuning(shape, items, { mask, plan: { ...plan, steps: STEPS } }));
    done.weights.layers[0]!.kernel.forEach((x, i) => { if (wide[i] === 0) expect(x).toBe(0); });
    expect(done.mask).toEqual(mask);
    expect(await accuracy({ shape, weights: done.weights }, unseen)).toBeGreaterThan(0.9);
  });
});

it('is a function of the seed, drop-out and all, to the rounding of sums that threads may reorder', async () => {
  const items = echoItems(tagShape, 30, 9, 3);
  const run = (seed: number) => fineTune(runtime, tuning(tagShape, items, { seed, plan: { ...plan, steps: 12, dropout: 0.3 } }));
  const [first, again, other] = [await run(1), await run(1), await run(2)];
  const distance = (a: Float32Array, b: Float32Array): number => Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));
  expect(distance(again.weights.layers[0]!.kernel, first.weights.layers[0]!.kernel)).toBeLessThan(1e-5);
  expect(distance(other.weights.layers[0]!.kernel, first.weights.layers[0]!.kernel)).toBeGreaterThan(1e-3);
});

it('cuts several times in one training, and ends at the last mask', async () => {
  const items = echoItems(tagShape, 100, 12, 4), seen: number[] = [];
  const { mask, weights } = await fineTune(runtime, tuning(tagShape, items, {
    plan: { ...plan, steps: 60 },
    cuts: { every: 20, at: (progress, now, current) => {
      seen.push(progress);
      const next = current.map((layer) => layer.map((bit, at) => (at % 3 === seen.length - 1 ? 0 : bit)));
      return Promise.resolve(seen.length === 3 ? null : { mask: next, weights: applyMask({ shape: tagShape, weights: now }, next) });
    } },
  }));
  expect(seen).toEqual([0, 20 / 60, 40 / 60]);
  expect([...mask[0]!]).toEqual([...mask[0]!].map((_, at) => (at % 3 === 2 ? 1 : 0)));
  expect(weights.layers[0]!.kernel).toEqual(maskLayer(weights.layers[0]!, mask[0]!, 7).kernel);
});

it('tells how it goes about once a second, and at the end', async () => {
  const news: Extract<TuningNews, { kind: 'progress' }>[] = [];
  await fineTune(runtime, tuning(tagShape, echoItems(tagShape, 50, 12, 4), { clock: ticking(50), plan: { ...plan, steps: 40 }, say: (next) => { news.push(next); } }));
  expect(news.length).toBeGreaterThan(3);
  expect(news.length).toBeLessThan(20);
  expect(news.at(-1)).toMatchObject({ kind: 'progress', step: 40, steps: 40 });
  for (const { loss, accuracy: share, tokensPerSecond } of news) {
    expect(loss).toBeGreaterThan(0);
    expect(share).toBeGreaterThanOrEqual(0);
    expect(tokensPerSecond).toBeGreaterThan(0);
  }
});

describe('training ends', () => {
  const items = echoItems(tagShape, 50, 12, 4);

  it('early when its time is over, with what it has', async () => {
    const { steps } = await fineTune(runtime, tuning(tagShape, items, { clock: ticking(20), plan: { ...plan, steps: 10_000, secondsMax: 2 } }));
    expect(steps).toBeGreaterThan(1);
    expect(steps).toBeLessThan(100);
  });

  it('with aborted when it is cancelled', async () => {
    const controller = new AbortController(), alive = runtime.tf.alive();
    const run = fineTune(runtime, tuning(tagShape, items, { signal: controller.signal, clock: ticking(500), plan: { ...plan, steps: 1e6 }, say: () => { controller.abort(); } }));
    await expect(run).rejects.toMatchObject({ code: 'aborted' });
    expect(runtime.tf.alive()).toBe(alive);
  });

  it('with trainer-failed when the loss is not a number', async () => {
    const start = draftOf(tagShape, 1);
    start.weights.layers[0]!.bias[3] = NaN;
    await expect(fineTune(runtime, tuning(tagShape, items, { start }))).rejects.toMatchObject({ code: 'trainer-failed' });
  });

  it('with trainer-failed when there is nothing to train on', async () => {
    await expect(fineTune(runtime, tuning(tagShape, []))).rejects.toMatchObject({ code: 'trainer-failed' });
  });
});

it('follows the clock only where the steps will not be done in time', () => {
  expect(progressOf(10, 100, 5, 100)).toBe(0.1);
  expect(progressOf(10, 100, 11, 100)).toBe(0.1);
  expect(progressOf(10, 100, 55, 100)).toBeCloseTo(0.5, 12);
  expect(progressOf(10, 100, 100, 100)).toBe(1);
});
