/**
 * The same network as `model/cell.ts`, forwards and backwards as TensorFlow ops, over a whole batch.
 *
 * The backward pass is written out (chain rule through output layer, drop-out, cell and embedding) instead of
 * taped: one layer needs few ops, and the truncation in time is then explicit: the state that a batch starts from is a
 * constant.
 */
import type { ModelShape, Weights } from '../model/shape.ts';
import { unitsOf } from '../model/shape.ts';
import type { Batch } from './batches.ts';
import type { LstmBlock, LstmInputs } from './lstm.ts';
import { lstmForward, lstmGradient } from './lstm.ts';
import type { Runtime } from './ops.ts';
import type { Tensor, TensorFlow } from './tensorflow.ts';

/** The five tensors of the network, in the order in which the optimizer holds them. */
export const PARAMETERS = ['embedding', 'kernel', 'bias', 'output', 'outputBias'] as const;
export type Parameter = typeof PARAMETERS[number];
export type ParameterTensors = Readonly<Record<Parameter, Tensor>>;
export type Gradients = ParameterTensors;

export interface CarriedState {
  /** [lanes, units] each */
  readonly h: Tensor;
  readonly c: Tensor;
}

/** Drop-out on inputs and outputs of the recurrent layer; the mask is a function of the seed. */
export interface Dropout { readonly rate: number; readonly seed: number }

/** A shape and the weights that fill it. */
export interface Network { readonly shape: ModelShape; readonly weights: Weights }

export interface Forward {
  readonly inputs: LstmInputs;
  readonly block: LstmBlock;
  /** Token ids, [steps · lanes] */
  readonly ids: Tensor;
  /** [steps · lanes, inputs] and [rows, units], or null without drop-out. */
  readonly inputMask: Tensor | null;
  readonly outputMask: Tensor | null;
  /** What the output layer sees, [rows, units]. */
  readonly answered: Tensor;
  /** [rows, outputs] */
  readonly logits: Tensor;
  /** State after the last step of the batch. */
  readonly state: CarriedState;
}

export const weightsRecord = (weights: Weights): Readonly<Record<Parameter, Float32Array>> => ({
  embedding: weights.embedding, kernel: weights.layers[0]!.kernel, bias: weights.layers[0]!.bias, output: weights.output, outputBias: weights.outputBias,
});

export const weightsOfRecord = (record: Readonly<Record<Parameter, Float32Array>>): Weights => ({
  embedding: record.embedding, layers: [{ kernel: record.kernel, bias: record.bias }], output: record.output, outputBias: record.outputBias,
});

export function parameterShapes(shape: ModelShape): Readonly<Record<Parameter, readonly number[]>> {
  const units = unitsOf(shape);
  return { embedding: [shape.vocabulary, shape.inputs], kernel: [shape.inputs + units, 4 * units], bias: [4 * units], output: [units, shape.outputs], outputBias: [shape.outputs] };
}

/** Weights as constant tensors, kept until `dropParameters`. */
export function uploadParameters(tf: TensorFlow, shape: ModelShape, weights: Weights): ParameterTensors {
  const record = weightsRecord(weights), shapes = parameterShapes(shape);
  const upload = (name: Parameter): Tensor => tf.keep(tf.floats(record[name].slice(), shapes[name]));
  return { embedding: upload('embedding'), kernel: upload('kernel'), bias: upload('bias'), output: upload('output'), outputBias: upload('outputBias') };
}

export function dropParameters(tf: TensorFlow, parameters: ParameterTensors): void {
  for (const name of PARAMETERS) tf.drop(parameters[name]);
}

/** The state that a batch starts from: carried where the lane goes on, zero elsewhere. */
function startOf({ tf, ops }: Runtime, batch: Batch, units: number, carried: CarriedState | null): CarriedState {
  const goesOn = batch.goesOn;
  if (carried === null || goesOn === null || !goesOn.includes(1)) {
    const zero = ops.zeros([batch.lanes, units]);
    return { h: zero, c: zero };
  }
  if (!goesOn.includes(0)) return carried;
  const gate = tf.floats(Float32Array.from(goesOn), [batch.lanes, 1]);
  return { h: ops.multiply(carried.h, gate), c: ops.multiply(carried.c, gate) };
}

