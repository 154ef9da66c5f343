// Goal: a pass over items whose every lane goes on from the window before does not use freed state. Method: items of one
// length, longer than a window, so that no lane is padded or starts anew (found by the demonstration: "Tensor ID not referenced").
import { expect, it } from 'vitest';
import { momentsOf } from '../../src/tuning/moments-of.ts';
import { openRuntime } from '../../src/tuning/ops.ts';
import { draftOf, never, randomItems, tagShape } from '../tuning/samples.ts';

it('collects moments where all lanes go on together', async () => {
  const items = randomItems(tagShape, 4, 100, 100, 1);
  const { moments: [moments] } = await momentsOf(openRuntime(), { id: 'm', model: draftOf(tagShape, 1), parent: draftOf(tagShape, 2), items, vectorsMax: Infinity }, never);
  expect(moments!.vectors).toBe(400);
});
