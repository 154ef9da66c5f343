/** One recurrent layer over a whole batch, whatever its cell: what goes in, what comes out, and its gradient. */
import type { Cell } from '../model/shape.ts';
import { runGru, runGruBefore } from './gru.ts';
import { runLstm } from './lstm.ts';
import type { Runtime } from './ops.ts';
import { runRnn } from './rnn.ts';
import type { Tensor } from './tensorflow.ts';

/** x [steps, lanes, inputs], the state that the batch starts from [lanes, units], and the weights as in `model/shape.ts`. */
export interface LayerInputs {
  readonly x: Tensor;
  readonly h: Tensor;
  /** LSTM only. */
  readonly c: Tensor | null;
  readonly kernel: Tensor;
  readonly bias: Tensor;
  /** gru only. */
  readonly recurrentBias: Tensor | null;
}

export interface LayerGradients {
  /** [steps · lanes, inputs] */
  readonly x: Tensor;
  readonly kernel: Tensor;
  readonly bias: Tensor;
  readonly recurrentBias: Tensor | null;
}

/** What a layer did; valid in the scope in which it ran. */
export interface LayerRun {
  /** [steps, lanes, units] */
  readonly h: Tensor;
  /** The same of the cell state; null but for the LSTM. */
  readonly c: Tensor | null;
  /** r (gru) or r ⊙ h(t−1) (gru-before) of every row, [steps · lanes, units]; null for the other cells. */
  reset(): Tensor | null;
  /** Gradients given that by every h [steps, lanes, units]; the state that the batch starts from is a constant. */
  gradient(dH: Tensor): LayerGradients;
}

export function runLayer(runtime: Runtime, cell: Cell, inputs: LayerInputs): LayerRun {
  if (cell === 'lstm') return runLstm(runtime, inputs);
  if (cell === 'gru') return runGru(runtime, inputs);
  if (cell === 'gru-before') return runGruBefore(runtime, inputs);
  return runRnn(runtime, inputs, cell === 'rnn-relu' ? 'Relu' : 'Tanh');
}
