/**
 * Two models on the same labelled requests, as a bet for each λ of a fixed grid (Waudby-Smith & Ramdas 2024). What is
 * kept is Σ ln(1 + λ · …), a plain sum over the blocks; so evidence of several processes merges in any order.
 */
import { assert } from '../errors.ts';
import type { Duel } from './evidence.ts';

/** The stakes. All below 1/(1 + m) and 1/(1 − m) for any margin m < 0.25, so the wealth stays above zero. */
export const LAMBDAS = [0.02, 0.05, 0.1, 0.2, 0.4, 0.8] as const;

/** Steps of one block by who was right. */
export type DuelSteps = Pick<Duel, 'bothRight' | 'referenceOnly' | 'candidateOnly' | 'bothWrong' | 'agreed'>;

export const EMPTY_STEPS: DuelSteps = { bothRight: 0, referenceOnly: 0, candidateOnly: 0, bothWrong: 0, agreed: 0 };

export function emptyDuel(margin: number): Duel {
  assert(margin >= 0 && margin < 0.25, 'a margin from 0 to below 0.25');
  const zeros = LAMBDAS.map(() => 0);
  return { margin, blocks: 0, sum: 0, squares: 0, certify: zeros, harm: zeros, harmAtZero: zeros, ...EMPTY_STEPS };
}

/** Adds the steps of one request. All arrays are label ids, [steps]. */
export function compareSteps(steps: DuelSteps, target: Int32Array, reference: Int32Array, candidate: Int32Array): DuelSteps {
  const sums = { ...steps };
  for (let step = 0; step < target.length; step++) {
    const referenceRight = reference[step] === target[step], candidateRight = candidate[step] === target[step];
    if (reference[step] === candidate[step]) sums.agreed++;
    if (referenceRight && candidateRight) sums.bothRight++;
    else if (referenceRight) sums.referenceOnly++;
    else if (candidateRight) sums.candidateOnly++;
    else sums.bothWrong++;
  }
  return sums;
}

export const stepsOf = (steps: DuelSteps): number => steps.bothRight + steps.referenceOnly + steps.candidateOnly + steps.bothWrong;

/** D of a block: the mean over its steps of (reference right − candidate right), in [−1, 1]. */
export const differenceOf = (steps: DuelSteps): number => (steps.referenceOnly - steps.candidateOnly) / stepsOf(steps);

/** Adds one block, the unit of observation. @param difference its D */
export const addBlock = (duel: Duel, difference: number, steps: DuelSteps): Duel => mergeDuel(duel, {
  margin: duel.margin,
  blocks: 1,
  sum: difference,
  squares: difference * difference,
  certify: LAMBDAS.map((stake) => Math.log1p(stake * (duel.margin - difference))),
  harm: LAMBDAS.map((stake) => Math.log1p(stake * (difference - duel.margin))),
  harmAtZero: LAMBDAS.map((stake) => Math.log1p(stake * difference)),
  ...steps,
});

const plus = (a: readonly number[], b: readonly number[]): readonly number[] => a.map((value, at) => value + b[at]!);

export function mergeDuel(a: Duel, b: Duel): Duel {
  assert(a.margin === b.margin, 'duels of one margin');
  return {
    margin: a.margin,
    blocks: a.blocks + b.blocks,
    sum: a.sum + b.sum,
    squares: a.squares + b.squares,
    certify: plus(a.certify, b.certify),
    harm: plus(a.harm, b.harm),
    harmAtZero: plus(a.harmAtZero, b.harmAtZero),
    bothRight: a.bothRight + b.bothRight,
    referenceOnly: a.referenceOnly + b.referenceOnly,
    candidateOnly: a.candidateOnly + b.candidateOnly,
    bothWrong: a.bothWrong + b.bothWrong,
    agreed: a.agreed + b.agreed,
  };
}
