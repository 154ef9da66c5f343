// Goal: the addon refuses what does not fit, before it touches memory, and frees what is released. Method: every
// argument of load, infer and gram wrong in turn; memory watched over many loads; a handle released during a call.
import { describe, expect, it } from 'vitest';
import { loadArguments, OUTPUT_MODES } from '../../src/adapters/engine/addon.ts';
import type { AddonHandle, LoadArguments } from '../../src/adapters/engine/addon.ts';
import { pack } from '../../src/model/pack.ts';
import { sampleModel } from '../../src/model/sample-model.ts';
import { randomFrom } from '../../src/support/random.ts';
import { builtAddon, supportedVariants } from '../adapters/engine/built.ts';
import { shapeOf } from '../checks/engine.ts';

const addon = await builtAddon();
const variant = supportedVariants(addon).at(-1)!;
const packed = pack(sampleModel(shapeOf(), 0.5, randomFrom(1)));
const good = loadArguments(variant, packed);
const withArgument = (at: number, value: unknown): LoadArguments => good.map((old, index) => (index === at ? value : old)) as unknown as LoadArguments;

describe('table of variants', () => {
  it('fastest first, portable last and always supported, widths rising', () => {
    const table = addon.variants();
    expect(table.at(-1)).toMatchObject({ name: 'portable', supported: true });
    for (const { widths } of table) expect([...widths].sort((a, b) => a - b)).toEqual(widths);
  });
});

describe('load', () => {
  const layer = packed.layers[0]!;
  const falling = layer.ptr.slice(), outOfRange = layer.source.slice(), unsorted = layer.source.slice();
  falling[3] = layer.ptr[4]! + 1;
  outOfRange[layer.ptr[1]! - 1] = layer.units + layer.inputs;
  unsorted[0] = layer.source[1]!;
  it.each([
    [0, 'mmx'], [0, 5], [1, 5], [1, -1], [2, 2], [2, 1], [3, 0], [3, 41], [3, 1.5], [4, 0], [4, 100], [5, []], [5, null], [5, [null]], [5, [...good[5], ...good[5]]], [6, packed.embedding.slice(1)], [7, packed.output.slice(1)], [8, new Float64Array(8)],
  ])('argument %i wrong is refused', (at, value) => {
    expect(() => addon.load(...withArgument(at, value))).toThrow(expect.objectContaining({ code: 'bad-argument' }));
  });

  it.each([
    [0, 0], [0, 20], [0, 1.5], [0, -1], [1, 10], [1, 2 ** 24], [2, layer.ptr.slice(1)], [2, falling], [2, new Int32Array(layer.ptr)],
    [3, layer.source.slice(1)], [3, outOfRange], [3, unsorted], [4, layer.values.slice(1)], [4, null], [5, layer.bias.slice(1)],
  ])('part %i of a layer wrong is refused', (at, value) => {
    const altered = good[5][0]!.map((old, index) => (index === at ? value : old));
    expect(() => addon.load(...withArgument(5, [altered]))).toThrow(expect.objectContaining({ code: 'bad-argument' }));
  });

  it('layers that do not fit one another are refused', () => {
    const [, , , , , both] = loadArguments(variant, pack(sampleModel(shapeOf({ layers: [4, 6], task: 'classify', bidirectional: true, state: 'reset' }), 0.5, randomFrom(4))));
    const [, , , , , stacked] = loadArguments(variant, pack(sampleModel(shapeOf({ layers: [4, 21] }), 0.5, randomFrom(5))));
    for (const layers of [[stacked[1]!, stacked[0]!], [stacked[0]!, good[5][0]!], [...stacked, ...stacked]]) expect(() => addon.load(...withArgument(5, layers))).toThrow(expect.objectContaining({ code: 'bad-argument' }));
    const twoWays = (layers: readonly unknown[]): LoadArguments => withArgument(5, layers).map((old, index) => (index === 2 ? 1 : old)) as unknown as LoadArguments;
    for (const layers of [both.slice(0, 3), [both[0]!, both[2]!, both[1]!, both[3]!], [both[2]!, both[3]!]]) expect(() => addon.load(...twoWays(layers))).toThrow(expect.objectContaining({ code: 'bad-argument' }));
  });

  it('released models give their memory back', () => {
    const large = loadArguments(variant, pack(sampleModel(shapeOf({ units: 128, inputs: 64, vocabulary: 4000 }), 1, randomFrom(2))));
    const bytes = addon.load(...large)[1];
    expect(bytes).toBeGreaterThan(1.4e6);
    for (let at = 0; at < 20; at++) addon.release(addon.load(...large)[0]);
    const before = process.memoryUsage.rss();
    for (let at = 0; at < 300; at++) addon.release(addon.load(...large)[0]);
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 * bytes);
  });
});

