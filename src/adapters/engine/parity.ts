/** Probe sequences and their answers by the reference: what an engine must agree with before it serves a model. */
import { forward } from '../../model/cell.ts';
import type { Model } from '../../model/model.ts';
import { unitsOf } from '../../model/shape.ts';
import type { EngineAnswer, EngineSequence } from '../../ports.ts';
import { randomFrom } from '../../support/random.ts';

/** Largest difference that is accepted at arbitrary weights; at ordinary weights the kernel stays below 1e-6. */
export const PARITY_MAX = 1e-4;
const PROBE_STEPS = [1, 5, 12] as const;

/** A few ragged sequences; the first starts at zero, the others at a state. */
export function probeSequences(model: Pick<Model, 'shape'>): readonly EngineSequence[] {
  const random = randomFrom(7);
  const units = unitsOf(model.shape);
  const state = (range: number): Float32Array => Float32Array.from({ length: units }, () => (2 * random() - 1) * range);
  return PROBE_STEPS.map((steps, at) => ({
    inputs: Int32Array.from({ length: steps }, () => Math.floor(random() * model.shape.vocabulary)),
    h: at === 0 ? null : state(1),
    c: at === 0 ? null : state(2),
  }));
}

export type Judge = (at: number, answer: EngineAnswer) => number;

/**
 * Judge of answers to the probe sequences: the largest difference of h, c (relative to |c| above 1), confidence, and of
 * the probability that a chosen label falls short of the best one's; Infinity where something is not a number.
 */
export function parityJudge(model: Pick<Model, 'shape' | 'weights'>, sequences: readonly EngineSequence[]): Judge {
  const expected = sequences.map(({ inputs, h, c }) => forward(model, inputs, h === null || c === null ? null : { h: Float64Array.from(h), c: Float64Array.from(c) }));
  const outputs = model.shape.outputs;
  return (at, answer) => {
    const right = expected[at]!;
    let worst = Math.abs(answer.confidence - right.confidence);
    const note = (difference: number): void => { if (!(difference <= worst)) worst = Number.isNaN(difference) ? Infinity : difference; };
    if (answer.labels.length !== right.labels.length || answer.h.length !== right.h.length) return Infinity;
    right.h.forEach((h, j) => { note(Math.abs(answer.h[j]! - h)); });
    right.c.forEach((c, j) => { note(Math.abs(answer.c[j]! - c) / Math.max(1, Math.abs(c))); });
    right.labels.forEach((label, t) => { note(right.probabilities[t * outputs + label]! - right.probabilities[t * outputs + answer.labels[t]!]!); });
    return Number.isNaN(worst) ? Infinity : worst;
  };
}
