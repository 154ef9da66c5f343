/** Probe sequences and their answers by the reference: what an engine must agree with before it serves a model. */
import { forward } from '../../model/cell.ts';
import type { ForwardResult, State64 } from '../../model/cell.ts';
import type { Model } from '../../model/model.ts';
import { quantise, STEPS } from '../../model/quantise.ts';
import { forwardQuantised } from '../../model/quantised-cell.ts';
import { GATES, stateLengths } from '../../model/shape.ts';
import type { EngineAnswer, EngineSequence } from '../../ports.ts';
import { randomFrom } from '../../support/random.ts';
import type { Precision } from './addon.ts';

/** Largest difference that is accepted at arbitrary weights; at ordinary weights the kernel stays below 1e-6. */
export const PARITY_MAX = 1e-4;
/**
 * In int8, against the quantised reference: what a float32 gate rounds the other way (one h in some 10,000) is a step of
 * 1/127, which the later layers and the output then read.
 */
export const PARITY_G4_MAX = 0.02;
export const parityMax = (precision: Precision): number => (precision === 'fp32' ? PARITY_MAX : PARITY_G4_MAX);
const PROBE_STEPS = [1, 5, 12] as const;
/** From states: in later steps one h that was rounded the other way could have any effect. */
export const SINGLE_STEPS = [1, 1, 1] as const;

/** A few ragged sequences; the first starts at zero, the others at a state where the shape carries states or all are of one step. */
export function probeSequences({ shape }: Pick<Model, 'shape'>, lengthsOf: readonly number[] = PROBE_STEPS): readonly EngineSequence[] {
  const random = randomFrom(7);
  const within = (length: number, range: number): Float32Array => Float32Array.from({ length }, () => (2 * random() - 1) * range);
  const lengths = stateLengths(shape);
  const stateless = shape.state === 'reset' && lengthsOf !== SINGLE_STEPS;
  return lengthsOf.map((steps, at) => ({
    inputs: shape.vocabulary > 0 ? Int32Array.from({ length: steps }, () => Math.floor(random() * shape.vocabulary)) : within(steps * shape.inputs, 1),
    h: at === 0 || stateless ? null : within(lengths.h, 1),
    c: at === 0 || stateless ? null : within(lengths.c, 2),
  }));
}

type Right = (sequence: EngineSequence) => ForwardResult;
const stateOf = ({ h, c }: EngineSequence): State64 | null => (h === null || c === null ? null : { h: Float64Array.from(h), c: Float64Array.from(c) });

const rightOf = (model: Pick<Model, 'shape' | 'weights'>): Right => (sequence) => forward(model, sequence.inputs, stateOf(sequence));

function rightOfQuantised(model: Pick<Model, 'shape' | 'weights' | 'mask'>): Right {
  const quantised = quantise(model);
  return (sequence) => {
    const right = forwardQuantised(quantised, Int32Array.from(sequence.inputs), stateOf(sequence));
    return { ...right, h: right.unrounded };
  };
}

export type Judge = (at: number, answer: EngineAnswer) => number;

/**
 * Judge of answers to the probe sequences: the largest difference of h, c, regressed numbers (each relative above 1),
 * confidence, and of the probability that a chosen label falls short of the best one's; Infinity where something is not a number.
 */
export function parityJudge(model: Pick<Model, 'shape' | 'weights' | 'mask'>, sequences: readonly EngineSequence[], precision: Precision = 'fp32'): Judge {
  const run = precision === 'fp32' ? rightOf(model) : rightOfQuantised(model);
  const expected = sequences.map(run);
  // Half a step: what is compared is h before it was rounded.
  const slack = precision === 'fp32' || GATES[model.shape.cell] === 3 ? 0 : 0.5 / STEPS;
  const outputs = model.shape.outputs;
  return (at, answer) => {
    const right = expected[at]!;
    let worst = 0;
    const note = (difference: number): void => { if (!(difference <= worst)) worst = Number.isNaN(difference) ? Infinity : difference; };
    const compare = (found: ArrayLike<number>, wanted: ArrayLike<number>, free = 0): void => {
      if (found.length !== wanted.length) return note(Infinity);
      for (let j = 0; j < wanted.length; j++) note(Math.max(0, Math.abs(found[j]! - wanted[j]!) - free) / Math.max(1, Math.abs(wanted[j]!)));
    };
    note(Math.abs(answer.confidence - right.confidence));
    compare(answer.h, right.h, slack);
    compare(answer.c, right.c);
    compare(answer.values ?? [], right.values ?? []);
    if (answer.labels.length !== right.labels.length) return Infinity;
    right.labels.forEach((label, t) => { note(right.probabilities[t * outputs + label]! - right.probabilities[t * outputs + answer.labels[t]!]!); });
    return worst;
  };
}
