/**
 * The reference network in float64: slow, obvious, and what every fast path is compared with. The cells are in step.ts.
 */
import { EspalierError } from '../errors.ts';
import type { ModelShape, Weights } from './shape.ts';
import { GATES, directionsOf, layerShapes, stateLengths } from './shape.ts';
import { cellState, resetOf, stepCell } from './step.ts';

export { stepLstm } from './step.ts';

export interface State64 {
  /** All layers one after the other (`stateLengths`). */
  readonly h: Float64Array;
  /** As long for the LSTM, empty otherwise. */
  readonly c: Float64Array;
}

export interface ForwardResult {
  /** Label ids: [steps] for tag and next, [1] for classify, [0] for regress. */
  readonly labels: Int32Array;
  /** Soft-max probabilities, row-major [labels.length, outputs]. */
  readonly probabilities: Float64Array;
  /** regress: the numbers, [outputs]; null otherwise. */
  readonly values: Float64Array | null;
  /** Mean probability of the chosen labels; 1 for regress. */
  readonly confidence: number;
  /** State after the last step, all layers one after the other. */
  readonly h: Float64Array;
  readonly c: Float64Array;
}

/**
 * Called for each step of each layer with x(t) [inputs of the layer] and h(t−1) [units], the index of the layer into
 * `Weights.layers`, and for the GRUs r(t) (gru) or r(t) ⊙ h(t−1) (gru-before), [units]; null otherwise. `t` counts the
 * steps in the order in which the layer runs them: 0 of a backward layer is the last input. The arrays are reused.
 */
export type Visit = (t: number, x: Float64Array, hPrevious: Float64Array, layer: number, reset: Float64Array | null) => void;

/** The output layer alone. */
interface OutputWeights { readonly output: ArrayLike<number>; readonly outputBias: ArrayLike<number> }

/** h · output + bias, written to to[at ..]; returns the index of the largest. */
function outputsOf(weights: OutputWeights, outputs: number, h: Float64Array, to: Float64Array, at: number): number {
  let best = 0;
  for (let o = 0; o < outputs; o++) {
    let sum = weights.outputBias[o]!;
    for (let j = 0; j < h.length; j++) sum += h[j]! * weights.output[j * outputs + o]!;
    to[at + o] = sum;
    if (sum > to[at + best]!) best = o;
  }
  return best;
}

/** As `outputsOf`, and the soft-max of it. */
function answer(weights: OutputWeights, outputs: number, h: Float64Array, probabilities: Float64Array, at: number): number {
  const best = outputsOf(weights, outputs, h, probabilities, at);
  const top = probabilities[at + best]!;
  let total = 0;
  for (let o = 0; o < outputs; o++) total += (probabilities[at + o] = Math.exp(probabilities[at + o]! - top));
  for (let o = 0; o < outputs; o++) probabilities[at + o]! /= total;
  return best;
}

/** Steps of a sequence: its token ids, or its frames. */
export const stepsOf = (shape: Pick<ModelShape, 'vocabulary' | 'inputs'>, inputs: Int32Array | Float32Array): number =>
  (shape.vocabulary > 0 ? inputs.length : inputs.length / shape.inputs);

/** What the first layer reads, one array [inputs] for each step. */
function firstInputs({ shape, weights }: { readonly shape: ModelShape; readonly weights: Weights }, inputs: Int32Array | Float32Array): readonly Float64Array[] {
  const width = shape.inputs, steps = stepsOf(shape, inputs);
  if (inputs.length === 0) throw new EspalierError('request-empty');
  if (shape.vocabulary === 0) {
    if (!Number.isInteger(steps)) throw new EspalierError('request-invalid', `${inputs.length} numbers are no frames of ${width}.`);
    return Array.from({ length: steps }, (_, t) => Float64Array.from(inputs.subarray(t * width, (t + 1) * width)));
  }
  return Array.from(inputs as Int32Array, (token, t) => {
    if (token < 0 || token >= shape.vocabulary) throw new EspalierError('token-unknown', `Id ${token} at step ${t}; the vocabulary has ${shape.vocabulary}.`);
    return Float64Array.from(weights.embedding.subarray(token * width, (token + 1) * width));
  });
}

/**
 * Runs one sequence (token ids [steps], or frames [steps · inputs] where there is no vocabulary) through the network,
 * layer by layer, from `state` (null: zero). Throws request-empty for no steps, token-unknown for an id outside the
 * vocabulary, request-invalid where the numbers are no whole frames.
 */
