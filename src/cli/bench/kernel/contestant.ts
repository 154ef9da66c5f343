/** Engines as contestants: each runs a batch of frames through one layer, without an output layer worth a thought. */
import type { Addon, Precision } from '../../../adapters/engine/addon.ts';
import { kernelPath, loadAddon } from '../../../adapters/engine/addon.ts';
import { NativeEngine } from '../../../adapters/engine/native.ts';
import type { Feed } from '../../../adapters/engine/onnx-thread.ts';
import { OnnxThread } from '../../../adapters/engine/onnx-thread.ts';
import { WasmEngine } from '../../../adapters/engine/wasm.ts';
import type { OnnxPrecision } from '../../../model/onnx/layer.ts';
import { toOnnx } from '../../../model/onnx/to-onnx.ts';
import { maskWeights } from '../../../model/mask.ts';
import type { Model } from '../../../model/model.ts';
import { sampleModel } from '../../../model/sample-model.ts';
import type { Cell, ModelShape } from '../../../model/shape.ts';
import type { EngineSequence } from '../../../ports.ts';
import { randomFrom } from '../../../support/random.ts';
import type { EngineName } from './plan.ts';
import { INPUTS, STEPS } from './plan.ts';

export interface Contestant {
  readonly engine: EngineName;
  readonly density: number;
  /** CPU time of one run of the sequences, milliseconds. @param lengths steps of each sequence; all in one call */
  run(lengths: readonly number[]): Promise<number>;
  /** Whether sequences of one call must be padded to the longest. */
  readonly pads: boolean;
  close(): Promise<void>;
}

/** One number to answer with: an output layer of next to nothing. */
const shapeOf = (cell: Cell, hidden: number): ModelShape => ({ cell, vocabulary: 0, inputs: INPUTS, layers: [hidden], task: 'regress', outputs: 1, state: 'reset' });

export const modelFor = (cell: Cell, hidden: number, density: number, seed: number): Model => sampleModel(shapeOf(cell, hidden), density, randomFrom(seed), `${cell}-${hidden}-${density}`);

/** Tokens that the int8 kernel reads: its step of the inputs comes from the embedding. */
const TOKENS = 1000;

/** Alive in groups of four consecutive sources of a unit, as the int8 kernel stores them. */
function groupedModel(cell: Cell, hidden: number, density: number, seed: number): Model {
  const random = randomFrom(seed), model = sampleModel({ ...shapeOf(cell, hidden), vocabulary: TOKENS }, 1, random, `${cell}-${hidden}-${density}-g4`);
  const alive = Uint8Array.from({ length: (INPUTS + hidden) / 4 * hidden }, () => (random() < density ? 1 : 0));
  const mask = [Uint8Array.from({ length: (INPUTS + hidden) * hidden }, (_, at) => alive[Math.floor(Math.floor(at / hidden) / 4) * hidden + at % hidden]!)];
  return { ...model, mask, weights: maskWeights(model.shape, model.weights, mask) };
}

const framesOf = (steps: number, random: () => number): Float32Array => Float32Array.from({ length: steps * INPUTS }, () => 2 * random() - 1);

/** Batches are made once for each tuple of lengths. */
function remembered<T>(make: (lengths: readonly number[]) => T): (lengths: readonly number[]) => T {
  const made = new Map<string, T>();
  return (lengths) => {
    const key = lengths.join();
    const found = made.get(key) ?? make(lengths);
    made.set(key, found);
    return found;
  };
}

const sequencesOf = remembered((lengths): readonly EngineSequence[] => {
  const random = randomFrom(lengths.length);
  return lengths.map((steps) => ({ inputs: framesOf(steps, random), h: null, c: null }));
});

/** The native kernel's fastest variant on this machine, of a precision. */
export async function native(engine: 'fp32' | 'int8-g4', cell: Cell, hidden: number, density: number, seed: number): Promise<Contestant> {
  const addon = loadAddon(kernelPath()), kernel = new NativeEngine(addon, fastestVariant(addon, engine), 1);
  const model = engine === 'fp32' ? modelFor(cell, hidden, density, seed) : groupedModel(cell, hidden, density, seed);
  const given = engine === 'fp32' ? sequencesOf : tokensOf;
  await kernel.enlist(model);
  return {
    engine, density, pads: false,
    run: async (lengths) => (await kernel.inferWithoutOutput({ model: model.id, sequences: given(lengths), sample: null })).cpuMs,
    close: () => kernel.retire(model.id),
  };
}

/** The kernel as WebAssembly, by the CPU time of the whole process: its thread has no clock of its own in every Node. */
export async function webAssembly(cell: Cell, hidden: number, density: number, seed: number): Promise<Contestant> {
  const kernel = await WasmEngine.start(), model = modelFor(cell, hidden, density, seed);
  await kernel.enlist(model);
  return {
    engine: 'wasm', density, pads: false,
    run: async (lengths) => {
      const call = { model: model.id, sequences: sequencesOf(lengths), sample: null }, before = process.cpuUsage();
      await kernel.inferWithoutOutput(call);
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000;
    },
    close: () => kernel.retire(model.id),
  };
}

const fastestVariant = (addon: Addon, precision: Precision): string => addon.variants().find((variant) => variant.supported && variant.precision === precision)!.name;

const tokensOf = remembered((lengths): readonly EngineSequence[] => {
  const random = randomFrom(lengths.length);
  return lengths.map((steps) => ({ inputs: Int32Array.from({ length: steps }, () => Math.floor(random() * TOKENS)), h: null, c: null }));
});

/** onnxruntime on the dense network; its thread is the only one that works meanwhile, so the process's CPU time is its own. */
export async function onnxruntime(precision: OnnxPrecision, cell: Cell, hidden: number, seed: number): Promise<Contestant> {
  const thread = await OnnxThread.start(), model = modelFor(cell, hidden, 1, seed);
  await thread.load(model.id, toOnnx(model, precision));
  const feedsOf = remembered((lengths): readonly Feed[] => {
    const lanes = lengths.length, steps = Math.max(...lengths), state = new Float32Array(lanes * hidden), dims = [1, lanes, hidden];
    return [
      ['frames', 'float32', framesOf(steps * lanes, randomFrom(lanes)), [steps, lanes, INPUTS]], ['lengths', 'int32', Int32Array.from(lengths), [lanes]],
      ['h0', 'float32', state, dims], ...(cell === 'lstm' ? [['c0', 'float32', state, dims] as const] : []),
    ];
  });
  return {
    engine: `onnxruntime-${precision}`, density: 1, pads: true,
    run: async (lengths) => (await thread.run(model.id, feedsOf(lengths), ['hOut0'])).cpuMs,
    close: () => thread.close(),
  };
}

/** So many sequences of STEPS steps. */
export const fixed = (batch: number): readonly number[] => new Array<number>(batch).fill(STEPS);
