// Goal: moments by TensorFlow are those of the reference. Method: every step of the float64 forward pass added up beside it, also for two models at once.
import { describe, expect, it } from 'vitest';
import type { ReplayItem } from '../../src/evidence/replay.ts';
import { dense } from '../../src/evidence/moments.ts';
import { forward } from '../../src/model/cell.ts';
import type { ModelShape } from '../../src/model/shape.ts';
import { momentsOf } from '../../src/tuning/moments-of.ts';
import { openRuntime } from '../../src/tuning/ops.ts';
import type { Network } from '../../src/tuning/parameters.ts';
import { classifyShape, draftOf, never, randomItems, tagShape } from './samples.ts';

const runtime = openRuntime();

/** a of every step: [steps][size]. */
function activity(model: Network, item: ReplayItem): Float64Array[] {
  const rows: Float64Array[] = [];
  forward(model, item.inputs, null, (_, x, h) => { rows.push(Float64Array.of(...x, ...h, 1)); });
  return rows;
}

/** E[a bᵀ], row-major. */
function expectation(left: readonly Float64Array[], right: readonly Float64Array[]): Float64Array {
  const size = left[0]!.length, sum = new Float64Array(size * size);
  left.forEach((a, row) => { for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) sum[i * size + j]! += a[i]! * right[row]![j]! / left.length; });
  return sum;
}

function expectClose(actual: Float64Array, expected: Float64Array): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, at) => { expect(Math.abs(value - expected[at]!), String(at)).toBeLessThan(1e-6); });
}

describe.each<[string, ModelShape]>([['tag', tagShape], ['tag without carry', { ...tagShape, state: 'reset' }], ['classify', classifyShape]])('moments of %s', (_, shape) => {
  const model: Network = draftOf(shape, 1), parent: Network = draftOf(shape, 2);
  const items = randomItems(shape, 20, 1, 70, 3);

  it('are the reference\'s, padding left out', async () => {
    const { moments: [moments], cross } = await momentsOf(runtime, { id: 'm', model, parent: null, items, vectorsMax: Infinity }, never);
    const rows = items.flatMap((item) => activity(model, item));
    expect(cross).toBeNull();
    expect(moments).toMatchObject({ model: 'm', layer: 0, size: 13, vectors: rows.length });
    expectClose(dense(moments!), expectation(rows, rows));
  });

  it('cross those of a parent on the same steps', async () => {
    const { moments: [moments], cross } = await momentsOf(runtime, { id: 'm', model, parent, items, vectorsMax: Infinity }, never);
    const rows = items.flatMap((item) => activity(model, item)), parents = items.flatMap((item) => activity(parent, item));
    expectClose(dense(moments!), expectation(rows, rows));
    expectClose(cross![0]!.second, expectation(rows, parents));
    expectClose(cross![0]!.parentSecond, expectation(parents, parents));
  });

  it('are of whole items up to the wanted number of vectors, and are refused without sequences', async () => {
    const { moments: [moments] } = await momentsOf(runtime, { id: 'm', model, parent: null, items, vectorsMax: 100 }, never);
    let count = 0;
    const rows = items.filter((item) => { const taken = count < 100; if (taken) count += item.inputs.length; return taken; }).flatMap((item) => activity(model, item));
    expect(moments!.vectors).toBe(rows.length);
    expectClose(dense(moments!), expectation(rows, rows));
    await expect(momentsOf(runtime, { id: 'm', model, parent: null, items: [], vectorsMax: 10 }, never)).rejects.toMatchObject({ code: 'evidence-invalid' });
  });
});
