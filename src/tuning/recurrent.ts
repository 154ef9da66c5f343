/** What the cells share: rows of the kernel, states one step earlier, and gradients that are one product over all steps. */
import type { LayerGradients, LayerInputs } from './layer.ts';
import type { Runtime } from './ops.ts';
import type { Tensor } from './tensorflow.ts';

/** The kernel's rows of the inputs [inputs, columns], and of the state [units, columns]. */
export function splitKernel({ tf, ops }: Runtime, kernel: Tensor, inputs: number): { readonly ofInputs: Tensor; readonly ofState: Tensor } {
  const rows = (from: number, count: number): Tensor => ops.gather(kernel, tf.ints(Int32Array.from({ length: count }, (_, k) => from + k), [count]));
  return { ofInputs: rows(0, inputs), ofState: rows(inputs, kernel.shape[0]! - inputs) };
}

/** h(t − 1) for every row: [steps · lanes, units]. @param h of every step, [steps, lanes, units] */
export function previousStates({ tf, ops }: Runtime, inputs: Pick<LayerInputs, 'h'>, h: Tensor): Tensor {
  const [lanes, units] = inputs.h.shape as [number, number];
  const steps = h.shape[0]!;
  if (steps === 1) return inputs.h;
  const earlier = ops.gather(h, tf.ints(Int32Array.from({ length: steps - 1 }, (_, t) => t), [steps - 1]));
  return ops.reshape(ops.concat([ops.reshape(inputs.h, [1, lanes, units]), earlier], 0), [steps * lanes, units]);
}

/** x W + b of every step at once: steps of [lanes, columns]. */
export function projected({ ops }: Runtime, { x, bias }: LayerInputs, ofInputs: Tensor): Tensor[] {
  const [steps, lanes, width] = x.shape as [number, number, number];
  const all = ops.add(ops.matMul(ops.reshape(x, [steps * lanes, width]), ofInputs), bias);
  return ops.unstack(ops.reshape(all, [steps, lanes, bias.shape[0]!]));
}

/** The steps [lanes, units] as one [steps, lanes, units]. */
export const stacked = ({ ops }: Runtime, steps: readonly Tensor[]): Tensor => ops.reshape(ops.concat(steps, 0), [steps.length, ...steps[0]!.shape]);

/**
 * Gradients by x, kernel and bias from those by the pre-activations of every row, on the side of the inputs and on that
 * of the state, [steps · lanes, columns] each. @param state what the state's rows of the kernel were multiplied with
 */
export function outerGradients({ ops }: Runtime, { x }: LayerInputs, ofInputs: Tensor, state: Tensor, dInputs: Tensor, dState: Tensor, recurrentBias: Tensor | null): LayerGradients {
  const [steps, lanes, width] = x.shape as [number, number, number];
  return {
    x: ops.matMul(dInputs, ofInputs, false, true),
    kernel: ops.concat([ops.matMul(ops.reshape(x, [steps * lanes, width]), dInputs, true), ops.matMul(state, dState, true)], 0),
    bias: ops.sumRows(dInputs),
    recurrentBias,
  };
}
