/** The simple recurrent layer: h' = f(x W + h U + b), f tanh or ReLU (Elman 1990; Le et al. 2015). */
import type { LayerInputs, LayerRun } from './layer.ts';
import type { Runtime } from './ops.ts';
import { outerGradients, previousStates, projected, splitKernel, stacked } from './recurrent.ts';
import type { Tensor } from './tensorflow.ts';

export function runRnn(runtime: Runtime, inputs: LayerInputs, f: 'Tanh' | 'Relu'): LayerRun {
  const { ops } = runtime;
  const { ofInputs, ofState } = splitKernel(runtime, inputs.kernel, inputs.x.shape[2]!);
  const steps: Tensor[] = [];
  for (const p of projected(runtime, inputs, ofInputs)) steps.push(ops.apply(f, ops.add(p, ops.matMul(steps.at(-1) ?? inputs.h, ofState))));
  const h = stacked(runtime, steps);
  return {
    h, c: null,
    reset: () => null,
    gradient: (dH) => {
      const dHs = ops.unstack(dH), dPs: Tensor[] = [];
      for (let t = dHs.length - 1; t >= 0; t--) {
        const later = dPs[t + 1];
        const dHt = later === undefined ? dHs[t]! : ops.add(dHs[t]!, ops.matMul(later, ofState, false, true));
        dPs[t] = ops.slope(f, steps[t]!, dHt);
      }
      const dP = ops.concat(dPs, 0);
      return outerGradients(runtime, inputs, ofInputs, previousStates(runtime, inputs, h), dP, dP, null);
    },
  };
}
