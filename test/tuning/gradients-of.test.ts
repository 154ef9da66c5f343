// Goal: gradients for scoring are those of the loss, whoever gives the labels, and leave the model as it was. Method: finite
// differences of the reference's cross-entropy on one batch; drawn labels; movement along a descent.
import { describe, expect, it } from 'vitest';
import { forward } from '../../src/model/cell.ts';
import { fullMask } from '../../src/model/mask.ts';
import { gradientsOf } from '../../src/tuning/gradients-of.ts';
import { openRuntime } from '../../src/tuning/ops.ts';
import { classifyShape, draftOf, echoItems, never, randomItems, tagShape } from './samples.ts';

const runtime = openRuntime();
const base = { mask: fullMask(classifyShape), teacher: null, lanes: 64, window: 8, batchesMax: 100, learningRate: 0, seed: 1 };

describe('gradients', () => {
  it('are those of the mean cross-entropy, squared by batch', async () => {
    const model = draftOf(classifyShape, 1), items = echoItems(classifyShape, 6, 4, 2);
    const [gradient] = await gradientsOf(runtime, { ...base, model, items }, never);
    expect(gradient!.batches).toBe(1);
    const kernel = model.weights.layers[0]!.kernel;
    const lossWith = (at: number, change: number): number => {
      const layers = [{ ...model.weights.layers[0]!, kernel: kernel.map((weight, k) => (k === at ? weight + change : weight)) }];
      return items.reduce((sum, { inputs, targets }) => sum - Math.log(forward({ shape: classifyShape, weights: { ...model.weights, layers } }, inputs, null).probabilities[targets![0]!]!) / items.length, 0);
    };
    for (let at = 0; at < kernel.length; at += 17) {
      const slope = (lossWith(at, 1e-2) - lossWith(at, -1e-2)) / 2e-2;
      expect(Math.abs(Math.sqrt(gradient!.squares[at]!) - Math.abs(slope))).toBeLessThan(2e-4);
    }
    expect(gradient!.movement.every((value) => value === 0)).toBe(true);
  });

  it.each([['tag', tagShape], ['regress', { ...classifyShape, task: 'regress' as const }]] as const)('need no label and no teacher: %s', async (_, shape) => {
    const model = draftOf(shape, 1), items = randomItems(shape, 20, 2, 9, 3).map((item) => ({ ...item, targets: null }));
    for (const teacher of [null, model, draftOf({ ...shape, layers: [3] }, 2)]) {
      const gradients = await gradientsOf(runtime, { ...base, mask: fullMask(shape), model, teacher, items, lanes: 4 }, never);
      expect(gradients[0]!.batches).toBeGreaterThan(1);
      expect(gradients[0]!.squares.reduce((sum, value) => sum + value)).toBeGreaterThan(0);
    }
    const again = await Promise.all([1, 2].map(() => gradientsOf(runtime, { ...base, mask: fullMask(shape), model, items, lanes: 4 }, never)));
    expect(again[0]).toEqual(again[1]);
  });

  it('tell what training drives away from zero', async () => {
    const model = draftOf(classifyShape, 1), items = echoItems(classifyShape, 200, 4, 2), before = Float32Array.from(model.weights.layers[0]!.kernel);
    const [moved] = await gradientsOf(runtime, { ...base, model, items, lanes: 8, learningRate: 0.01 }, never);
    expect(moved!.movement.some((value) => value > 0) && moved!.movement.some((value) => value < 0)).toBe(true);
    expect(model.weights.layers[0]!.kernel).toEqual(before);
    await expect(gradientsOf(runtime, { ...base, model, items: [] }, never)).rejects.toMatchObject({ code: 'evidence-invalid' });
  });
});
