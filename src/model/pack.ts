/**
 * A model in the layout of the kernel: alive connections by target unit, the gate weights of each side by side, scaled so
 * that the kernel's sums are exponents of two.
 *
 * σ(z) = 1 / (1 + 2^(−z·log2 e)) and tanh(z) = (1 − 2^(−2z·log2 e)) / (1 + 2^(−2z·log2 e)); so what goes through σ (i, f,
 * o; z, r) is scaled by −log2 e and what goes through tanh (g; n; the tanh RNN) by −2 log2 e; the relu RNN not at all.
 * Logits are scaled by log2 e: the soft-max is then a quotient of powers of two; the numbers of a regression are not.
 * The scaling rounds once: `unpack(pack(m))` equals m to one unit in the last place of float32, but for the two biases of
 * a gru's z and r, which act as their sum: `unpack` gives the sum as the bias and zero as the recurrent bias.
 */
import { assert } from '../errors.ts';
import type { Cell, LayerMask, LayerShape, LayerWeights, Mask, ModelShape, Task, Weights } from './shape.ts';
import { GATES, layerShapes } from './shape.ts';

export interface PackedLayer {
  readonly units: number;
  readonly inputs: number;
  /** Connections of unit j are ptr[j] to ptr[j + 1]; [units + 1]. */
  readonly ptr: Uint32Array;
  /** Source of each connection, inputs first; rising within a unit; [connections]. */
  readonly source: Uint32Array;
  /** Scaled weights of the gates; [connections, gates]. */
  readonly values: Float32Array;
  /** Scaled; [units, gates], and for a gru [units, 4]: z, r, n of the inputs, n of the state. */
  readonly bias: Float32Array;
}

export interface PackedModel {
  readonly cell: Cell;
  readonly bidirectional: boolean;
  readonly task: Task;
  readonly vocabulary: number;
  readonly outputs: number;
  /** In the order of `Weights.layers`. */
  readonly layers: readonly PackedLayer[];
  /** [vocabulary, inputs], shared with the model. */
  readonly embedding: Float32Array;
  /** Scaled, four classes side by side: [⌈outputs / 4⌉, features, 4]; classes beyond `outputs` are zero. */
  readonly output: Float32Array;
  /** Scaled; [⌈outputs / 4⌉, 4]; classes beyond `outputs` hold PADDED_BIAS. */
  readonly outputBias: Float32Array;
}

/** Four classes stand side by side. */
const FOUR = 4;
const SIGMOID = -Math.LOG2E, TANH = -2 * Math.LOG2E;
/** What a gate's sum is multiplied by to be an exponent of two. */
export const SCALES: Readonly<Record<Cell, readonly number[]>> = {
  'lstm': [SIGMOID, SIGMOID, TANH, SIGMOID], 'gru': [SIGMOID, SIGMOID, TANH], 'gru-before': [SIGMOID, SIGMOID, TANH], 'rnn-tanh': [TANH], 'rnn-relu': [1],
};
/** Bias of a class that fills up a block: never the largest, probability zero. */
export const PADDED_BIAS = -1e30;

const biasesOf = (cell: Cell): number => (cell === 'gru' ? 4 : GATES[cell]);
export const outputScale = (task: Task): number => (task === 'regress' ? 1 : Math.LOG2E);

export function pack(model: { readonly shape: ModelShape; readonly weights: Weights; readonly mask: Mask }): PackedModel {
  const { shape, weights, mask } = model;
  return {
    cell: shape.cell, bidirectional: shape.bidirectional === true, task: shape.task, vocabulary: shape.vocabulary, outputs: shape.outputs,
    layers: layerShapes(shape).map((layer) => packLayer(shape.cell, layer, weights.layers[layer.index]!, mask[layer.index]!)),
    embedding: weights.embedding, ...packOutput(weights, shape),
  };
}

