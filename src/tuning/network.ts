/**
 * The same network as `model/cell.ts`, forwards and backwards as TensorFlow ops, over a whole batch.
 *
 * The backward pass is written out (chain rule through output layer, drop-out, cells and embedding) instead of
 * taped: a layer needs few ops, and the truncation in time is then explicit: the state that a batch starts from is a
 * constant.
 */
import type { LayerShape, ModelShape } from '../model/shape.ts';
import { directionsOf, layerShapes } from '../model/shape.ts';
import type { Batch } from './batches.ts';
import type { LayerInputs, LayerRun } from './layer.ts';
import { runLayer } from './layer.ts';
import type { Runtime } from './ops.ts';
import type { Gradients, ParameterTensors } from './parameters.ts';
import type { Tensor, TensorFlow } from './tensorflow.ts';

/** State of every layer, in the order of `Weights.layers`. */
export type CarriedState = readonly {
  /** [lanes, units] each; c is null but for the LSTM. */
  readonly h: Tensor;
  readonly c: Tensor | null;
}[];

/** Drop-out on the inputs of every layer and on the output of the last; the masks are functions of the seed. */
export interface Dropout { readonly rate: number; readonly seed: number }

export interface LayerForward {
  readonly of: LayerShape;
  readonly inputs: LayerInputs;
  readonly run: LayerRun;
}

export interface Forward {
  /** In the order of `Weights.layers`; a backward layer's x and h are in its own order, the last real step first. */
  readonly layers: readonly LayerForward[];
  /** Token ids, [steps · lanes]; null where the batch holds frames. */
  readonly ids: Tensor | null;
  /** On what each layer reads, [steps · lanes, inputs], and on [rows, features]; null without drop-out. */
  readonly inputMasks: readonly (Tensor | null)[];
  readonly outputMask: Tensor | null;
  /** What the output layer sees, [rows, features]: units of the last layer, of both directions. */
  readonly answered: Tensor;
  /** [rows, outputs] */
  readonly logits: Tensor;
  /** State after the last step of the batch. */
  readonly state: CarriedState;
}

/** The state that a batch starts from: carried where the lane goes on, zero elsewhere. */
function startOf({ tf, ops }: Runtime, batch: Batch, shape: ModelShape, carried: CarriedState | null): CarriedState {
  const goesOn = batch.goesOn;
  if (carried === null || goesOn === null || !goesOn.includes(1)) {
    return layerShapes(shape).map(({ units }) => {
      const zero = ops.zeros([batch.lanes, units]);
      return { h: zero, c: shape.cell === 'lstm' ? zero : null };
    });
  }
  if (!goesOn.includes(0)) return carried;
  const gate = tf.floats(Float32Array.from(goesOn), [batch.lanes, 1]);
  return carried.map(({ h, c }) => ({ h: ops.multiply(h, gate), c: c === null ? null : ops.multiply(c, gate) }));
}

/** Holds the state of the lanes from one batch to the next. */
export interface StateKeeper {
  get(): CarriedState | null;
  /** Takes a state out of its scope and frees the one before. */
  put(next: CarriedState): void;
  /** Of each layer h, and c where there is one, [lanes, units]; null before the first batch. */
  read(): HeldState | null;
  write(state: HeldState): void;
  close(): void;
}

/** A carried state outside TensorFlow. */
export type HeldState = readonly { readonly lanes: number; readonly h: Float32Array; readonly c: Float32Array | null }[];

export function stateKeeper(tf: TensorFlow): StateKeeper {
  let held: CarriedState | null = null;
  const close = (): void => {
    for (const { h, c } of held ?? []) { tf.drop(h); if (c !== null) tf.drop(c); }
    held = null;
  };
  return {
    get: () => held,
    put: (next) => { close(); held = next.map(({ h, c }) => ({ h: tf.keep(h), c: c === null ? null : tf.keep(c) })); },
    read: () => held?.map(({ h, c }) => ({ lanes: h.shape[0]!, h: tf.readFloats(h).slice(), c: c === null ? null : tf.readFloats(c).slice() })) ?? null,
    write: (state) => {
      close();
      held = state.map(({ lanes, h, c }) => {
        const tensor = (values: Float32Array): Tensor => tf.keep(tf.floats(values, [lanes, values.length / lanes]));
        return { h: tensor(h), c: c === null ? null : tensor(c) };
      });
    },
    close,
  };
}

