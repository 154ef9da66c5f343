/** Reconstruction of the output layer: least squares on second moments of what it reads. */
import { EspalierError, assert } from '../errors.ts';
import type { Weights } from '../model/shape.ts';
import type { Design } from './least-squares.ts';
import { errorOf, powerOf, solve, targetOf } from './least-squares.ts';

/** Second moments of b = [features; 1], what the output layer reads at its answers, [size, size] row-major, size = features + 1. */
export interface OutputMoments {
  /** Number of answers. */
  readonly answers: number;
  readonly second: Float64Array;
  /** E[b b0ᵀ] and E[b0 b0ᵀ] with b0 what the parent's reads; null where they are the same. */
  readonly cross: { readonly second: Float64Array; readonly parentSecond: Float64Array } | null;
}

type Output = Pick<Weights, 'output' | 'outputBias'>;

export interface OutputReconstruction {
  /** The layer whose logits are to be kept, and the one to start from. */
  readonly parent: Output;
  readonly current: Output;
  /** Rows that may weigh something, [features]. */
  readonly kept: Uint8Array;
  readonly moments: OutputMoments;
  /** λ as a share of trace(G) / n. */
  readonly ridge?: number;
}

/** [rows, outputs] and the bias as the last row, only the rows of a design. */
const rowsOf = ({ output, outputBias }: Output, { kept, gates }: Design): Float64Array => {
  const rows = new Float64Array(kept.length * gates);
  kept.forEach((k, row) => { rows.set(k < 0 ? outputBias : output.subarray(k * gates, (k + 1) * gates), row * gates); });
  return rows;
};

/**
 * The output layer whose logits are nearest to the parent's, reading only what is kept; the mean of what went is in its
 * bias. `errorBefore` is E‖difference of the logits‖² with the rows merely dropped. Throws evidence-invalid.
 */
export function reconstructOutput({ parent, current, kept, moments, ridge = 1e-3 }: OutputReconstruction): Output & { readonly errorBefore: number; readonly errorAfter: number } {
  const features = kept.length, size = features + 1, outputs = parent.outputBias.length;
  assert(moments.second.length === size * size && parent.output.length === features * outputs, 'the moments are of what the output layer reads');
  if (moments.answers === 0) throw new EspalierError('evidence-invalid', 'There are no answers in the moments.');
  const designOf = (rows: readonly number[]): Design => ({ gates: outputs, kept: Int32Array.from([...rows, -1]), at: Int32Array.from([...rows, features]), flags: new Uint8Array(rows.length + 1) });
  const all = Array.from({ length: features }, (_, k) => k);
  const everything = designOf(all), design = designOf(all.filter((k) => kept[k] === 1));
  const block = (matrix: Float64Array) => ({ matrix, size, rows: 1, columns: 1, both: 1 });
  const own = block(moments.second), wanted = rowsOf(parent, everything), start = rowsOf(current, design);
  const target = targetOf(block(moments.cross?.second ?? moments.second), design, everything, wanted);
  let trace = 0;
  for (let k = 0; k < size; k++) trace += moments.second[k * size + k]!;
  const solved = solve(own, design, target, start, ridge * trace / size);
  const output = new Float32Array(parent.output.length), outputBias = new Float32Array(outputs);
  design.kept.forEach((k, row) => { (k < 0 ? outputBias : output.subarray(k * outputs, (k + 1) * outputs)).set(solved.subarray(row * outputs, (row + 1) * outputs)); });
  const power = powerOf(block(moments.cross?.parentSecond ?? moments.second), everything, wanted);
  return { output, outputBias, errorBefore: errorOf(own, design, target, start, power), errorAfter: errorOf(own, design, target, rowsOf({ output, outputBias }, design), power) };
}
