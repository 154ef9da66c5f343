/**
 * A model in whole numbers of 8 bits: z = scale · Σ w a + bias, with w and a in [−127, 127].
 *
 * h lies in [−1, 1] and has the step 1/127 (so does r ⊙ h); x has the step max |embedding| / 127. A weight is multiplied
 * by the step of its source and then rounded to 1/127 of the largest such product of its unit and gate; so one scale
 * serves inputs and states alike. The candidate of a GRU has two scales, one for its inputs and one for its states.
 * Gates, c and the h that a GRU blends stay in floating point.
 */
import { EspalierError } from '../errors.ts';
import { checkShape } from './cell.ts';
import type { Cell, LayerMask, LayerShape, LayerWeights, Mask, ModelShape, Weights } from './shape.ts';
import { layerShapes } from './shape.ts';

/** Largest whole number of a weight or an activation. */
export const STEPS = 127;
/** inputs + units of a layer: a sum of so many products of bytes stays within 32 bits. */
export const SOURCES_MAX = 65_519;

export interface QuantisedLayer {
  /** [sources, G · units], as `LayerWeights.kernel`; zero where the connection is dead. */
  readonly kernel: Int8Array;
  /** [sums, units]; sums are the gates, and for the GRUs z, r, n of the inputs, n of the states. */
  readonly scale: Float32Array;
  readonly bias: Float32Array;
}

export interface QuantisedModel {
  readonly shape: ModelShape;
  /** x = step · a. */
  readonly step: number;
  /** [vocabulary, inputs] */
  readonly embedding: Int8Array;
  /** In the order of `Weights.layers`. */
  readonly layers: readonly QuantisedLayer[];
  /** [features, outputs] */
  readonly output: Int8Array;
  /** [outputs] */
  readonly outputScale: Float32Array;
  readonly outputBias: Float32Array;
}

/** Sums that a unit starts with. */
export const sumsOf = (cell: Cell): 1 | 4 => (cell === 'rnn-tanh' || cell === 'rnn-relu' ? 1 : 4);
/** The sum that a gate of a source adds to: the candidate of a GRU has one for inputs and one for states. */
export const sumOf = ({ gates, inputs }: Pick<LayerShape, 'gates' | 'inputs'>, gate: number, source: number): number => (gates === 3 && gate === 2 && source >= inputs ? 3 : gate);

/** Throws shape-unsupported where int8 cannot run the shape. */
export function checkQuantisable(shape: ModelShape): void {
  checkShape(shape);
  const refuse = (what: string): never => { throw new EspalierError('shape-unsupported', `${what} Serve this model with precision fp32.`); };
  if (shape.cell === 'rnn-relu') refuse('In int8 a state must be bounded, and that of a ReLU network is not.');
  if (shape.vocabulary === 0) refuse('In int8 the inputs must be tokens: frames have no table that their range could be read from.');
  if (layerShapes(shape).some(({ sources }) => sources > SOURCES_MAX)) refuse(`In int8 inputs + units of a layer are at most ${SOURCES_MAX}.`);
}

const largest = (values: Float32Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
const rounded = (value: number, step: number): number => (step === 0 ? 0 : Math.max(-STEPS, Math.min(STEPS, Math.round(value / step))));

/** Dead connections count as zero. Throws shape-unsupported. */
export function quantise({ shape, weights, mask }: { readonly shape: ModelShape; readonly weights: Weights; readonly mask: Mask }): QuantisedModel {
  checkQuantisable(shape);
  const step = Math.fround(largest(weights.embedding) / STEPS);
  const { outputs } = shape;
  const outputScale = new Float32Array(outputs), output = new Int8Array(weights.output.length);
  weights.output.forEach((weight, at) => { outputScale[at % outputs] = Math.max(outputScale[at % outputs]!, Math.abs(weight) / STEPS / STEPS); });
  weights.output.forEach((weight, at) => { output[at] = rounded(weight / STEPS, outputScale[at % outputs]!); });
  return {
    shape, step, embedding: Int8Array.from(weights.embedding, (value) => rounded(value, step)),
    layers: layerShapes(shape).map((layer) => quantiseLayer(shape.cell, layer, weights.layers[layer.index]!, mask[layer.index]!, step)),
    output, outputScale, outputBias: weights.outputBias,
  };
}

function quantiseLayer(cell: Cell, layer: LayerShape, weights: LayerWeights, mask: LayerMask, stepOfInputs: number): QuantisedLayer {
  const { units, inputs, sources, gates } = layer;
  const scale = new Float32Array(sumsOf(cell) * units), kernel = new Int8Array(weights.kernel.length);
  const each = (visit: (at: number, sum: number, product: number) => void): void => {
    for (let k = 0; k < sources; k++) {
      const step = k < inputs && layer.layer === 0 ? stepOfInputs : 1 / STEPS;
      for (let gate = 0; gate < gates; gate++) {
        const sums = sumOf(layer, gate, k) * units;
        for (let j = 0; j < units; j++) if (mask[k * units + j] === 1) visit((gates * k + gate) * units + j, sums + j, step * weights.kernel[(gates * k + gate) * units + j]!);
      }
    }
  };
  each((_, sum, product) => { scale[sum] = Math.max(scale[sum]!, Math.abs(product) / STEPS); });
  each((at, sum, product) => { kernel[at] = rounded(product, scale[sum]!); });
  return { kernel, scale, bias: biases(cell, units, weights) };
}

/** One for each sum: a gru adds both biases of z and r, and keeps those of n apart. */
function biases(cell: Cell, units: number, { bias, recurrentBias }: LayerWeights): Float32Array {
  const all = new Float32Array(sumsOf(cell) * units);
  all.set(bias);
  recurrentBias?.forEach((value, at) => {
    if (at < 2 * units) all[at]! += value;
    else all[at + units] = value;
  });
  return all;
}
