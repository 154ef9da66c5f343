/** How often one model was right in one role. */
import type { Tally } from './evidence.ts';

/** regress: the largest error of a number that counts as right where nobody says otherwise, in the unit of the numbers. */
export const ERROR_MAX = 0.1;

export const EMPTY_TALLY: Tally = { requests: 0, steps: 0, correct: 0, confidence: 0 };

/** Adds one labelled request. @param target and @param labels label ids, [steps] for tag and [1] for classify */
export const addTally = (tally: Tally, target: Int32Array, labels: Int32Array, confidence: number): Tally =>
  mergeTally(tally, { requests: 1, steps: target.length, correct: rightOf(target, labels), confidence });

export const mergeTally = (a: Tally, b: Tally): Tally => ({
  requests: a.requests + b.requests,
  steps: a.steps + b.steps,
  correct: a.correct + b.correct,
  confidence: a.confidence + b.confidence,
});

/** The number of steps whose label is the target. */
export function rightOf(target: Int32Array, labels: Int32Array): number {
  let right = 0;
  for (let step = 0; step < target.length; step++) if (target[step] === labels[step]) right++;
  return right;
}
