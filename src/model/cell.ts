/**
 * The reference network in float64: slow, obvious, and what every fast path is compared with.
 *
 * LSTM without peepholes (Hochreiter & Schmidhuber 1997; Gers et al. 2000), gates i, f, g, o:
 * z = [x; h] K + b,  c' = σ(z_f) c + σ(z_i) tanh(z_g),  h' = σ(z_o) tanh(c').
 */
import { EspalierError } from '../errors.ts';
import type { LayerWeights, ModelShape, Weights } from './shape.ts';
import { sourcesOf, unitsOf } from './shape.ts';

export interface State64 {
  /** [units] */
  readonly h: Float64Array;
  /** [units] */
  readonly c: Float64Array;
}

export interface ForwardResult {
  /** Label ids: [steps] for tag, [1] for classify. */
  readonly labels: Int32Array;
  /** Soft-max probabilities, row-major [labels.length, outputs]. */
  readonly probabilities: Float64Array;
  /** Mean probability of the chosen labels. */
  readonly confidence: number;
  readonly h: Float64Array;
  readonly c: Float64Array;
}

/** Called before each step t with x(t) [inputs] and h(t−1) [units]; the arrays are reused between calls. */
export type Visit = (t: number, x: Float64Array, hPrevious: Float64Array) => void;

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

/** One step of the cell: `x` [inputs] and (h, c) [units] to the new (h, c), in place. `z` is scratch of [4 · units]. */
export function stepLstm(layer: LayerWeights, x: Float64Array, h: Float64Array, c: Float64Array, z: Float64Array): void {
  const units = h.length;
  const columns = 4 * units;
  for (let column = 0; column < columns; column++) z[column] = layer.bias[column]!;
  for (let k = 0; k < x.length + units; k++) {
    const a = k < x.length ? x[k]! : h[k - x.length]!;
    if (a === 0) continue;
    const row = k * columns;
    for (let column = 0; column < columns; column++) z[column]! += a * layer.kernel[row + column]!;
  }
  for (let j = 0; j < units; j++) {
    c[j] = sigmoid(z[units + j]!) * c[j]! + sigmoid(z[j]!) * Math.tanh(z[2 * units + j]!);
    h[j] = sigmoid(z[3 * units + j]!) * Math.tanh(c[j]!);
  }
}

/** Soft-max of h · output + bias, written to probabilities[at ..]; returns the index of the largest. */
function answer(weights: Weights, outputs: number, h: Float64Array, probabilities: Float64Array, at: number): number {
  let best = 0;
  for (let o = 0; o < outputs; o++) {
    let sum = weights.outputBias[o]!;
    for (let j = 0; j < h.length; j++) sum += h[j]! * weights.output[j * outputs + o]!;
    probabilities[at + o] = sum;
    if (sum > probabilities[at + best]!) best = o;
  }
  const top = probabilities[at + best]!;
  let total = 0;
  for (let o = 0; o < outputs; o++) total += (probabilities[at + o] = Math.exp(probabilities[at + o]! - top));
  for (let o = 0; o < outputs; o++) probabilities[at + o]! /= total;
  return best;
}

/**
 * Runs one sequence of token ids through the network, from `state` (null: zero).
 * Throws request-empty for no steps and token-unknown for an id outside the vocabulary.
 */
export function forward(model: { readonly shape: ModelShape; readonly weights: Weights }, inputs: Int32Array, state: State64 | null, visit?: Visit): ForwardResult {
  const { shape, weights } = model;
  const units = unitsOf(shape);
  if (inputs.length === 0) throw new EspalierError('request-empty');
  const h = state === null ? new Float64Array(units) : Float64Array.from(state.h);
  const c = state === null ? new Float64Array(units) : Float64Array.from(state.c);
  const x = new Float64Array(shape.inputs);
  const z = new Float64Array(4 * units);
  const tag = shape.task === 'tag';
  const answers = tag ? inputs.length : 1;
  const labels = new Int32Array(answers);
  const probabilities = new Float64Array(answers * shape.outputs);
  for (let t = 0; t < inputs.length; t++) {
    const token = inputs[t]!;
    if (token < 0 || token >= shape.vocabulary) throw new EspalierError('token-unknown', `Id ${token} at step ${t}; the vocabulary has ${shape.vocabulary}.`);
    for (let i = 0; i < shape.inputs; i++) x[i] = weights.embedding[token * shape.inputs + i]!;
    visit?.(t, x, h);
    stepLstm(weights.layers[0]!, x, h, c, z);
    if (tag) labels[t] = answer(weights, shape.outputs, h, probabilities, t * shape.outputs);
  }
  if (!tag) labels[0] = answer(weights, shape.outputs, h, probabilities, 0);
  let confidence = 0;
  for (let i = 0; i < answers; i++) confidence += probabilities[i * shape.outputs + labels[i]!]! / answers;
  return { labels, probabilities, confidence, h, c };
}

/** Numbers of one tensor each, by the name it has in the artifact. */
export function tensorLengths(shape: ModelShape): Readonly<Record<'embedding' | 'kernel' | 'bias' | 'output' | 'outputBias', number>> {
  const units = unitsOf(shape);
  return {
    embedding: shape.vocabulary * shape.inputs,
    kernel: sourcesOf(shape) * 4 * units,
    bias: 4 * units,
    output: units * shape.outputs,
    outputBias: shape.outputs,
  };
}

/** Refuses a shape that this version does not serve. Throws shape-unsupported. */
export function checkShape(shape: ModelShape): void {
  const refuse = (what: string): never => { throw new EspalierError('shape-unsupported', what); };
  if (shape.cell !== 'lstm') refuse(`Cell ${String(shape.cell)}.`);
  if (shape.layers.length !== 1) refuse(`${shape.layers.length} layers.`);
  if (shape.task !== 'tag' && shape.task !== 'classify') refuse(`Task ${String(shape.task)}.`);
  if (shape.state !== 'carry' && shape.state !== 'reset') refuse(`State ${String(shape.state)}.`);
  for (const [name, value] of [['vocabulary', shape.vocabulary], ['inputs', shape.inputs], ['units', unitsOf(shape)], ['outputs', shape.outputs]] as const) {
    if (!Number.isSafeInteger(value) || value < 1) refuse(`${name} is ${value}, a positive whole number is needed.`);
  }
}
