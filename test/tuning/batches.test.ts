// Goal: every step of every item is trained on exactly once an epoch, in order, with its label. Method: properties over random items, batches undone.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ReplayItem } from '../../src/evidence/replay.ts';
import { randomFrom } from '../../src/support/random.ts';
import type { Batch, BatchOptions } from '../../src/tuning/batches.ts';
import { batchesOf } from '../../src/tuning/batches.ts';

const item = (tag: boolean) => fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 23 }).chain((tokens) => fc.record({
  inputs: fc.constant(Int32Array.from(tokens)),
  targets: fc.option(fc.array(fc.integer({ min: -1, max: 9 }), { minLength: tag ? tokens.length : 1, maxLength: tag ? tokens.length : 1 }).map((labels) => Int32Array.from(labels))),
}));
const itemsOf = (tag: boolean) => fc.array(item(tag), { minLength: 1, maxLength: 30 }).map((list) => list.map((entry, index): ReplayItem => ({ id: String(index), ...entry })));
const optionsOf = fc.record({ lanes: fc.integer({ min: 1, max: 7 }), window: fc.integer({ min: 1, max: 9 }), epochs: fc.integer({ min: 1, max: 2 }), seed: fc.option(fc.integer()), rowsMax: fc.constantFrom(10, 40, 1000) });
const withRandom = ({ seed, ...rest }: { lanes: number; window: number; epochs: number; seed: number | null; rowsMax: number }): BatchOptions => ({ ...rest, random: seed === null ? null : randomFrom(seed) });

/** Follows each lane through the batches and puts the items together again: tokens and labels by item, in order of appearance. */
function undo(batches: readonly Batch[], tag: boolean): { item: number; inputs: number[]; targets: number[] }[] {
  const done: { item: number; inputs: number[]; targets: number[] }[] = [];
  const open = new Map<number, { item: number; inputs: number[]; targets: number[] }>();
  for (const batch of batches) {
    for (let lane = 0; lane < batch.lanes; lane++) {
      if (batch.items[lane]! < 0) continue;
      if (batch.goesOn?.[lane] !== 1) {
        const fresh = { item: batch.items[lane]!, inputs: [], targets: [] };
        done.push(fresh);
        open.set(lane, fresh);
        expect(batch.starts[lane]).toBe(0);
      }
      const piece = open.get(lane)!;
      expect(piece.item).toBe(batch.items[lane]);
      expect(piece.inputs.length).toBe(batch.starts[lane]);
      for (let t = 0; t < batch.lengths[lane]!; t++) {
        piece.inputs.push(batch.inputs[t * batch.lanes + lane]!);
        if (tag) piece.targets.push(batch.targets[t * batch.lanes + lane]!);
      }
      if (!tag) piece.targets.push(batch.targets[lane]!);
    }
  }
  return done;
}

const SIZES = { vocabulary: 51, inputs: 3, outputs: 10 } as const;
const SHAPES = [{ ...SIZES, task: 'tag', state: 'carry' }, { ...SIZES, task: 'tag', state: 'reset' }, { ...SIZES, task: 'classify', state: 'reset' }, { ...SIZES, task: 'classify', state: 'carry' }] as const;

describe.each(SHAPES)('batches for $task, $state', (shape) => {
  const tag = shape.task === 'tag';

  it('hold every item once an epoch, whole and in order', () => {
    fc.assert(fc.property(itemsOf(tag), optionsOf, (items, raw) => {
      const batches = [...batchesOf(shape, items, withRandom(raw))];
      const pieces = undo(batches, tag).sort((a, b) => a.item - b.item);
      expect(pieces.map((piece) => piece.item)).toEqual(items.flatMap((_, index) => Array<number>(raw.epochs).fill(index)));
      for (const { item: index, inputs, targets } of pieces) {
        expect(inputs).toEqual([...items[index]!.inputs]);
        expect(targets).toEqual(items[index]!.targets === null ? Array<number>(tag ? inputs.length : 1).fill(-1) : [...items[index]!.targets!]);
      }
    }));
  });

  it('mark exactly the real rows, and count their tokens', () => {
    fc.assert(fc.property(itemsOf(tag), optionsOf, (items, raw) => {
      for (const batch of batchesOf(shape, items, withRandom(raw))) {
        const steps = batch.lengths.reduce((sum, length) => sum + length, 0);
        expect(batch.tokens).toBe(steps);
        expect(batch.real.reduce((sum, bit) => sum + bit, 0)).toBe(tag ? steps : batch.items.filter((index) => index >= 0).length);
        expect(batch.steps).toBe(Math.max(...batch.lengths));
        batch.targets.forEach((target, row) => { if (batch.real[row] === 0) expect(target).toBe(-1); });
        if (batch.last !== null) expect([...batch.last]).toEqual([...batch.lengths].map((length, lane) => (length - 1) * batch.lanes + lane));
        if (batch.goesOn === null) expect(batch.lanes === 1 || batch.lanes * batch.steps <= raw.rowsMax).toBe(true);
      }
    }));
  });

  it('are a function of the seed', () => {
    fc.assert(fc.property(itemsOf(tag), optionsOf, (items, raw) => {
      expect([...batchesOf(shape, items, withRandom(raw))]).toEqual([...batchesOf(shape, items, withRandom(raw))]);
    }), { numRuns: 20 });
  });
});

it('shuffles anew each epoch, and goes on for ever where asked to', () => {
  const items = Array.from({ length: 20 }, (_, index): ReplayItem => ({ id: String(index), inputs: Int32Array.of(index), targets: null }));
  const seen: number[] = [];
  for (const batch of batchesOf(SHAPES[0], items, { lanes: 1, window: 1, epochs: Infinity, random: randomFrom(3), rowsMax: 100 })) {
    seen.push(batch.inputs[0]!);
    if (seen.length === 60) break;
  }
  const epochs = [seen.slice(0, 20), seen.slice(20, 40), seen.slice(40)];
  for (const epoch of epochs) expect([...epoch].sort((a, b) => a - b)).toEqual(items.map((_, index) => index));
  expect(epochs[0]).not.toEqual(epochs[1]);
  expect(epochs[1]).not.toEqual(epochs[2]);
});

it('let a language model answer the next token of the item, across windows', () => {
  const items: ReplayItem[] = [{ id: 'a', inputs: Int32Array.of(1, 2, 3, 4, 5), targets: null }];
  const batches = [...batchesOf({ ...SIZES, task: 'next', state: 'carry' }, items, { lanes: 1, window: 2, epochs: 1, random: null, rowsMax: 100 })];
  expect(batches.map(({ targets }) => [...targets])).toEqual([[2, 3], [4, 5], [-1]]);
});

it('hold frames row by row, and the numbers of a regression', () => {
  const items: ReplayItem[] = [{ id: 'a', inputs: Float32Array.of(1, 2, 3), targets: Float32Array.of(7, 8) }, { id: 'b', inputs: Float32Array.of(4, 5, 6, 7, 8, 9), targets: null }];
  const [batch] = [...batchesOf({ vocabulary: 0, inputs: 3, outputs: 2, task: 'regress', state: 'reset' }, items, { lanes: 2, window: 1, epochs: 1, random: null, rowsMax: 100 })];
  expect([...batch!.inputs]).toEqual([1, 2, 3, 4, 5, 6, 0, 0, 0, 7, 8, 9]);
  expect([[...batch!.values!], [...batch!.targets], [...batch!.lengths]]).toEqual([[7, 8, 0, 0], [0, -1], [1, 2]]);
});