export function forward(model: { readonly shape: ModelShape; readonly weights: Weights }, inputs: Int32Array | Float32Array, state: State64 | null, visit?: Visit): ForwardResult {
  const { shape, weights } = model;
  let below = firstInputs(model, inputs);
  const lengths = stateLengths(shape), directions = directionsOf(shape);
  const h = new Float64Array(lengths.h), c = new Float64Array(lengths.c);
  let at = 0, above: Float64Array[] = [];
  for (const { index, units, backward } of layerShapes(shape)) {
    const cell = cellState(shape.cell, units);
    if (state !== null) {
      cell.h.set(state.h.subarray(at, at + units));
      cell.c.set(state.c.subarray(at, at + units));
    }
    const previous = new Float64Array(units);
    if (!backward) above = below.map(() => new Float64Array(directions * units));
    for (let t = 0; t < below.length; t++) {
      const step = backward ? below.length - 1 - t : t;
      previous.set(cell.h);
      stepCell(shape.cell, weights.layers[index]!, below[step]!, cell);
      visit?.(t, below[step]!, previous, index, resetOf(shape.cell, cell));
      above[step]!.set(cell.h, backward ? units : 0);
    }
    h.set(cell.h, at);
    c.set(cell.c, Math.min(at, lengths.c));
    at += units;
    if (backward || directions === 1) below = above;
  }
  return { ...answers(model, below, h), h, c };
}

/** The output layer. Of a whole sequence it reads the last h of the last layer (of both directions). */
export function answers({ shape, weights }: { readonly shape: ModelShape; readonly weights: OutputWeights }, top: readonly Float64Array[], h: Float64Array): Omit<ForwardResult, 'h' | 'c'> {
  const { outputs, task } = shape;
  const whole = h.subarray(h.length - directionsOf(shape) * shape.layers.at(-1)!);
  if (task === 'regress') {
    const values = new Float64Array(outputs);
    outputsOf(weights, outputs, whole, values, 0);
    return { labels: new Int32Array(0), probabilities: new Float64Array(0), values, confidence: 1 };
  }
  const read = task === 'classify' ? [whole] : top;
  const labels = new Int32Array(read.length), probabilities = new Float64Array(read.length * outputs);
  let confidence = 0;
  read.forEach((vector, t) => {
    labels[t] = answer(weights, outputs, vector, probabilities, t * outputs);
    confidence += probabilities[t * outputs + labels[t]]! / read.length;
  });
  return { labels, probabilities, values: null, confidence };
}

/** Numbers of each tensor. */
export function tensorLengths(shape: ModelShape): { readonly embedding: number; readonly layers: readonly { readonly kernel: number; readonly bias: number; readonly recurrentBias: number }[]; readonly output: number; readonly outputBias: number } {
  return {
    embedding: shape.vocabulary * shape.inputs,
    layers: layerShapes(shape).map(({ sources, gates, units }) => ({ kernel: sources * gates * units, bias: gates * units, recurrentBias: shape.cell === 'gru' ? gates * units : 0 })),
    output: directionsOf(shape) * shape.layers.at(-1)! * shape.outputs,
    outputBias: shape.outputs,
  };
}

/** Layers of one network. */
export const LAYERS_MAX = 16;
const TASKS: readonly string[] = ['tag', 'classify', 'next', 'regress'];

/** Refuses a shape that does not hang together. Throws shape-unsupported. */
export function checkShape(shape: ModelShape): void {
  const refuse = (what: string): never => { throw new EspalierError('shape-unsupported', what); };
  if (!Object.hasOwn(GATES, shape.cell)) refuse(`Cell ${String(shape.cell)}.`);
  if (shape.layers.length < 1 || shape.layers.length > LAYERS_MAX) refuse(`${shape.layers.length} layers; 1 to ${LAYERS_MAX} are possible.`);
  if (!TASKS.includes(shape.task)) refuse(`Task ${String(shape.task)}.`);
  if (shape.state !== 'carry' && shape.state !== 'reset') refuse(`State ${String(shape.state)}.`);
  const sizes = [['inputs', shape.inputs], ['outputs', shape.outputs], ...shape.layers.map((units) => ['units', units] as const)] as const;
  for (const [name, value] of sizes) if (!Number.isSafeInteger(value) || value < 1) refuse(`${name} is ${value}, a positive whole number is needed.`);
  if (!Number.isSafeInteger(shape.vocabulary) || shape.vocabulary < 0) refuse(`vocabulary is ${shape.vocabulary}, a whole number from 0 is needed.`);
  if (shape.task === 'next' && shape.outputs !== shape.vocabulary) refuse(`A language model answers with tokens: ${shape.outputs} outputs for a vocabulary of ${shape.vocabulary}.`);
  if (shape.bidirectional === true && (shape.task === 'tag' || shape.task === 'next' || shape.state !== 'reset')) {
    refuse('Only whole sequences from the zero state can be read backwards too: task classify or regress, state reset.');
  }
}
