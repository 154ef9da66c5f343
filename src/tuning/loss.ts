/**
 * What training minimises: labels where there are some, and the teacher's soft-max everywhere (Hinton et al. 2015).
 *
 *   L = 1/n Σ over the n real rows of  s · [label known] · CE(label, p)  +  (1 − s) · τ² · CE(q_τ, p_τ),
 *
 * s the share of the labels, p_τ and q_τ the soft-max of student and teacher at temperature τ; τ² keeps the size of the
 * gradient (their section 2). Every row weighs the same, so a few labels do not drown the teacher.
 */
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
export function mixedLoss({ tf, ops }: Runtime, logits: Tensor, batch: Batch, teacher: Tensor | null, plan: LossPlan): Loss {
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

/** Most likely label of each row, [rows]. */
export const chosenLabels = ({ tf, ops }: Runtime, logits: Tensor): Int32Array => tf.readInts(ops.argMax(logits));

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
