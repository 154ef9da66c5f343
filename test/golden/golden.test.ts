// Goal: every cell gives what Python's TensorFlow and onnxruntime give on the same weights. Method: golden files of their
// states (made by make.py), against the float64 reference, the network of TensorFlow ops and the native engine.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { NativeEngine } from '../../src/adapters/engine/native.ts';
import { forward } from '../../src/model/cell.ts';
import { fullMask } from '../../src/model/mask.ts';
import type { Model } from '../../src/model/model.ts';
import type { Cell, LayerWeights, ModelShape } from '../../src/model/shape.ts';
import { directionsOf } from '../../src/model/shape.ts';
import { NO_TOKENIZER } from '../../src/model/tokenizer.ts';
import { evaluate } from '../../src/tuning/evaluate.ts';
import { openRuntime } from '../../src/tuning/ops.ts';
import { builtAddon, supportedVariants } from '../adapters/engine/built.ts';
import { never } from '../tuning/samples.ts';

interface States { readonly h: readonly number[]; readonly c: readonly number[] }
interface Golden {
  readonly cell: Cell;
  readonly inputs: number;
  readonly layers: readonly number[];
  readonly bidirectional: boolean;
  readonly weights: readonly { readonly kernel: readonly number[]; readonly bias: readonly number[]; readonly recurrentBias?: readonly number[] }[];
  readonly sequences: readonly { readonly frames: readonly number[]; readonly tensorflow: States; readonly onnxruntime: States }[];
}

const BOUND = 1e-5;
const FILES = fs.readdirSync(import.meta.dirname).filter((file) => file.endsWith('.json'));

function modelOf({ cell, inputs, layers, bidirectional, weights }: Golden): Model {
  const shape: ModelShape = { cell, vocabulary: 0, inputs, layers, task: 'regress', outputs: 1, state: 'reset', ...(bidirectional ? { bidirectional } : {}) };
  return {
    id: 'golden', shape, mask: fullMask(shape), tokenizer: NO_TOKENIZER, labels: [],
    weights: {
      embedding: new Float32Array(0), output: new Float32Array(directionsOf(shape) * layers.at(-1)!).fill(1), outputBias: new Float32Array(1),
      layers: weights.map(({ kernel, bias, recurrentBias }): LayerWeights => ({ kernel: Float32Array.from(kernel), bias: Float32Array.from(bias), ...(recurrentBias === undefined ? {} : { recurrentBias: Float32Array.from(recurrentBias) }) })),
    },
    lineage: { parent: null, anchor: null, cycle: 0, density: 1, criterion: null, seed: 0, trainedOn: 'nothing' },
  };
}

function expectNear(states: { readonly h: ArrayLike<number>; readonly c: ArrayLike<number> }, { tensorflow, onnxruntime }: Golden['sequences'][number]): void {
  for (const expected of [tensorflow, onnxruntime]) {
    for (const part of ['h', 'c'] as const) {
      expect(states[part].length).toBe(expected[part].length);
      expected[part].forEach((value, at) => { expect(Math.abs(states[part][at]! - value), `${part}[${at}]`).toBeLessThan(BOUND * Math.max(1, Math.abs(value))); });
    }
  }
}

it('there are files of every cell, alone, stacked and in both directions', () => { expect(FILES).toHaveLength(15); });

describe.each(FILES)('%s', (file) => {
  const golden = JSON.parse(fs.readFileSync(path.join(import.meta.dirname, file), 'utf8')) as Golden, model = modelOf(golden);

  it('is what the reference gives', () => {
    for (const sequence of golden.sequences) expectNear(forward(model, Float32Array.from(sequence.frames), null), sequence);
  });

  it('is what the network of TensorFlow ops gives', async () => {
    const runtime = openRuntime(), { tf, ops } = runtime;
    const items = golden.sequences.map(({ frames }, at) => ({ id: String(at), inputs: Float32Array.from(frames), targets: null }));
    let compared = 0;
    await evaluate(runtime, [model], items, never, (batch, [run]) => {
      const rows = tf.ints(batch.last!, [batch.lanes]);
      const parts = run!.layers.map(({ of: { units }, run: { h, c } }) => [h, c].map((all) => (all === null ? null : tf.readFloats(ops.gather(ops.reshape(all, [batch.steps * batch.lanes, units]), rows)))));
      batch.items.forEach((item, lane) => {
        const of = (which: 0 | 1): number[] => parts.flatMap((part, at) => { const units = run!.layers[at]!.of.units; return [...part[which]?.subarray(lane * units, (lane + 1) * units) ?? []]; });
        expectNear({ h: of(0), c: of(1) }, golden.sequences[item]!);
        compared++;
      });
    });
    expect(compared).toBe(golden.sequences.length);
  });

  it('is what the native engine gives, in every variant of this machine', async () => {
    const addon = await builtAddon();
    for (const variant of supportedVariants(addon)) {
      const engine = new NativeEngine(addon, variant);
      await engine.enlist(model);
      const { answers } = await engine.infer({ model: model.id, sequences: golden.sequences.map(({ frames }) => ({ inputs: Float32Array.from(frames), h: null, c: null })), sample: null });
      answers.forEach((answer, at) => { expectNear(answer, golden.sequences[at]!); });
      await engine.retire(model.id);
    }
  });
});
