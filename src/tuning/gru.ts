/**
 * The gated recurrent unit over a whole batch, forwards and backwards. What can be done for all steps at once, is: the
 * inputs' product before the loop, the gradients of kernel, biases and inputs after it.
 */
import type { LayerInputs, LayerRun } from './layer.ts';
import type { Runtime } from './ops.ts';
import { outerGradients, previousStates, projected, splitKernel, stacked } from './recurrent.ts';
import type { Tensor } from './tensorflow.ts';

const FLOAT = { T: { type: 'float' } } as const;

/** What a step of the GRU that resets after leaves for its gradient; `u` is h U + b' of the candidate. [lanes, units] each */
interface Step { readonly z: Tensor; readonly r: Tensor; readonly n: Tensor; readonly u: Tensor; readonly before: Tensor; readonly h: Tensor }

/** Reset after the product: n = tanh(x W + b + r ⊙ (h U + b')), h' = z ⊙ h + (1 − z) ⊙ n. */
export function runGru(runtime: Runtime, inputs: LayerInputs): LayerRun {
  const { ops } = runtime;
  const { ofInputs, ofState } = splitKernel(runtime, inputs.kernel, inputs.x.shape[2]!);
  const steps: Step[] = [];
  for (const p of projected(runtime, inputs, ofInputs)) {
    const before = steps.at(-1)?.h ?? inputs.h;
    const [xz, xr, xn] = ops.split(p, 3), [uz, ur, u] = ops.split(ops.add(ops.matMul(before, ofState), inputs.recurrentBias!), 3);
    const z = ops.apply('Sigmoid', ops.add(xz!, uz!)), r = ops.apply('Sigmoid', ops.add(xr!, ur!));
    const n = ops.apply('Tanh', ops.add(xn!, ops.multiply(r, u!)));
    steps.push({ z, r, n, u: u!, before, h: ops.add(n, ops.multiply(z, ops.subtract(before, n))) });
  }
  const h = stacked(runtime, steps.map((step) => step.h));
  return {
    h, c: null,
    reset: () => ops.concat(steps.map(({ r }) => r), 0),
    gradient: (dH) => {
      const { dInputs, dState } = gruGradients(runtime, steps, dH, ofState);
      return outerGradients(runtime, inputs, ofInputs, previousStates(runtime, inputs, h), dInputs, dState, ops.sumRows(dState));
    },
  };
}

/** Gradients of the pre-activations of every row [steps · lanes, 3 · units], of the inputs' product and of the state's. */
function gruGradients({ ops }: Runtime, steps: readonly Step[], dH: Tensor, ofState: Tensor): { readonly dInputs: Tensor; readonly dState: Tensor } {
  const dHs = ops.unstack(dH), ofInputs: Tensor[] = [], ofStates: Tensor[] = [];
  let later: Tensor | null = null;
  for (let t = steps.length - 1; t >= 0; t--) {
    const { z, r, n, u, before } = steps[t]!, dHt: Tensor = later === null ? dHs[t]! : ops.add(dHs[t]!, later);
    const kept = ops.multiply(dHt, z);
    const dN = ops.slope('Tanh', n, ops.subtract(dHt, kept));
    const dZ = ops.slope('Sigmoid', z, ops.multiply(dHt, ops.subtract(before, n)));
    const dR = ops.slope('Sigmoid', r, ops.multiply(dN, u));
    ofInputs[t] = ops.concat([dZ, dR, dN], 1);
    ofStates[t] = ops.concat([dZ, dR, ops.multiply(dN, r)], 1);
    later = ops.add(kept, ops.matMul(ofStates[t]!, ofState, false, true));
  }
  return { dInputs: ops.concat(ofInputs, 0), dState: ops.concat(ofStates, 0) };
}

/** Outputs of TensorFlow's GRUBlockCell, whose u is our z and whose kernel holds r before z. */
interface BlockStep { readonly r: Tensor; readonly u: Tensor; readonly c: Tensor; readonly h: Tensor; readonly before: Tensor }

/** Reset before the product (Cho et al. 2014), by TensorFlow's own cell: n = tanh(x W + (r ⊙ h) U + b). */
export function runGruBefore(runtime: Runtime, inputs: LayerInputs): LayerRun {
  const { tf, ops } = runtime;
  const [z, r, n] = ops.split(inputs.kernel, 3), [bz, br, bn] = ops.split(ops.reshape(inputs.bias, [1, inputs.bias.shape[0]!]), 3);
  const units = inputs.h.shape[1]!, row = (a: Tensor): Tensor => ops.reshape(a, [a.shape[1]!]);
  const weights = [ops.concat([r!, z!], 1), n!, row(ops.concat([br!, bz!], 1)), row(bn!)] as const;
  const xs = ops.unstack(inputs.x), steps: BlockStep[] = [];
  for (const x of xs) {
    const before = steps.at(-1)?.h ?? inputs.h;
    const [reset, u, c, h] = tf.op('GRUBlockCell', FLOAT, [x, before, ...weights], 4);
    steps.push({ r: reset!, u: u!, c: c!, h: h!, before });
  }
  const h = stacked(runtime, steps.map((step) => step.h));
  const reset = (): Tensor => ops.concat(steps.map((step) => ops.multiply(step.r, step.before)), 0);
  return {
    h, c: null, reset,
    gradient: (dH) => {
      const dHs = ops.unstack(dH), dXs: Tensor[] = [], gates: Tensor[] = [], candidates: Tensor[] = [];
      let later: Tensor | null = null;
      for (let t = steps.length - 1; t >= 0; t--) {
        const step = steps[t]!, dHt: Tensor = later === null ? dHs[t]! : ops.add(dHs[t]!, later);
        const [dX, dBefore, dC, dRu] = tf.op('GRUBlockCellGrad', FLOAT, [xs[t]!, step.before, ...weights, step.r, step.u, step.c, dHt], 4);
        dXs[t] = dX!;
        gates[t] = dRu!;
        candidates[t] = dC!;
        later = dBefore!;
      }
      const dN = ops.concat(candidates, 0), [dR, dZ] = ops.split(ops.concat(gates, 0), 2);
      const dAll = ops.concat([dZ!, dR!, dN], 1), dGates = ops.concat([dZ!, dR!], 1);
      const [steps_, lanes, width] = inputs.x.shape as [number, number, number];
      const ofState = ops.concat([ops.matMul(previousStates(runtime, inputs, h), dGates, true), ops.matMul(reset(), dN, true)], 1);
      return {
        x: ops.concat(dXs, 0),
        kernel: ops.concat([ops.matMul(ops.reshape(inputs.x, [steps_ * lanes, width]), dAll, true), ops.reshape(ofState, [units, 3 * units])], 0),
        bias: ops.sumRows(dAll),
        recurrentBias: null,
      };
    },
  };
}
