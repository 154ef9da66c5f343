/**
 * A layer of ours as a recurrent operator of ONNX, both directions at once: gates in another order, sources and columns
 * changed over. Operators LSTM, GRU and RNN of the ONNX specification, opset 14; int8 as com.microsoft.DynamicQuantizeLSTM.
 */
import type { Cell, LayerShape, LayerWeights } from '../shape.ts';
import type { NodeProto, TensorProto } from './schema.ts';
import type { Attributes } from './write.ts';
import { node, tensor } from './write.ts';

/** Gate g of ONNX is gate ORDER[g] of ours: i, o, f, c of i, f, g, o; z, r, h of z, r, n. */
const ORDER: Readonly<Record<Cell, readonly number[]>> = { 'lstm': [0, 3, 1, 2], 'gru': [0, 1, 2], 'gru-before': [0, 1, 2], 'rnn-tanh': [0], 'rnn-relu': [0] };
const OPERATOR: Readonly<Record<Cell, string>> = { 'lstm': 'LSTM', 'gru': 'GRU', 'gru-before': 'GRU', 'rnn-tanh': 'RNN', 'rnn-relu': 'RNN' };

/** Rows [from, from + rows) of the kernel, [rows, G · units] of ours, as [G · units, rows] of ONNX. */
function columnsOf({ kernel }: LayerWeights, { units, gates }: LayerShape, order: readonly number[], from: number, rows: number): Float32Array {
  const to = new Float32Array(gates * units * rows);
  order.forEach((gate, g) => {
    for (let j = 0; j < units; j++) for (let k = 0; k < rows; k++) to[(g * units + j) * rows + k] = kernel[(from + k) * gates * units + gate * units + j]!;
  });
  return to;
}

const reordered = (bias: Float32Array | undefined, { units, gates }: LayerShape, order: readonly number[]): Float32Array => {
  const to = new Float32Array(gates * units);
  if (bias !== undefined) order.forEach((gate, g) => { to.set(bias.subarray(gate * units, (gate + 1) * units), g * units); });
  return to;
};

const together = (parts: readonly Float32Array[]): Float32Array => {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return whole;
};

/** W of the int8 operator is [directions, rows, G · units]: whole numbers, with a scale for each column. */
interface Quantised { readonly values: Int8Array; readonly scales: Float32Array }

const INT8_MAX = 127;

/** Symmetric, w ≈ scale · q, |q| ≤ 127. @param weights [columns, rows] */
function quantised(weights: Float32Array, columns: number): Quantised {
  const rows = weights.length / columns, values = new Int8Array(weights.length), scales = new Float32Array(columns);
  for (let column = 0; column < columns; column++) {
    const own = weights.subarray(column * rows, (column + 1) * rows);
    const scale = own.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0) / INT8_MAX || 1;
    scales[column] = scale;
    own.forEach((weight, k) => { values[k * columns + column] = Math.round(weight / scale); });
  }
  return { values, scales };
}

export interface OnnxLayer { readonly nodes: readonly NodeProto[]; readonly constants: readonly TensorProto[] }

/** Names of the values that a layer reads and writes. */
export interface LayerNames { readonly x: string; readonly lengths: string; readonly h: string; readonly c: string; readonly y: string; readonly hOut: string; readonly cOut: string }

export type OnnxPrecision = 'fp32' | 'int8';

/**
 * One operator. @param directions the layer forwards, and backwards where there are two: shapes, weights
 * y: [steps, directions, lanes, units]; h, c: [directions, lanes, units].
 */
export function onnxLayer(cell: Cell, directions: readonly (readonly [LayerShape, LayerWeights])[], { x, lengths, h, c, y, hOut, cOut }: LayerNames, precision: OnnxPrecision): OnnxLayer {
  const shape = directions[0]![0], { units, inputs, gates } = shape, order = ORDER[cell], count = directions.length, name = (part: string): string => `${y}.${part}`;
  const w = together(directions.map(([own, weights]) => columnsOf(weights, own, order, 0, inputs)));
  const r = together(directions.map(([own, weights]) => columnsOf(weights, own, order, inputs, units)));
  const b = together(directions.flatMap(([own, weights]) => [reordered(weights.bias, own, order), reordered(weights.recurrentBias, own, order)]));
  const attributes: Attributes = {
    hidden_size: units, direction: count === 2 ? 'bidirectional' : 'forward',
    ...(cell === 'gru' ? { linear_before_reset: 1 } : {}), ...(cell === 'rnn-relu' ? { activations: directions.map(() => 'Relu') } : {}),
  };
  const inputsOf = [x, name('W'), name('R'), name('B'), lengths, h, ...(cell === 'lstm' ? [c] : [])], outputs = [y, hOut, ...(cell === 'lstm' ? [cOut] : [])];
  const bias = tensor(name('B'), [count, 2 * gates * units], b);
  if (precision === 'fp32') {
    return { nodes: [node(OPERATOR[cell], inputsOf, outputs, attributes)], constants: [tensor(name('W'), [count, gates * units, inputs], w), tensor(name('R'), [count, gates * units, units], r), bias] };
  }
  const columns = gates * units;
  const constants = ([['W', w, inputs], ['R', r, units]] as const).flatMap(([part, weights, rows]) => {
    const each = directions.map((_, at) => quantised(weights.subarray(at * columns * rows, (at + 1) * columns * rows), columns));
    const values = new Int8Array(count * columns * rows);
    each.forEach((one, at) => { values.set(one.values, at * columns * rows); });
    return [tensor(name(part), [count, rows, columns], values), tensor(name(`${part}.scale`), [count, columns], together(each.map(({ scales }) => scales))), tensor(name(`${part}.zero`), [count, columns], new Int8Array(count * columns))];
  });
  const quantisedInputs = [...inputsOf, '', name('W.scale'), name('W.zero'), name('R.scale'), name('R.zero')];
  return { nodes: [node('DynamicQuantizeLSTM', quantisedInputs, outputs, attributes, 'com.microsoft')], constants: [...constants, bias] };
}
