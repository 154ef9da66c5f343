/** Probe sequences and their answers by the reference: what an engine must agree with before it serves a model. */
import { forward } from '../../model/cell.ts';
import type { Model } from '../../model/model.ts';
import { stateLengths } from '../../model/shape.ts';
import type { EngineAnswer, EngineSequence } from '../../ports.ts';
import { randomFrom } from '../../support/random.ts';

/** Largest difference that is accepted at arbitrary weights; at ordinary weights the kernel stays below 1e-6. */
export const PARITY_MAX = 1e-4;
const PROBE_STEPS = [1, 5, 12] as const;

/** A few ragged sequences; the first starts at zero, the others at a state where the shape carries states. */
export function probeSequences({ shape }: Pick<Model, 'shape'>): readonly EngineSequence[] {
  const random = randomFrom(7);
  const within = (length: number, range: number): Float32Array => Float32Array.from({ length }, () => (2 * random() - 1) * range);
  const lengths = stateLengths(shape);
  return PROBE_STEPS.map((steps, at) => ({
    inputs: shape.vocabulary > 0 ? Int32Array.from({ length: steps }, () => Math.floor(random() * shape.vocabulary)) : within(steps * shape.inputs, 1),
    h: at === 0 || shape.state === 'reset' ? null : within(lengths.h, 1),
    c: at === 0 || shape.state === 'reset' ? null : within(lengths.c, 2),
  }));
}

export type Judge = (at: number, answer: EngineAnswer) => number;

/**
 * Judge of answers to the probe sequences: the largest difference of h, c, regressed numbers (each relative above 1),
 * confidence, and of the probability that a chosen label falls short of the best one's; Infinity where something is not a number.
 */
export function parityJudge(model: Pick<Model, 'shape' | 'weights'>, sequences: readonly EngineSequence[]): Judge {
  const expected = sequences.map(({ inputs, h, c }) => forward(model, inputs, h === null || c === null ? null : { h: Float64Array.from(h), c: Float64Array.from(c) }));
  const outputs = model.shape.outputs;
  return (at, answer) => {
    const right = expected[at]!;
    let worst = 0;
    const note = (difference: number): void => { if (!(difference <= worst)) worst = Number.isNaN(difference) ? Infinity : difference; };
    const compare = (found: ArrayLike<number>, wanted: ArrayLike<number>): void => {
      if (found.length !== wanted.length) return note(Infinity);
      for (let j = 0; j < wanted.length; j++) note(Math.abs(found[j]! - wanted[j]!) / Math.max(1, Math.abs(wanted[j]!)));
    };
    note(Math.abs(answer.confidence - right.confidence));
    compare(answer.h, right.h);
    compare(answer.c, right.c);
    compare(answer.values ?? [], right.values ?? []);
    if (answer.labels.length !== right.labels.length) return Infinity;
    right.labels.forEach((label, t) => { note(right.probabilities[t * outputs + label]! - right.probabilities[t * outputs + answer.labels[t]!]!); });
    return worst;
  };
}
