/**
 * Adam (Kingma & Ba 2015) with TensorFlow's fused kernel on resource variables: one op a tensor instead of a dozen.
 *
 * Masks hold exactly: the gradient of a dead connection is multiplied by zero, so its moments stay zero and Adam's step
 * 0 / (√0 + ε) is zero; a new mask zeroes weights and both moments once.
 */
import type { LayerMask, Mask, ModelShape, Weights } from '../model/shape.ts';
import { layerShapes } from '../model/shape.ts';
import type { Runtime } from './ops.ts';
import type { Gradients, Parameter, ParameterTensors } from './parameters.ts';
import { mapRecord, parameterShapes, weightsOfRecord, weightsRecord } from './parameters.ts';
import type { Tensor } from './tensorflow.ts';

const FLOAT = { type: 'float' } as const;
const BETA1 = 0.9, BETA2 = 0.999, EPSILON = 1e-8;
/** Bound on the global norm of a step's gradient (Pascanu et al. 2013). */
export const NORM_MAX = 5;

export interface Optimizer {
  /** The present weights as tensors of the running scope; drop them before `apply`, or it has to copy. */
  parameters(): ParameterTensors;
  /** One step; returns the norm of the gradient before clipping. */
  apply(gradients: Gradients, rate: number): number;
  /** Kills connections (or lets them live again, from zero) and replaces kernels and biases. */
  cut(mask: Mask, layers: Weights['layers']): void;
  weights(): Weights;
  /** Everything that the next step depends on: weights, both moments, and the steps done. */
  state(): OptimizerState;
  /** Goes on as the optimizer did whose state it is, to the bit; the mask stays. */
  restore(state: OptimizerState): void;
  /** Multiplies the weights of connections outside a mask by a factor; their moments stay until the cut. */
  shrink(to: Mask, factor: number): void;
  /** Frees the variables inside TensorFlow. */
  destroy(): void;
}

type Values = Readonly<Record<Parameter, Float32Array>>;
export interface OptimizerState { readonly step: number; readonly values: Values; readonly first: Values; readonly second: Values }

/** Cosine decay from the peak to 2 % of it (after Loshchilov & Hutter 2017); `progress` 0 to 1. */
export const cosineRate = (peak: number, progress: number): number => peak * (0.02 + 0.98 * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, progress))));

let made = 0;

/** A variable inside TensorFlow, with memory of its own: it is changed in place, and `values` must not be. */
function variableOf({ tf, ops }: Runtime, values: Float32Array, shape: readonly number[]) {
  const handle = tf.keep(tf.op('VarHandleOp', { container: { string: '' }, shared_name: { string: `espalier-${made++}` }, dtype: FLOAT, shape: { shape } }, [], 1)[0]!);
  const assign = (next: Tensor): void => { tf.op('AssignVariableOp', { dtype: FLOAT }, [handle, next], 0); };
  const set = (next: Float32Array): void => { tf.scope(() => { assign(ops.copy(tf.floats(next, shape))); }); };
  set(values);
  const read = (): Tensor => tf.op('ReadVariableOp', { dtype: FLOAT }, [handle], 1)[0]!;
  return {
    handle, set, read,
    values: (): Float32Array => tf.scope(() => tf.readFloats(read())),
    // Plus zero: a negative weight times zero is −0, which is another bit pattern.
    multiply: (factor: Tensor): void => { tf.scope(() => { assign(ops.add(ops.multiply(read(), factor), ops.scalar(0))); }); },
    destroy: (): void => { tf.op('DestroyResourceOp', { ignore_lookup_error: { bool: false } }, [handle], 0); tf.drop(handle); },
  };
}
type Variable = ReturnType<typeof variableOf>;

/** A mask of connections as one of weights: [sources, units] to [sources, G · units]. */
export function weightMask(mask: LayerMask, units: number, gates = 4): Float32Array {
  const wide = new Float32Array(gates * mask.length);
  for (let at = 0; at < mask.length; at++) {
    if (mask[at] === 0) continue;
    const row = Math.floor(at / units) * gates * units, j = at % units;
    for (let gate = 0; gate < gates; gate++) wide[row + gate * units + j] = 1;
  }
  return wide;
}

interface Slot { readonly value: Variable; readonly first: Variable; readonly second: Variable }

function applyAdam({ tf, ops }: Runtime, slots: Readonly<Record<Parameter, Slot>>, gradients: Gradients, rate: number, step: number): void {
  const scalars = [BETA1 ** step, BETA2 ** step, rate, BETA1, BETA2, EPSILON].map(ops.scalar);
  for (const [name, { value, first, second }] of Object.entries(slots)) {
    tf.op('ResourceApplyAdam', { T: FLOAT, use_locking: { bool: false }, use_nesterov: { bool: false } }, [value.handle, first.handle, second.handle, ...scalars, gradients[name]!], 0);
  }
}

