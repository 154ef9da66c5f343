/** The linear algebra of one system of one unit, on blocks of the second moments. All in float64. */
import { EspalierError } from '../errors.ts';
import { factorize, solveFactored } from './cholesky.ts';

/** The unknowns of a unit in one system. */
export interface Design {
  /** Gates that share the matrix, that is, columns of the right-hand side. */
  readonly gates: number;
  /** Source of the layer, or −1 for a constant. */
  readonly kept: Int32Array;
  /** Where the sampled vector has it. */
  readonly at: Int32Array;
  /** 1 where it is multiplied by the reset gate of the unit. */
  readonly flags: Uint8Array;
}

/** Second moments [size, size] of two vectors, and what a reset gate on the row, on the column and on both scales them by. */
export interface Block {
  readonly matrix: Float64Array;
  readonly size: number;
  readonly rows: number;
  readonly columns: number;
  readonly both: number;
}

/** What a reset gate on the row and on the column scales an element by. */
export const scaleOf = (block: Block, row: number, column: number): number => (row === 1 ? (column === 1 ? block.both : block.rows) : column === 1 ? block.columns : 1);

/** Weights [rows, gates], row by row. */
export function gather(rows: number, gates: readonly number[], weightOf: (row: number, gate: number) => number): Float64Array {
  const weights = new Float64Array(rows * gates.length);
  for (let row = 0; row < rows; row++) for (let g = 0; g < gates.length; g++) weights[row * gates.length + g] = weightOf(row, gates[g]!);
  return weights;
}

/** The weights as a row of flag 0 or 1 sees them: scaled by the reset gate's part. */
function seenBy(block: Block, flag: number, { gates, flags }: Design, weights: Float64Array): Float64Array {
  if (block.both === 1 && block.rows === 1 && block.columns === 1) return weights;
  return weights.map((weight, at) => weight * scaleOf(block, flag, flags[Math.floor(at / gates)]!));
}

/** One row of the moments times weights [n, gates], written to out[to ..]. */
function rowTimes({ matrix, size }: Block, row: number, { at, gates }: Design, weights: Float64Array, out: Float64Array, to: number): void {
  const from = row * size;
  if (gates === 4) {
    let p0 = 0, p1 = 0, p2 = 0, p3 = 0;
    for (let k = 0; k < at.length; k++) {
      const element = matrix[from + at[k]!]!;
      p0 += element * weights[4 * k]!;
      p1 += element * weights[4 * k + 1]!;
      p2 += element * weights[4 * k + 2]!;
      p3 += element * weights[4 * k + 3]!;
    }
    out[to] = p0;
    out[to + 1] = p1;
    out[to + 2] = p2;
    out[to + 3] = p3;
    return;
  }
  for (let gate = 0; gate < gates; gate++) {
    let sum = 0;
    for (let k = 0; k < at.length; k++) sum += matrix[from + at[k]!]! * weights[gates * k + gate]!;
    out[to + gate] = sum;
  }
}

/** `rowTimes` of two rows and four gates. */
function twoRowsTimes({ matrix, size }: Block, first: number, second: number, at: Int32Array, weights: Float64Array, out: Float64Array, to: number): void {
  const from = first * size, below = second * size;
  let p0 = 0, p1 = 0, p2 = 0, p3 = 0, q0 = 0, q1 = 0, q2 = 0, q3 = 0;
  for (let k = 0, w = 0; k < at.length; k++, w += 4) {
    const place = at[k]!, p = matrix[from + place]!, q = matrix[below + place]!, w0 = weights[w]!, w1 = weights[w + 1]!, w2 = weights[w + 2]!, w3 = weights[w + 3]!;
    p0 += p * w0; p1 += p * w1; p2 += p * w2; p3 += p * w3;
    q0 += q * w0; q1 += q * w1; q2 += q * w2; q3 += q * w3;
  }
  out[to] = p0; out[to + 1] = p1; out[to + 2] = p2; out[to + 3] = p3;
  out[to + 4] = q0; out[to + 5] = q1; out[to + 6] = q2; out[to + 7] = q3;
}

