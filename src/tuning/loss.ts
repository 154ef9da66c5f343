/**
 * What training minimises: labels where there are some, and the teacher's soft-max everywhere (Hinton et al. 2015).
 *
 *   L = 1/n Σ over the n real rows of  s · [label known] · CE(label, p)  +  (1 − s) · τ² · CE(q_τ, p_τ),
 *
 * s the share of the labels, p_τ and q_τ the soft-max of student and teacher at temperature τ; τ² keeps the size of the
 * gradient (their section 2). Every row weighs the same, so a few labels do not drown the teacher.
 *
 * For regress both parts are mean squared errors over the numbers, of the label and of the teacher's answer.
 */
import { ERROR_MAX } from '../evidence/tally.ts';
import type { Batch } from './batches.ts';
import type { Runtime } from './ops.ts';
import type { Tensor } from './tensorflow.ts';

export interface LossPlan {
  readonly labelShare: number;
  readonly temperature: number;
}

export interface Loss {
  /** The mixed loss, nats a row. */
  readonly loss: number;
  /** [rows, outputs] */
  readonly dLogits: Tensor;
}

const dot = (a: Float32Array, b: Float32Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) if (b[i] !== 0) sum += a[i]! * b[i]!;
  return sum;
};

/** Real rows of a batch. */
export const realRows = (batch: Batch): number => {
  let rows = 0;
  for (const bit of batch.real) rows += bit;
  return rows;
};

/** Loss and gradient; `teacher` is logits [rows, outputs] or null, then labels get all. Call it inside a scope. */
export function mixedLoss(runtime: Runtime, logits: Tensor, batch: Batch, teacher: Tensor | null, plan: LossPlan): Loss {
  if (batch.values !== null) return squaredLoss(runtime, logits, batch, batch.values, teacher, plan);
  const { tf, ops } = runtime;
  const rows = batch.targets.length, n = Math.max(1, realRows(batch));
  const share = teacher === null ? 1 : plan.labelShare;
  const { temperature } = plan;
  let loss = 0;
  let dLogits: Tensor | null = null;
  const weigh = (gradient: Tensor, weights: Float32Array): void => {
    const weighed = ops.multiply(gradient, tf.floats(weights, [rows, 1]));
    dLogits = dLogits === null ? weighed : ops.add(dLogits, weighed);
  };
  if (share > 0) {
    const weights = Float32Array.from(batch.targets, (target, row) => (target >= 0 && batch.real[row] === 1 ? share / n : 0));
    const part = ops.labelLoss(logits, tf.ints(batch.targets.map((target) => Math.max(0, target)), [rows]));
    loss += dot(tf.readFloats(part.loss), weights);
    weigh(part.gradient, weights);
  }
  if (teacher !== null && share < 1) {
    const weights = Float32Array.from(batch.real, (bit) => bit * (1 - share) * temperature * temperature / n);
    const cooler = ops.scalar(1 / temperature);
    const soften = (a: Tensor): Tensor => (temperature === 1 ? a : ops.multiply(a, cooler));
    const part = ops.softLoss(soften(logits), ops.softmax(soften(teacher)));
    loss += dot(tf.readFloats(part.loss), weights);
    weigh(part.gradient, weights.map((weight) => weight / temperature));
  }
  return { loss, dLogits: dLogits ?? ops.zeros(logits.shape) };
}

/** The mixed loss of numbers: Σ (y − t)² / outputs, of each row with the weights of the labels and of the teacher. */
function squaredLoss({ tf }: Runtime, answers: Tensor, batch: Batch, values: Float32Array, teacher: Tensor | null, plan: LossPlan): Loss {
  const n = Math.max(1, realRows(batch)), outputs = answers.shape[1]!, share = teacher === null ? 1 : plan.labelShare;
  const said = tf.readFloats(answers), taught = teacher === null ? null : tf.readFloats(teacher);
  const gradient = new Float32Array(said.length);
  let loss = 0;
  for (let at = 0; at < said.length; at++) {
    const row = Math.floor(at / outputs);
    if (batch.real[row] === 0) continue;
    const ofLabel = batch.targets[row]! >= 0 ? said[at]! - values[at]! : 0, ofTeacher = taught === null ? 0 : said[at]! - taught[at]!;
    loss += (share * ofLabel ** 2 + (1 - share) * ofTeacher ** 2) / (n * outputs);
    gradient[at] = 2 * (share * ofLabel + (1 - share) * ofTeacher) / (n * outputs);
  }
  return { loss, dLogits: tf.floats(gradient, answers.shape) };
}

/** Loss of each labelled row by itself: cross-entropy in nats, or the mean squared error of the numbers; [rows]. */
export function rowLosses({ tf, ops }: Runtime, logits: Tensor, { targets, values }: Batch): Float32Array {
  if (values === null) return tf.readFloats(ops.labelLoss(logits, tf.ints(targets.map((target) => Math.max(0, target)), [targets.length])).loss);
  const said = tf.readFloats(logits), outputs = logits.shape[1]!;
  return Float32Array.from(targets, (_, row) => {
    let sum = 0;
    for (let at = row * outputs; at < (row + 1) * outputs; at++) sum += (said[at]! - values[at]!) ** 2;
    return sum / outputs;
  });
}

/** Rows of numbers [rows, outputs] that are nowhere further than errorMax from others: 0 where so, 1 where not, [rows]. */
export const withinTolerance = (said: Float32Array, wanted: Float32Array, outputs: number, errorMax: number): Int32Array =>
  Int32Array.from({ length: said.length / outputs }, (_, row) => (said.subarray(row * outputs, (row + 1) * outputs).every((value, at) => Math.abs(value - wanted[row * outputs + at]!) <= errorMax) ? 0 : 1));

/** Most likely label of each row, [rows]; for regress 0 where the numbers are right within tolerance, else 1. */
export const chosenLabels = ({ tf, ops }: Runtime, logits: Tensor, { values }: Pick<Batch, 'values'>, errorMax = ERROR_MAX): Int32Array =>
  (values === null ? tf.readInts(ops.argMax(logits)) : withinTolerance(tf.readFloats(logits), values, logits.shape[1]!, errorMax));

/** Rows whose chosen label is right, and rows with a label. */
export function countRight(chosen: Int32Array, batch: Batch): { readonly right: number; readonly labelled: number } {
  let right = 0, labelled = 0;
  for (let row = 0; row < chosen.length; row++) {
    if (batch.targets[row]! < 0 || batch.real[row] === 0) continue;
    labelled++;
    if (chosen[row] === batch.targets[row]) right++;
  }
  return { right, labelled };
}