describe('infer', () => {
  const [handle] = addon.load(...good);
  type Arguments = Parameters<typeof addon.infer>;
  const call = (change: Partial<Record<number, unknown>> = {}): Arguments => {
    const args: unknown[] = [handle, Int32Array.of(1, 2, 3), Uint32Array.of(0, 2, 3), new Float32Array(42), new Float32Array(42), new Int32Array(3), new Float32Array(0), new Float32Array(2), OUTPUT_MODES.tag, 0, 0, 1, new Int32Array(0), new Float32Array(0), new Float64Array(42)];
    for (const [at, value] of Object.entries(change)) args[Number(at)] = value;
    return args as Arguments;
  };

  it.each([
    [0, {}], [0, null], [1, new Uint32Array(3)], [1, new Int32Array(4)], [2, new Uint32Array(0)], [2, Uint32Array.of(0, 4, 3)], [2, Uint32Array.of(1, 2, 3)], [3, new Float32Array(41)],
    [1, new Float32Array(27)], [4, new Float64Array(42)], [4, new Float32Array(0)], [5, new Int32Array(2)], [6, new Float32Array(14)], [7, new Float32Array(3)], [8, 3], [8, 4], [8, -1], [9, 0.5], [10, NaN], [11, 0], [11, 17], [11, 8], [11, 2], [12, new Int32Array(3)], [12, new Float32Array(0)], [13, new Float32Array(3)], [14, new Float64Array(41)], [14, new Float32Array(42)],
  ])('argument %i wrong is refused', (at, value) => {
    expect(() => addon.infer(...call({ [at]: value }))).toThrow(expect.objectContaining({ code: 'bad-argument' }));
  });

  it('bad tokens, empty sequences and bad states reject with code and sequence', async () => {
    const state = new Float32Array(42);
    state[30] = Infinity;
    await expect(addon.infer(...call({ 1: Int32Array.of(1, 2, 40) }))).rejects.toMatchObject({ code: 'bad-token', sequence: 1 });
    await expect(addon.infer(...call({ 1: Int32Array.of(-1, 2, 4) }))).rejects.toMatchObject({ code: 'bad-token', sequence: 0 });
    await expect(addon.infer(...call({ 2: Uint32Array.of(0, 3, 3) }))).rejects.toMatchObject({ code: 'empty', sequence: 1 });
    await expect(addon.infer(...call({ 4: state }))).rejects.toMatchObject({ code: 'bad-state', sequence: 1 });
    await expect(addon.infer(...call())).resolves.toMatchObject({ steps: 3, rows: 0 });
  });

  it('frames: their number and their numbers', async () => {
    const [frames] = addon.load(...loadArguments(variant, pack(sampleModel(shapeOf({ cell: 'gru', vocabulary: 0, inputs: 4, task: 'regress' }), 0.5, randomFrom(6)))));
    const args = { 0: frames, 1: new Float32Array(12), 4: new Float32Array(0), 5: new Int32Array(0), 6: new Float32Array(14), 7: new Float32Array(0), 8: OUTPUT_MODES.regress };
    for (const wrong of [{ 1: new Float32Array(13) }, { 1: new Int32Array(3) }, { 4: new Float32Array(42) }, { 6: new Float32Array(13) }, { 7: new Float32Array(2) }]) {
      expect(() => addon.infer(...call({ ...args, ...wrong }))).toThrow(expect.objectContaining({ code: 'bad-argument' }));
    }
    await expect(addon.infer(...call({ ...args, 1: new Float32Array(12).fill(NaN, 8) }))).rejects.toMatchObject({ code: 'bad-frame', sequence: 1 });
    await expect(addon.infer(...call(args))).resolves.toMatchObject({ steps: 3 });
  });

  it('a handle may be released while its call runs; afterwards it is refused', async () => {
    const [short]: readonly [AddonHandle, number] = addon.load(...good);
    const expected = call(), running = call({ 0: short });
    const both = Promise.all([addon.infer(...expected), addon.infer(...running)]);
    addon.release(short);
    addon.release(short);
    await both;
    expect(running[3]).toEqual(expected[3]);
    expect(() => addon.infer(...call({ 0: short }))).toThrow(expect.objectContaining({ code: 'bad-argument' }));
  });
});

describe('gram', () => {
  it.each([['values', [variant, new Float32Array(5), 2, 3, new Float64Array(10)]], ['into', [variant, new Float32Array(6), 2, 3, new Float64Array(9)]], ['variant', ['mmx', new Float32Array(6), 2, 3, new Float64Array(10)]], ['rows', [variant, new Float32Array(6), -2, 3, new Float64Array(10)]]] as const)('wrong %s is refused', (_, args) => {
    expect(() => addon.gram(...(args as unknown as Parameters<typeof addon.gram>))).toThrow(expect.objectContaining({ code: 'bad-argument' }));
  });

  it.each(supportedVariants(addon))('%s: within 33 · 2⁻²⁴ of the sum of absolute products, over many rows', async (name) => {
    const rows = 2000, columns = 70, size = 71;
    const random = randomFrom(3);
    const values = Float32Array.from({ length: rows * columns }, () => 2 * random() - 1);
    const into = new Float64Array((size * (size + 1)) / 2);
    await addon.gram(name, values, rows, columns, into);
    for (let i = 0, at = 0; i < size; i++) for (let j = i; j < size; j++, at++) {
      let sum = 0, scale = 0;
      for (let row = 0; row < rows; row++) {
        const product = (i < columns ? values[row * columns + i]! : 1) * (j < columns ? values[row * columns + j]! : 1);
        sum += product;
        scale += Math.abs(product);
      }
      expect(Math.abs(into[at]! - sum)).toBeLessThanOrEqual(33 * 2 ** -24 * scale);
    }
  });
});
