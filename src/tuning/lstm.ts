/**
 * The recurrent layer over a whole batch: BlockLSTMV2 forwards, and its gradient.
 *
 * TensorFlow's own BlockLSTMGradV2 adds up the gradient of the kernel step by step (a rank-`lanes` update of a megabyte
 * each), which took 50 of the 78 ms of a training step (256 units, 64 lanes, 24 steps). Here only what depends on the
 * step before stays in the loop, LSTMBlockCellGrad and one product with the recurrent rows; the gradients of kernel,
 * bias and inputs are one product each over all steps.
 */
import type { LayerGradients, LayerInputs, LayerRun } from './layer.ts';
import type { Runtime } from './ops.ts';
import { previousStates, splitKernel } from './recurrent.ts';
import type { Tensor } from './tensorflow.ts';

const FLOAT = { type: 'float' } as const;
const PLAIN = { use_peephole: { bool: false }, T: FLOAT } as const;
const BLOCK = { cell_clip: { float: 0 }, use_peephole: { bool: false }, T: FLOAT } as const;

/** BlockLSTMV2's seven outputs, [steps, lanes, units] each. */
interface LstmBlock { readonly i: Tensor; readonly cs: Tensor; readonly f: Tensor; readonly o: Tensor; readonly ci: Tensor; readonly co: Tensor; readonly h: Tensor }
type LstmInputs = LayerInputs & { readonly c: Tensor };
/** The whole sequence in one kernel; its gates i, f, c, o are the i, f, g, o of `model/shape.ts`, and no forget bias is added. */
function lstmForward({ tf, ops }: Runtime, { x, h, c, kernel, bias }: LstmInputs): LstmBlock {
  const peephole = ops.zeros([h.shape[1]!]);
  const out = tf.op('BlockLSTMV2', BLOCK, [tf.int64(x.shape[0]!), x, c, h, kernel, peephole, peephole, peephole, bias], 7);
  const [i, cs, f, o, ci, co, hs] = out;
  return { i: i!, cs: cs!, f: f!, o: o!, ci: ci!, co: co!, h: hs! };
}

/** Gradients of all gates before their non-linearity, a step's [lanes, 4 · units] in the order i, g, f, o of LSTMBlockCellGrad. */
function gateGradients({ tf, ops }: Runtime, inputs: LstmInputs, block: LstmBlock, dH: Tensor, recurrent: Tensor): Tensor[] {
  const [lanes, units] = inputs.h.shape as [number, number];
  const steps = dH.shape[0]!;
  const [i, cs, f, o, ci, co, dHs] = [block.i, block.cs, block.f, block.o, block.ci, block.co, dH].map(ops.unstack) as [Tensor[], Tensor[], Tensor[], Tensor[], Tensor[], Tensor[], Tensor[]];
  const peephole = ops.zeros([units]), x = ops.zeros([lanes, inputs.x.shape[2]!]);
  const gates: Tensor[] = [];
  let dC = ops.zeros([lanes, units]);
  let later: Tensor | null = null;
  for (let t = steps - 1; t >= 0; t--) {
    const dHt = later === null ? dHs[t]! : ops.add(dHs[t]!, ops.matMul(later, recurrent, false, true));
    const [dCPrevious, dGates] = tf.op('LSTMBlockCellGrad', PLAIN, [x, t === 0 ? inputs.c : cs[t - 1]!, inputs.h, inputs.kernel, peephole, peephole, peephole, inputs.bias, i[t]!, cs[t]!, f[t]!, o[t]!, ci[t]!, co[t]!, dC, dHt], 5);
    dC = dCPrevious!;
    later = dGates!;
    gates[t] = dGates!;
  }
  return gates;
}

/** Gradients by x, kernel and bias, given that by every h [steps, lanes, units]; the first (h, c) are constants. Call it inside a scope. */
function lstmGradient(runtime: Runtime, inputs: LstmInputs, block: LstmBlock, dH: Tensor): LayerGradients {
  const { tf, ops } = runtime;
  const [steps, lanes, width] = inputs.x.shape as [number, number, number];
  const units = inputs.h.shape[1]!, sources = width + units;
  // Swaps the second and the third gate: from i, f, g, o to i, g, f, o and back.
  const swap = (a: Tensor, rows: number): Tensor => ops.reshape(ops.gather(ops.reshape(a, [rows, 4, units]), tf.ints(Int32Array.of(0, 2, 1, 3), [4]), 1), [rows, 4 * units]);
  const kernel = swap(inputs.kernel, sources);
  const { ofInputs, ofState } = splitKernel(runtime, kernel, width);
  const gates = ops.concat(gateGradients(runtime, inputs, block, dH, ofState), 0);
  const sourcesOfAll = ops.concat([ops.reshape(inputs.x, [steps * lanes, width]), previousStates(runtime, inputs, block.h)], 1);
  return {
    x: ops.matMul(gates, ofInputs, false, true),
    kernel: swap(ops.matMul(sourcesOfAll, gates, true, false), sources),
    bias: ops.reshape(swap(ops.reshape(ops.sumRows(gates), [1, 4 * units]), 1), [4 * units]),
    recurrentBias: null,
  };
}

/** A layer of LSTM without peepholes (Hochreiter & Schmidhuber 1997; Gers et al. 2000). Call it inside a scope. */
export function runLstm(runtime: Runtime, layer: LayerInputs): LayerRun {
  const inputs = layer as LstmInputs;
  const block = lstmForward(runtime, inputs);
  return { h: block.h, c: block.cs, reset: () => null, gradient: (dH) => lstmGradient(runtime, inputs, block, dH) };
}
