/**
 * One step of each cell in float64: the sums of the textbooks, in place.
 *
 * In all of them p = [x; h] K + b, and for a gate g of unit j the column g · units + j of p.
 */
import type { Cell, LayerWeights } from './shape.ts';
import { GATES } from './shape.ts';

export const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

/** What a layer holds between two steps, and its scratch; the arrays are written to. */
export interface CellState {
  /** h [units] */
  readonly h: Float64Array;
  /** c [units] for the LSTM, empty otherwise. */
  readonly c: Float64Array;
  /** [2 · G · units]; for the GRUs its second half begins with r (gru) or r ⊙ h(t−1) (gru-before) of the last step. */
  readonly scratch: Float64Array;
}

export const cellState = (cell: Cell, units: number): CellState =>
  ({ h: new Float64Array(units), c: new Float64Array(cell === 'lstm' ? units : 0), scratch: new Float64Array(2 * GATES[cell] * units) });

/** Adds a · K, rows from `row` on, to columns [from, to) of z. K is [rows, columns], row-major. */
function addProduct(z: Float64Array, a: Float64Array, kernel: Float32Array, row: number, columns: number, from = 0, to = columns): void {
  for (let k = 0; k < a.length; k++) {
    const value = a[k]!;
    if (value === 0) continue;
    const at = (row + k) * columns;
    for (let column = from; column < to; column++) z[column]! += value * kernel[at + column]!;
  }
}

/** One step of the LSTM: c' = σ(f) c + σ(i) tanh(g), h' = σ(o) tanh(c'). `z` is scratch of at least [4 · units]. */
export function stepLstm(layer: LayerWeights, x: Float64Array, h: Float64Array, c: Float64Array, z: Float64Array): void {
  const units = h.length, columns = 4 * units;
  for (let column = 0; column < columns; column++) z[column] = layer.bias[column]!;
  addProduct(z, x, layer.kernel, 0, columns);
  addProduct(z, h, layer.kernel, x.length, columns);
  for (let j = 0; j < units; j++) {
    c[j] = sigmoid(z[units + j]!) * c[j]! + sigmoid(z[j]!) * Math.tanh(z[2 * units + j]!);
    h[j] = sigmoid(z[3 * units + j]!) * Math.tanh(c[j]!);
  }
}

/** Reset after the product: n = tanh(x W + b + r ⊙ (h U + b')), h' = z ⊙ h + (1 − z) ⊙ n; leaves r in scratch. */
function stepGru(layer: LayerWeights, x: Float64Array, h: Float64Array, scratch: Float64Array): void {
  const units = h.length, columns = 3 * units;
  const p = scratch.subarray(0, columns), r = scratch.subarray(columns, columns + units), u = new Float64Array(columns);
  for (let column = 0; column < columns; column++) {
    p[column] = layer.bias[column]!;
    u[column] = layer.recurrentBias?.[column] ?? 0;
  }
  addProduct(p, x, layer.kernel, 0, columns);
  addProduct(u, h, layer.kernel, x.length, columns);
  for (let j = 0; j < units; j++) {
    const z = sigmoid(p[j]! + u[j]!);
    r[j] = sigmoid(p[units + j]! + u[units + j]!);
    const n = Math.tanh(p[2 * units + j]! + r[j]! * u[2 * units + j]!);
    h[j] = z * h[j]! + (1 - z) * n;
  }
}

/** Reset before the product (Cho et al. 2014): n = tanh(x W + (r ⊙ h) U + b), h' = z ⊙ h + (1 − z) ⊙ n; leaves r ⊙ h in scratch. */
function stepGruBefore(layer: LayerWeights, x: Float64Array, h: Float64Array, scratch: Float64Array): void {
  const units = h.length, columns = 3 * units;
  const p = scratch.subarray(0, columns), reset = scratch.subarray(columns, columns + units);
  for (let column = 0; column < columns; column++) p[column] = layer.bias[column]!;
  addProduct(p, x, layer.kernel, 0, columns);
  addProduct(p, h, layer.kernel, x.length, columns, 0, 2 * units);
  for (let j = 0; j < units; j++) reset[j] = sigmoid(p[units + j]!) * h[j]!;
  addProduct(p, reset, layer.kernel, x.length, columns, 2 * units, columns);
  for (let j = 0; j < units; j++) {
    const z = sigmoid(p[j]!);
    h[j] = z * h[j]! + (1 - z) * Math.tanh(p[2 * units + j]!);
  }
}

/** h' = f(x W + h U + b) (Elman 1990). */
function stepRnn(layer: LayerWeights, x: Float64Array, h: Float64Array, scratch: Float64Array, f: (z: number) => number): void {
  const p = scratch.subarray(0, h.length);
  for (let j = 0; j < h.length; j++) p[j] = layer.bias[j]!;
  addProduct(p, x, layer.kernel, 0, h.length);
  addProduct(p, h, layer.kernel, x.length, h.length);
  for (let j = 0; j < h.length; j++) h[j] = f(p[j]!);
}

const relu = (z: number): number => Math.max(0, z);

/** One step of a layer: x [inputs] and the state to the new state, in place. */
export function stepCell(cell: Cell, layer: LayerWeights, x: Float64Array, { h, c, scratch }: CellState): void {
  if (cell === 'lstm') stepLstm(layer, x, h, c, scratch);
  else if (cell === 'gru') stepGru(layer, x, h, scratch);
  else if (cell === 'gru-before') stepGruBefore(layer, x, h, scratch);
  else stepRnn(layer, x, h, scratch, cell === 'rnn-relu' ? relu : Math.tanh);
}

/** r (gru) or r ⊙ h(t−1) (gru-before) of the last step, [units]; null for the cells that have no reset gate. */
export const resetOf = (cell: Cell, { h, scratch }: CellState): Float64Array | null =>
  (GATES[cell] === 3 ? scratch.subarray(3 * h.length, 4 * h.length) : null);