/** The norm over all gradients, and the gradients clipped to NORM_MAX. */
function clip({ tf, ops }: Runtime, gradients: Gradients): { norm: number; clipped: Gradients } {
  let halfSquares = 0;
  for (const gradient of Object.values(gradients)) halfSquares += tf.readFloats(ops.halfSquares(gradient))[0]!;
  const norm = Math.sqrt(2 * halfSquares);
  if (!(norm > NORM_MAX)) return { norm, clipped: gradients };
  const scale = ops.scalar(NORM_MAX / norm);
  return { norm, clipped: mapRecord(gradients, (gradient) => ops.multiply(gradient, scale)) };
}

/** The kernels of which something is dead, with 1 for what is alive of them; a layer's mask as long as its kernel is one of single weights. */
const deadKernels = (shape: ModelShape, mask: Mask): readonly { readonly name: Parameter; readonly alive: Float32Array }[] =>
  layerShapes(shape).filter(({ index }) => mask[index]!.includes(0)).map(({ index, sources, units, gates }) => {
    const layer = mask[index]!;
    return { name: `layers.${index}.kernel`, alive: layer.length === sources * gates * units ? Float32Array.from(layer) : weightMask(layer, units, gates) };
  });

/** Variables for all weights and their moments; `mask` null (or full) leaves everything alive. */
export function createOptimizer(runtime: Runtime, shape: ModelShape, weights: Weights, mask: Mask | null): Optimizer {
  const { tf, ops } = runtime;
  const shapes = parameterShapes(shape);
  const slots = mapRecord(weightsRecord(shape, weights), (values, name): Slot => {
    const zero = new Float32Array(values.length);
    const variable = (start: Float32Array): Variable => variableOf(runtime, start, shapes[name]!);
    return { value: variable(values), first: variable(zero), second: variable(zero) };
  });
  /** Masks of weights by the name of the kernel; none where everything is alive. */
  const wide = new Map<Parameter, Tensor>();
  let step = 0;
  const hold = (next: Mask): void => {
    for (const tensor of wide.values()) tf.drop(tensor);
    wide.clear();
    for (const { name, alive } of deadKernels(shape, next)) {
      const tensor = tf.keep(tf.floats(alive, shapes[name]!));
      wide.set(name, tensor);
      for (const variable of Object.values(slots[name]!) as Variable[]) variable.multiply(tensor);
    }
  };
  if (mask !== null) hold(mask);
  return {
    parameters: () => mapRecord(slots, ({ value }) => value.read()),
    apply: (gradients, rate) => tf.scope(() => {
      const masked = mapRecord(gradients, (gradient, name) => { const held = wide.get(name); return held === undefined ? gradient : ops.multiply(gradient, held); });
      const { norm, clipped } = clip(runtime, masked);
      applyAdam(runtime, slots, clipped, rate, ++step);
      return norm;
    }),
    cut: (next, cut) => {
      for (const [at, { kernel, bias, recurrentBias }] of cut.entries()) {
        slots[`layers.${at}.kernel`]!.value.set(kernel);
        slots[`layers.${at}.bias`]!.value.set(bias);
        if (recurrentBias !== undefined) slots[`layers.${at}.recurrentBias`]?.value.set(recurrentBias);
      }
      hold(next);
    },
    weights: () => weightsOfRecord(shape, mapRecord(slots, ({ value }) => value.values())),
    state: () => ({ step, values: mapRecord(slots, ({ value }) => value.values()), first: mapRecord(slots, ({ first }) => first.values()), second: mapRecord(slots, ({ second }) => second.values()) }),
    restore: (state) => {
      ({ step } = state);
      for (const [name, { value, first, second }] of Object.entries(slots)) {
        value.set(state.values[name]!);
        first.set(state.first[name]!);
        second.set(state.second[name]!);
      }
    },
    shrink: (to, factor) => {
      for (const { name, alive } of deadKernels(shape, to)) tf.scope(() => { slots[name]!.value.multiply(tf.floats(alive.map((one) => (one === 1 ? 1 : factor)), shapes[name]!)); });
    },
    destroy: () => {
      for (const { value, first, second } of Object.values(slots)) for (const variable of [value, first, second]) variable.destroy();
      for (const tensor of wide.values()) tf.drop(tensor);
      wide.clear();
    },
  };
}
