/**
 * Adam (Kingma & Ba 2015) with TensorFlow's fused kernel on resource variables: one op a tensor instead of a dozen.
 *
 * Masks hold exactly: the gradient of a dead connection is multiplied by zero, so its moments stay zero and Adam's step
 * 0 / (√0 + ε) is zero; a new mask zeroes weights and both moments once.
 */
import type { LayerMask, ModelShape, Weights } from '../model/shape.ts';
import { unitsOf } from '../model/shape.ts';
import type { Gradients, Parameter, ParameterTensors } from './network.ts';
import { PARAMETERS, parameterShapes, weightsOfRecord, weightsRecord } from './network.ts';
import type { Runtime } from './ops.ts';
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
  /** Kills connections (or lets them live again, from zero) and replaces weights, where given. */
  cut(mask: LayerMask, kernel: Float32Array, bias: Float32Array): void;
  weights(): Weights;
  /** Frees the variables inside TensorFlow. */
  destroy(): void;
}

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

/** A mask of connections as one of weights: [sources, units] to [sources, 4 · units]. */
export function weightMask(mask: LayerMask, units: number): Float32Array {
  const wide = new Float32Array(4 * mask.length);
  for (let at = 0; at < mask.length; at++) {
    if (mask[at] === 0) continue;
    const row = Math.floor(at / units) * 4 * units, j = at % units;
    for (let gate = 0; gate < 4; gate++) wide[row + gate * units + j] = 1;
  }
  return wide;
}

interface Slot { readonly value: Variable; readonly first: Variable; readonly second: Variable }

function applyAdam({ tf, ops }: Runtime, slots: Readonly<Record<Parameter, Slot>>, gradients: Gradients, rate: number, step: number): void {
  const scalars = [BETA1 ** step, BETA2 ** step, rate, BETA1, BETA2, EPSILON].map(ops.scalar);
  for (const name of PARAMETERS) {
    const { value, first, second } = slots[name];
    tf.op('ResourceApplyAdam', { T: FLOAT, use_locking: { bool: false }, use_nesterov: { bool: false } }, [value.handle, first.handle, second.handle, ...scalars, gradients[name]], 0);
  }
}

/** The norm over all gradients, and the gradients clipped to NORM_MAX. */
function clip({ tf, ops }: Runtime, gradients: Gradients): { norm: number; clipped: Gradients } {
  let halfSquares = 0;
  for (const name of PARAMETERS) halfSquares += tf.readFloats(ops.halfSquares(gradients[name]))[0]!;
  const norm = Math.sqrt(2 * halfSquares);
  if (!(norm > NORM_MAX)) return { norm, clipped: gradients };
  const scale = ops.scalar(NORM_MAX / norm);
  const scaled = (name: Parameter): Tensor => ops.multiply(gradients[name], scale);
  return { norm, clipped: { embedding: scaled('embedding'), kernel: scaled('kernel'), bias: scaled('bias'), output: scaled('output'), outputBias: scaled('outputBias') } };
}

/** Variables for all weights and their moments; `mask` null (or full) leaves everything alive. */
export function createOptimizer(runtime: Runtime, shape: ModelShape, weights: Weights, mask: LayerMask | null): Optimizer {
  const { tf, ops } = runtime;
  const units = unitsOf(shape), shapes = parameterShapes(shape), record = weightsRecord(weights);
  const slotOf = (name: Parameter): Slot => {
    const zero = new Float32Array(record[name].length);
    const variable = (values: Float32Array): Variable => variableOf(runtime, values, shapes[name]);
    return { value: variable(record[name]), first: variable(zero), second: variable(zero) };
  };
  const slots: Readonly<Record<Parameter, Slot>> = { embedding: slotOf('embedding'), kernel: slotOf('kernel'), bias: slotOf('bias'), output: slotOf('output'), outputBias: slotOf('outputBias') };
  const all = PARAMETERS.flatMap((name) => [slots[name].value, slots[name].first, slots[name].second]);
  let wide: Tensor | null = null;
  let step = 0;
  const hold = (next: LayerMask): void => {
    if (wide !== null) tf.drop(wide);
    wide = next.includes(0) ? tf.keep(tf.floats(weightMask(next, units), shapes.kernel)) : null;
    if (wide !== null) for (const variable of [slots.kernel.value, slots.kernel.first, slots.kernel.second]) variable.multiply(wide);
  };
  if (mask !== null) hold(mask);
  return {
    parameters: () => ({ embedding: slots.embedding.value.read(), kernel: slots.kernel.value.read(), bias: slots.bias.value.read(), output: slots.output.value.read(), outputBias: slots.outputBias.value.read() }),
    apply: (gradients, rate) => tf.scope(() => {
      const masked = wide === null ? gradients : { ...gradients, kernel: ops.multiply(gradients.kernel, wide) };
      const { norm, clipped } = clip(runtime, masked);
      applyAdam(runtime, slots, clipped, rate, ++step);
      return norm;
    }),
    cut: (next, kernel, bias) => { slots.kernel.value.set(kernel); slots.bias.value.set(bias); hold(next); },
    weights: () => weightsOfRecord({ embedding: slots.embedding.value.values(), kernel: slots.kernel.value.values(), bias: slots.bias.value.values(), output: slots.output.value.values(), outputBias: slots.outputBias.value.values() }),
    destroy: () => { for (const variable of all) variable.destroy(); if (wide !== null) tf.drop(wide); wide = null; },
  };
}