/** Runs a batch; call it inside a scope. `dropout` null is how the model serves. */
export function runForward(runtime: Runtime, shape: ModelShape, parameters: ParameterTensors, batch: Batch, carried: CarriedState | null, dropout: Dropout | null): Forward {
  const { tf, ops } = runtime;
  const n = batch.steps * batch.lanes, directions = directionsOf(shape), start = startOf(runtime, batch, shape, carried);
  const keep = dropout === null ? 1 : 1 - dropout.rate;
  const maskOf = (rows: number, width: number, site: number): Tensor | null => (dropout === null || keep === 1 ? null : ops.dropoutMask([rows, width], keep, [dropout.seed, site]));
  const dropped = (a: Tensor, mask: Tensor | null): Tensor => (mask === null ? a : ops.multiply(a, mask));
  const given = batch.inputs, ids = given instanceof Int32Array ? tf.ints(given, [n]) : null;
  const lengths = directions === 2 ? tf.ints(batch.lengths, [batch.lanes]) : null;
  let below = given instanceof Int32Array ? ops.gather(parameters.embedding!, ids!) : tf.floats(given, [n, shape.inputs]);
  const layers: LayerForward[] = [], inputMasks: (Tensor | null)[] = [];
  for (const of of layerShapes(shape)) {
    if (!of.backward) {
      // The site 1 is the output's, as it always was.
      inputMasks[of.layer] = maskOf(n, of.inputs, of.layer === 0 ? 0 : of.layer + 1);
      below = ops.reshape(dropped(below, inputMasks[of.layer]!), [batch.steps, batch.lanes, of.inputs]);
    }
    const inputs: LayerInputs = {
      x: of.backward ? ops.reverse(below, lengths!) : below, h: start[of.index]!.h, c: start[of.index]!.c,
      kernel: parameters[`layers.${of.index}.kernel`]!, bias: parameters[`layers.${of.index}.bias`]!, recurrentBias: parameters[`layers.${of.index}.recurrentBias`] ?? null,
    };
    layers.push({ of, inputs, run: runLayer(runtime, shape.cell, inputs) });
    if (of.index % directions !== directions - 1 || of.layer === shape.layers.length - 1) continue;
    const outputs = layers.slice(-directions).map(({ of: { backward, units }, run }) => ops.reshape(backward ? ops.reverse(run.h, lengths!) : run.h, [n, units]));
    below = ops.concat(outputs, 1);
  }
  // A backward layer ends with the first step, which in its own order is the last of the lane as well.
  const tops = layers.slice(-directions).map(({ of: { units }, run }) => {
    const hidden = ops.reshape(run.h, [n, units]);
    return batch.last === null ? hidden : ops.gather(hidden, tf.ints(batch.last, [batch.lanes]));
  });
  const top = ops.concat(tops, 1), outputMask = maskOf(top.shape[0]!, top.shape[1]!, 1);
  const answered = dropped(top, outputMask);
  const logits = ops.add(ops.matMul(answered, parameters.output!), parameters.outputBias!);
  const state = layers.map(({ run: { h, c } }) => ({ h: ops.step(h, batch.steps - 1), c: c === null ? null : ops.step(c, batch.steps - 1) }));
  return { layers, ids, inputMasks, outputMask, answered, logits, state };
}

/** Gradients of a loss by all parameters, given its gradient by the logits [rows, outputs]; call it inside the same scope. */
export function runBackward(runtime: Runtime, shape: ModelShape, parameters: ParameterTensors, batch: Batch, forward: Forward, dLogits: Tensor): Gradients {
  const { tf, ops } = runtime;
  const n = batch.steps * batch.lanes, directions = directionsOf(shape);
  const throughMask = (a: Tensor, mask: Tensor | null): Tensor => (mask === null ? a : ops.multiply(a, mask));
  const parts = (a: Tensor): readonly Tensor[] => (directions === 1 ? [a] : ops.split(a, 2));
  const lengths = directions === 2 ? tf.ints(batch.lengths, [batch.lanes]) : null;
  const dAnswers = throughMask(ops.matMul(dLogits, parameters.output!, false, true), forward.outputMask);
  let dOutputs = parts(dAnswers).map((part) => (batch.last === null ? part : ops.scatterSum(part, tf.ints(batch.last, [batch.lanes]), n)));
  const gradients: Record<string, Tensor> = {};
  let dBelow: Tensor | null = null;
  for (let layer = shape.layers.length - 1; layer >= 0; layer--) {
    const inLayer = forward.layers.slice(directions * layer, directions * (layer + 1));
    dBelow = null;
    for (const [direction, { of, run }] of inLayer.entries()) {
      const inOrder = (a: Tensor, width: number): Tensor => ops.reshape(a, [batch.steps, batch.lanes, width]);
      // The last layer's gradient is already in the order of the layer: it is of its own last step.
      const dH = inOrder(dOutputs[direction]!, of.units), reversed = of.backward && layer < shape.layers.length - 1;
      const { x, kernel, bias, recurrentBias } = run.gradient(reversed ? ops.reverse(dH, lengths!) : dH);
      gradients[`layers.${of.index}.kernel`] = kernel;
      gradients[`layers.${of.index}.bias`] = bias;
      if (recurrentBias !== null) gradients[`layers.${of.index}.recurrentBias`] = recurrentBias;
      const dX: Tensor = of.backward ? ops.reshape(ops.reverse(inOrder(x, of.inputs), lengths!), [n, of.inputs]) : x;
      dBelow = dBelow === null ? dX : ops.add(dBelow, dX);
    }
    dBelow = throughMask(dBelow!, forward.inputMasks[layer]!);
    if (layer > 0) dOutputs = [...parts(dBelow)];
  }
  // In this order, because the norm is summed in it; by assignment, see ops.ts.
  const all: Record<string, Tensor> = {};
  if (forward.ids !== null) all.embedding = ops.scatterSum(dBelow!, forward.ids, shape.vocabulary);
  for (const [name, gradient] of Object.entries(gradients)) all[name] = gradient;
  all.output = ops.matMul(forward.answered, dLogits, true, false);
  all.outputBias = ops.sumRows(dLogits);
  return all;
}
