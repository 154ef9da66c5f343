/**
 * Reconstruction: least squares per unit on live second moments, without labels and without back-propagation.
 *
 * For unit j with kept sources S (the constant, that is the bias, always among them) the new weights minimise
 *   E‖W0ᵀ a0 − wᵀ a‖² + λ ‖w − w_S‖²,   so   w_S ← (G_SS + λI)⁻¹ (X_S W0 + λ w_S),
 * with a0 the activity of the parent and a that of the candidate on the same sequences, G = E[a aᵀ], X = E[a a0ᵀ].
 * All four gates of a unit share the matrix. Exact for the LSTM, whose pre-activations are linear in a.
 */
import { EspalierError, assert } from '../errors.ts';
import type { Moments } from '../evidence/moments.ts';
import { dense } from '../evidence/moments.ts';
import type { LayerMask, LayerWeights, ModelShape } from '../model/shape.ts';
import { sourcesOf, unitsOf } from '../model/shape.ts';
import { factorize, solveFactored } from './cholesky.ts';
import { fittingMoments } from './norms.ts';
import { addRidge } from './ridge.ts';

export interface Reconstruction {
  readonly shape: ModelShape;
  /** The weights whose pre-activations are to be kept: W0. */
  readonly parent: LayerWeights;
  /** The weights to start from; the same as the parent in the first step. */
  readonly current: LayerWeights;
  /** What stays alive. */
  readonly mask: LayerMask;
  /** Of the activity a under the current weights. */
  readonly moments: Moments;
  /** X = E[a a0ᵀ] and G0 = E[a0 a0ᵀ], [size, size] row-major; null where a0 = a, as in the first step. */
  readonly cross: { readonly second: Float64Array; readonly parentSecond: Float64Array } | null;
  /** λ as a share of trace(G) / n. */
  readonly ridge?: number;
}

export interface Reconstructed {
  readonly layer: LayerWeights;
  /** E‖W0ᵀ a0 − wᵀ a‖² over the four gates of each unit, [units]: with the current weights cut to the mask, and with the new ones. */
  readonly errorBefore: Float64Array;
  readonly errorAfter: Float64Array;
}

const RIDGE = 1e-3;
const GATES = 4;

/** Throws evidence-invalid where the moments do not fit, or are not positive definite. */
export function reconstruct({ shape, parent, current, mask, moments, cross, ridge = RIDGE }: Reconstruction): Reconstructed {
  const units = unitsOf(shape), sources = sourcesOf(shape), size = sources + 1;
  const second = dense(fittingMoments({ shape, moments }));
  const x = cross?.second ?? second, parentSecond = cross?.parentSecond ?? second;
  assert(mask.length === sources * units && x.length === size * size && parentSecond.length === size * size, 'mask is [sources, units], cross moments [size, size]');
  const damped = Float64Array.from(second);
  const lambda = addRidge(damped, size, ridge);
  const layer: LayerWeights = { kernel: new Float32Array(current.kernel.length), bias: new Float32Array(current.bias.length) };
  const errorBefore = new Float64Array(units), errorAfter = new Float64Array(units);
  for (let j = 0; j < units; j++) {
    const kept = keptSources(mask, sources, units, j);
    const wanted = columnsOf(parent, units, j, size);
    const start = gather(columnsOf(current, units, j, size), kept);
    const target = targetOf(x, wanted, kept, size);
    const solved = solve(damped, target, start, kept, size, lambda);
    store(layer, solved, kept, units, j, sources);
    const power = quadratic(parentSecond, wanted, size);
    errorBefore[j] = errorOf(second, target, start, kept, size, power);
    errorAfter[j] = errorOf(second, target, gather(columnsOf(layer, units, j, size), kept), kept, size, power);
  }
  return { layer, errorBefore, errorAfter };
}

/** Alive sources of a unit, then the constant. */
function keptSources(mask: LayerMask, sources: number, units: number, j: number): Int32Array {
  const kept: number[] = [];
  for (let k = 0; k < sources; k++) if (mask[k * units + j] === 1) kept.push(k);
  kept.push(sources);
  return Int32Array.from(kept);
}