function packLayer(cell: Cell, { units, inputs, sources, gates }: LayerShape, layer: LayerWeights, mask: LayerMask): PackedLayer {
  assert(mask.length === sources * units, 'one byte of mask for each connection');
  const scales = SCALES[cell], biases = biasesOf(cell);
  const ptr = new Uint32Array(units + 1);
  for (let k = 0, at = 0; k < sources; k++) for (let j = 0; j < units; j++, at++) ptr[j + 1]! += mask[at]!;
  for (let j = 0; j < units; j++) ptr[j + 1]! += ptr[j]!;
  const source = new Uint32Array(ptr[units]!);
  const values = new Float32Array(gates * source.length);
  const next = ptr.slice(0, units);
  for (let k = 0; k < sources; k++) {
    for (let j = 0; j < units; j++) {
      if (mask[k * units + j] === 0) continue;
      const at = next[j]!++;
      source[at] = k;
      for (let gate = 0; gate < gates; gate++) values[gates * at + gate] = layer.kernel[(gates * k + gate) * units + j]! * scales[gate]!;
    }
  }
  const bias = new Float32Array(biases * units);
  for (let j = 0; j < units; j++) {
    for (let gate = 0; gate < gates; gate++) {
      const recurrent = layer.recurrentBias?.[gate * units + j] ?? 0, apart = cell === 'gru' && gate === 2;
      bias[biases * j + gate] = (layer.bias[gate * units + j]! + (apart ? 0 : recurrent)) * scales[gate]!;
      if (apart) bias[biases * j + 3] = recurrent * scales[gate]!;
    }
  }
  return { units, inputs, ptr, source, values, bias };
}

function packOutput(weights: Weights, { outputs, task }: ModelShape): Pick<PackedModel, 'output' | 'outputBias'> {
  const features = weights.output.length / outputs, scale = outputScale(task);
  const blocks = Math.ceil(outputs / FOUR);
  const output = new Float32Array(blocks * features * FOUR);
  const outputBias = new Float32Array(blocks * FOUR).fill(PADDED_BIAS);
  for (let o = 0; o < outputs; o++) {
    outputBias[o] = weights.outputBias[o]! * scale;
    const block = Math.floor(o / FOUR) * features * FOUR + (o % FOUR);
    for (let j = 0; j < features; j++) output[block + FOUR * j] = weights.output[j * outputs + o]! * scale;
  }
  return { output, outputBias };
}

/** The weights and the mask that a packed model holds; dead connections have weight zero. */
export function unpack(packed: PackedModel): { readonly weights: Weights; readonly mask: Mask } {
  const { outputs, outputBias: scaled } = packed;
  const layers = packed.layers.map((layer) => unpackLayer(packed.cell, layer));
  const features = packed.output.length / scaled.length, scale = outputScale(packed.task);
  const output = new Float32Array(features * outputs), outputBias = new Float32Array(outputs);
  for (let o = 0; o < outputs; o++) {
    outputBias[o] = scaled[o]! / scale;
    const block = Math.floor(o / FOUR) * features * FOUR + (o % FOUR);
    for (let j = 0; j < features; j++) output[j * outputs + o] = packed.output[block + FOUR * j]! / scale;
  }
  return { weights: { embedding: packed.embedding, layers: layers.map(({ weights }) => weights), output, outputBias }, mask: layers.map(({ mask }) => mask) };
}

function unpackLayer(cell: Cell, { units, inputs, ptr, source, ...layer }: PackedLayer): { readonly weights: LayerWeights; readonly mask: LayerMask } {
  const scales = SCALES[cell], gates = GATES[cell], biases = biasesOf(cell);
  const kernel = new Float32Array((inputs + units) * gates * units);
  const mask = new Uint8Array((inputs + units) * units);
  const bias = new Float32Array(gates * units), recurrentBias = new Float32Array(gates * units);
  for (let j = 0; j < units; j++) {
    for (let gate = 0; gate < gates; gate++) bias[gate * units + j] = layer.bias[biases * j + gate]! / scales[gate]!;
    if (cell === 'gru') recurrentBias[2 * units + j] = layer.bias[biases * j + 3]! / scales[2]!;
    for (let at = ptr[j]!; at < ptr[j + 1]!; at++) {
      mask[source[at]! * units + j] = 1;
      for (let gate = 0; gate < gates; gate++) kernel[(gates * source[at]! + gate) * units + j] = layer.values[gates * at + gate]! / scales[gate]!;
    }
  }
  return { weights: cell === 'gru' ? { kernel, bias, recurrentBias } : { kernel, bias }, mask };
}
