/**
 * One call as several pieces of work for libuv's pool, and their results as one again.
 *
 * The pool has four threads unless UV_THREADPOOL_SIZE said otherwise when the process started (setting it later, or after
 * the first use of the pool, does nothing), and file system, DNS and crypto share it. More parts than threads wait for
 * one another: right, but no faster.
 */
import type { Activity, EngineSequence, UnitSums } from '../../ports.ts';
import type { AddonResult } from './addon.ts';
import type { AddonBatch } from './batch.ts';

/** Steps of a part at least: a piece of work costs some 20 μs beside its steps, and these take some 0.5 ms. */
const STEPS_MIN = 256;

/**
 * Indices of the sequences of each part: longest first, dealt to and fro, so that the parts differ by one sequence and
 * hardly in steps. No part is smaller than the narrowest block of lanes: within blocks a sequence's sums are the same to
 * the bit, whatever runs beside it.
 * @param numbersPerStep 1 for tokens, the width of a frame
 */
export function partsOf(sequences: readonly EngineSequence[], numbersPerStep: number, cores: number, block: number): readonly (readonly number[])[] {
  const steps = cores === 1 ? 0 : sequences.reduce((sum, { inputs }) => sum + inputs.length, 0) / numbersPerStep;
  const count = Math.min(cores, Math.floor(sequences.length / block), Math.floor(steps / STEPS_MIN));
  const all = sequences.map((_, at) => at);
  if (count <= 1) return [all];
  const parts: number[][] = Array.from({ length: count }, () => []);
  all.sort((a, b) => sequences[b]!.inputs.length - sequences[a]!.inputs.length || a - b)
    .forEach((index, at) => { parts[Math.floor(at / count) % 2 === 0 ? at % count : count - 1 - at % count]!.push(index); });
  return parts;
}

/** Each part samples its own steps; their phases are spread over the period, so that not all sample the same step. */
export const phaseOfPart = (phase: number, every: number, part: number, parts: number): number => phase + Math.floor((part * every) / parts);

/** What the layer read in the sampled steps of all parts, one behind the other. */
export function sampledBy(results: readonly AddonResult[], layer: number, columns: number): Activity {
  const rows = results.reduce((sum, result) => sum + result.rows, 0);
  if (results.length === 1) return { layer, rows, columns, values: results[0]!.values[layer]! };
  const values = new Float32Array(rows * columns);
  let at = 0;
  for (const result of results) {
    values.set(result.values[layer]!, at);
    at += result.values[layer]!.length;
  }
  return { layer, rows, columns, values };
}

/** How active the units were in all parts together. */
export function unitsOf(batches: readonly AddonBatch[]): UnitSums {
  const [first, ...others] = batches, sums = first!.activity;
  for (const { activity } of others) for (let at = 0; at < sums.length; at++) sums[at]! += activity[at]!;
  return { steps: batches.reduce((sum, { offsets }) => sum + offsets.at(-1)!, 0), abs: sums.subarray(0, sums.length / 2), squares: sums.subarray(sums.length / 2) };
}