/** The weights into unit j with its biases as the last row: [size, 4]. */
function columnsOf({ kernel, bias }: LayerWeights, units: number, j: number, size: number): Float64Array {
  const columns = new Float64Array(size * GATES);
  for (let k = 0; k < size - 1; k++) {
    for (let gate = 0; gate < GATES; gate++) columns[k * GATES + gate] = kernel[(k * GATES + gate) * units + j]!;
  }
  for (let gate = 0; gate < GATES; gate++) columns[(size - 1) * GATES + gate] = bias[gate * units + j]!;
  return columns;
}

/** The kept rows: [kept, 4]. */
function gather(columns: Float64Array, kept: Int32Array): Float64Array {
  const rows = new Float64Array(kept.length * GATES);
  kept.forEach((k, at) => rows.set(columns.subarray(k * GATES, (k + 1) * GATES), at * GATES));
  return rows;
}

/** One row of a matrix [size, size] times columns [size, 4], written to out[at .. at + 3]. */
function rowTimes(matrix: Float64Array, row: number, columns: Float64Array, size: number, out: Float64Array, at: number): void {
  let p0 = 0, p1 = 0, p2 = 0, p3 = 0;
  for (let k = 0; k < size; k++) {
    const element = matrix[row * size + k]!;
    p0 += element * columns[4 * k]!;
    p1 += element * columns[4 * k + 1]!;
    p2 += element * columns[4 * k + 2]!;
    p3 += element * columns[4 * k + 3]!;
  }
  out[at] = p0;
  out[at + 1] = p1;
  out[at + 2] = p2;
  out[at + 3] = p3;
}

/** X_S W0: [kept, 4]. */
function targetOf(x: Float64Array, wanted: Float64Array, kept: Int32Array, size: number): Float64Array {
  const target = new Float64Array(kept.length * GATES);
  for (let at = 0; at < kept.length; at++) rowTimes(x, kept[at]!, wanted, size, target, at * GATES);
  return target;
}

/** (G_SS + λI)⁻¹ (X_S W0 + λ w_S): [kept, 4]. */
function solve(damped: Float64Array, target: Float64Array, start: Float64Array, kept: Int32Array, size: number, lambda: number): Float64Array {
  const n = kept.length;
  const matrix = new Float64Array(n * n);
  for (let row = 0; row < n; row++) {
    for (let column = 0; column <= row; column++) matrix[row * n + column] = damped[kept[row]! * size + kept[column]!]!;
  }
  if (!factorize(matrix, n)) throw new EspalierError('evidence-invalid', 'The second moments are not positive definite.');
  const solution = target.map((value, at) => value + lambda * start[at]!);
  solveFactored(matrix, n, solution, GATES);
  return solution;
}

function store(layer: LayerWeights, solved: Float64Array, kept: Int32Array, units: number, j: number, sources: number): void {
  kept.forEach((k, at) => {
    for (let gate = 0; gate < GATES; gate++) {
      const value = solved[at * GATES + gate]!;
      if (k === sources) layer.bias[gate * units + j] = value;
      else layer.kernel[(k * GATES + gate) * units + j] = value;
    }
  });
}

/** Σ over gates of W0ᵀ G0 W0, the power of what is wanted. */
function quadratic(second: Float64Array, columns: Float64Array, size: number): number {
  const product = new Float64Array(GATES);
  let sum = 0;
  for (let k = 0; k < size; k++) {
    rowTimes(second, k, columns, size, product, 0);
    for (let gate = 0; gate < GATES; gate++) sum += columns[k * GATES + gate]! * product[gate]!;
  }
  return sum;
}

/** Σ over gates of W0ᵀ G0 W0 − 2 wᵀ X_S W0 + wᵀ G_SS w; rounding may leave it a little below zero, so it is cut there. */
function errorOf(second: Float64Array, target: Float64Array, weights: Float64Array, kept: Int32Array, size: number, power: number): number {
  let error = power;
  for (let row = 0; row < kept.length; row++) {
    for (let gate = 0; gate < GATES; gate++) {
      const weight = weights[row * GATES + gate]!;
      let product = -2 * target[row * GATES + gate]!;
      for (let column = 0; column < kept.length; column++) product += second[kept[row]! * size + kept[column]!]! * weights[column * GATES + gate]!;
      error += weight * product;
    }
  }
  return Math.max(0, error);
}