/** Holds the state of the lanes from one batch to the next. */
export interface StateKeeper {
  get(): CarriedState | null;
  /** Takes a state out of its scope and frees the one before. */
  put(next: CarriedState): void;
  close(): void;
}

export function stateKeeper(tf: TensorFlow): StateKeeper {
  let held: CarriedState | null = null;
  const close = (): void => {
    if (held !== null) { tf.drop(held.h); tf.drop(held.c); }
    held = null;
  };
  return {
    get: () => held,
    put: (next) => { close(); held = { h: tf.keep(next.h), c: tf.keep(next.c) }; },
    close,
  };
}

/** Runs a batch; call it inside a scope. `dropout` null is how the model serves. */
export function runForward(runtime: Runtime, shape: ModelShape, parameters: ParameterTensors, batch: Batch, carried: CarriedState | null, dropout: Dropout | null): Forward {
  const { tf, ops } = runtime;
  const units = unitsOf(shape), n = batch.steps * batch.lanes;
  const keep = dropout === null ? 1 : 1 - dropout.rate;
  const maskOf = (rows: number, width: number, site: number): Tensor | null => (dropout === null || keep === 1 ? null : ops.dropoutMask([rows, width], keep, [dropout.seed, site]));
  const dropped = (a: Tensor, mask: Tensor | null): Tensor => (mask === null ? a : ops.multiply(a, mask));
  const ids = tf.ints(batch.inputs, [n]);
  const inputMask = maskOf(n, shape.inputs, 0);
  const x = ops.reshape(dropped(ops.gather(parameters.embedding, ids), inputMask), [batch.steps, batch.lanes, shape.inputs]);
  const inputs: LstmInputs = { x, ...startOf(runtime, batch, units, carried), kernel: parameters.kernel, bias: parameters.bias };
  const block = lstmForward(runtime, inputs);
  const hidden = ops.reshape(block.h, [n, units]);
  const answers = batch.last === null ? hidden : ops.gather(hidden, tf.ints(batch.last, [batch.lanes]));
  const outputMask = maskOf(answers.shape[0]!, units, 1);
  const answered = dropped(answers, outputMask);
  const logits = ops.add(ops.matMul(answered, parameters.output), parameters.outputBias);
  const state = { h: ops.step(block.h, batch.steps - 1), c: ops.step(block.cs, batch.steps - 1) };
  return { inputs, block, ids, inputMask, outputMask, answered, logits, state };
}

/** Gradients of a loss by all parameters, given its gradient by the logits [rows, outputs]; call it inside the same scope. */
export function runBackward(runtime: Runtime, shape: ModelShape, parameters: ParameterTensors, batch: Batch, forward: Forward, dLogits: Tensor): Gradients {
  const { tf, ops } = runtime;
  const units = unitsOf(shape), n = batch.steps * batch.lanes;
  const throughMask = (a: Tensor, mask: Tensor | null): Tensor => (mask === null ? a : ops.multiply(a, mask));
  const dAnswers = throughMask(ops.matMul(dLogits, parameters.output, false, true), forward.outputMask);
  const dHidden = batch.last === null ? dAnswers : ops.scatterSum(dAnswers, tf.ints(batch.last, [batch.lanes]), n);
  const cell = lstmGradient(runtime, forward.inputs, forward.block, ops.reshape(dHidden, [batch.steps, batch.lanes, units]));
  const dInputs = throughMask(cell.x, forward.inputMask);
  return {
    embedding: ops.scatterSum(dInputs, forward.ids, shape.vocabulary),
    kernel: cell.kernel,
    bias: cell.bias,
    output: ops.matMul(forward.answered, dLogits, true, false),
    outputBias: ops.sumRows(dLogits),
  };
}
