/**
 * A model in the layout of the kernel: alive connections by target unit, the four gate weights of each side by side,
 * scaled so that the kernel's sums are exponents of two.
 *
 * σ(z) = 1 / (1 + 2^(−z·log2 e)) and tanh(z) = (1 − 2^(−2z·log2 e)) / (1 + 2^(−2z·log2 e)); so gates i, f, o are scaled by
 * −log2 e and g by −2 log2 e. Logits are scaled by log2 e: the soft-max is then a quotient of powers of two.
 * The scaling rounds once: `unpack(pack(m))` equals m to one unit in the last place of float32.
 */
import { assert } from '../errors.ts';
import type { Mask, ModelShape, Weights } from './shape.ts';
import { sourcesOf, unitsOf } from './shape.ts';

export interface PackedModel {
  readonly units: number;
  readonly inputs: number;
  readonly vocabulary: number;
  readonly outputs: number;
  /** Connections of unit j are ptr[j] to ptr[j + 1]; [units + 1]. */
  readonly ptr: Uint32Array;
  /** Source of each connection, inputs first; rising within a unit; [connections]. */
  readonly source: Uint32Array;
  /** Scaled weights of gates i, f, g, o; [connections, 4]. */
  readonly values: Float32Array;
  /** Scaled; [units, 4]. */
  readonly bias: Float32Array;
  /** [vocabulary, inputs], shared with the model. */
  readonly embedding: Float32Array;
  /** Scaled, four classes side by side: [⌈outputs / 4⌉, units, 4]; classes beyond `outputs` are zero. */
  readonly output: Float32Array;
  /** Scaled; [⌈outputs / 4⌉, 4]; classes beyond `outputs` hold PADDED_BIAS. */
  readonly outputBias: Float32Array;
}

/** Four classes or gates stand side by side. */
const FOUR = 4;
const GATE_SCALES = [-Math.LOG2E, -Math.LOG2E, -2 * Math.LOG2E, -Math.LOG2E] as const;
/** Bias of a class that fills up a block: never the largest, probability zero. */
export const PADDED_BIAS = -1e30;

export function pack(model: { readonly shape: ModelShape; readonly weights: Weights; readonly mask: Mask }): PackedModel {
  const { shape, weights } = model;
  const units = unitsOf(shape), sources = sourcesOf(shape);
  const mask = model.mask[0]!, layer = weights.layers[0]!;
  assert(mask.length === sources * units, 'one byte of mask for each connection');
  const ptr = new Uint32Array(units + 1);
  for (let at = 0; at < mask.length; at++) ptr[(at % units) + 1]! += mask[at]!;
  for (let j = 0; j < units; j++) ptr[j + 1]! += ptr[j]!;
  const source = new Uint32Array(ptr[units]!);
  const values = new Float32Array(FOUR * source.length);
  const next = ptr.slice(0, units);
  for (let k = 0; k < sources; k++) {
    for (let j = 0; j < units; j++) {
      if (mask[k * units + j] === 0) continue;
      const at = next[j]!++;
      source[at] = k;
      for (let gate = 0; gate < FOUR; gate++) values[FOUR * at + gate] = layer.kernel[(FOUR * k + gate) * units + j]! * GATE_SCALES[gate]!;
    }
  }
  const bias = new Float32Array(FOUR * units);
  for (let j = 0; j < units; j++) for (let gate = 0; gate < FOUR; gate++) bias[FOUR * j + gate] = layer.bias[gate * units + j]! * GATE_SCALES[gate]!;
  return { units, inputs: shape.inputs, vocabulary: shape.vocabulary, outputs: shape.outputs, ptr, source, values, bias, embedding: weights.embedding, ...packOutput(weights, units, shape.outputs) };
}

function packOutput(weights: Weights, units: number, outputs: number): Pick<PackedModel, 'output' | 'outputBias'> {
  const blocks = Math.ceil(outputs / FOUR);
  const output = new Float32Array(blocks * units * FOUR);
  const outputBias = new Float32Array(blocks * FOUR).fill(PADDED_BIAS);
  for (let o = 0; o < outputs; o++) {
    outputBias[o] = weights.outputBias[o]! * Math.LOG2E;
    const block = Math.floor(o / FOUR) * units * FOUR + (o % FOUR);
    for (let j = 0; j < units; j++) output[block + FOUR * j] = weights.output[j * outputs + o]! * Math.LOG2E;
  }
  return { output, outputBias };
}

/** The weights and the mask that a packed model holds; dead connections have weight zero. */
export function unpack(packed: PackedModel): { readonly weights: Weights; readonly mask: Mask } {
  const { units, inputs, outputs, ptr, source } = packed;
  const kernel = new Float32Array((inputs + units) * FOUR * units);
  const mask = new Uint8Array((inputs + units) * units);
  const bias = new Float32Array(FOUR * units);
  for (let j = 0; j < units; j++) {
    for (let gate = 0; gate < FOUR; gate++) bias[gate * units + j] = packed.bias[FOUR * j + gate]! / GATE_SCALES[gate]!;
    for (let at = ptr[j]!; at < ptr[j + 1]!; at++) {
      mask[source[at]! * units + j] = 1;
      for (let gate = 0; gate < FOUR; gate++) kernel[(FOUR * source[at]! + gate) * units + j] = packed.values[FOUR * at + gate]! / GATE_SCALES[gate]!;
    }
  }
  const output = new Float32Array(units * outputs), outputBias = new Float32Array(outputs);
  for (let o = 0; o < outputs; o++) {
    outputBias[o] = packed.outputBias[o]! / Math.LOG2E;
    const block = Math.floor(o / FOUR) * units * FOUR + (o % FOUR);
    for (let j = 0; j < units; j++) output[j * outputs + o] = packed.output[block + FOUR * j]! / Math.LOG2E;
  }
  return { weights: { embedding: packed.embedding, layers: [{ kernel, bias }], output, outputBias }, mask: [mask] };
}