/** X_S W0: [kept, gates]. */
export const targetOf = (x: Block, design: Design, everything: Design, wanted: Float64Array): Float64Array => seenFrom(x, design, everything, wanted);

/** G times the weights of a design, at the rows of another: [rows, gates]. What a unit says, seen by every source. */
export function seenFrom(block: Block, rows: Design, design: Design, weights: Float64Array): Float64Array {
  const product = new Float64Array(rows.at.length * design.gates);
  const seen = [seenBy(block, 0, design, weights), seenBy(block, 1, design, weights)] as const;
  let row = 0;
  // No reset gate where four share a system: two rows at a time, which reads the weights half as often.
  if (design.gates === 4) for (; row + 1 < rows.at.length; row += 2) twoRowsTimes(block, rows.at[row]!, rows.at[row + 1]!, design.at, seen[0], product, 4 * row);
  for (; row < rows.at.length; row++) rowTimes(block, rows.at[row]!, design, seen[rows.flags[row] as 0 | 1], product, row * design.gates);
  return product;
}

/** Times that λ is raised tenfold where it is too small to solve with. */
const RAISES = 4;

/**
 * (G_SS + λI)⁻¹ (X_S W0 + λ w_S): [kept, gates]. Narrow traffic leaves G singular, and sums of float32 products may take it a
 * little below: there λ is raised. Throws evidence-invalid where G_SS + λI is not positive definite even so.
 */
export function solve(block: Block, design: Design, target: Float64Array, start: Float64Array, lambda: number, raises = RAISES): Float64Array {
  const { at, flags, gates } = design, n = at.length;
  const matrix = new Float64Array(n * n);
  for (let row = 0; row < n; row++) {
    for (let column = 0; column <= row; column++) matrix[row * n + column] = block.matrix[at[row]! * block.size + at[column]!]! * scaleOf(block, flags[row]!, flags[column]!);
    matrix[row * n + row]! += lambda;
  }
  if (!factorize(matrix, n)) {
    if (raises === 0 || !(lambda > 0)) throw new EspalierError('evidence-invalid', 'The second moments are not positive definite.');
    return solve(block, design, target, start, 10 * lambda, raises - 1);
  }
  const solution = target.map((value, i) => value + lambda * start[i]!);
  solveFactored(matrix, n, solution, gates);
  return solution;
}

/** Σ over gates of W0ᵀ G0 W0, the power of what is wanted. */
export function powerOf(block: Block, everything: Design, wanted: Float64Array): number {
  const { gates, at, flags } = everything;
  const seen = [seenBy(block, 0, everything, wanted), seenBy(block, 1, everything, wanted)] as const;
  const product = new Float64Array(gates);
  let sum = 0;
  for (let row = 0; row < at.length; row++) {
    rowTimes(block, at[row]!, everything, seen[flags[row] as 0 | 1], product, 0);
    for (let gate = 0; gate < gates; gate++) sum += wanted[row * gates + gate]! * product[gate]!;
  }
  return sum;
}

/** Σ over gates of W0ᵀ G0 W0 − 2 wᵀ X_S W0 + wᵀ G_SS w; rounding may leave it a little below zero, so it is cut there. */
export const errorOf = (block: Block, design: Design, target: Float64Array, weights: Float64Array, power: number): number => Math.max(0, power + misfitOf(block, design, target, weights));

/** The part of the error that depends on the weights, Σ over gates of wᵀ G_SS w − 2 wᵀ X_S W0. */
export function misfitOf(block: Block, design: Design, target: Float64Array, weights: Float64Array): number {
  const product = seenFrom(block, design, design, weights);
  let misfit = 0;
  for (let at = 0; at < weights.length; at++) misfit += weights[at]! * (product[at]! - 2 * target[at]!);
  return misfit;
}
