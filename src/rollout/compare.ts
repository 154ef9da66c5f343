/**
 * The gate: a test of non-inferiority by betting, valid at any look (Waudby-Smith & Ramdas 2024).
 *
 * One observation is one block of a session, D = mean over its steps of (reference right − candidate right).
 * certify bets against H0: E[D] >= m with W <- W (1 + λ(m − D)), harm against H0: E[D] <= m with W <- W (1 + λ(D − m)).
 * Under its H0 each W is a supermartingale from 1, so P(W ever reaches 1/α) <= α (Ville 1939), however often one looks.
 * W is the mean over a fixed grid of λ; what is kept of each is a sum of logarithms, and sums merge in any order.
 */
import { LAMBDAS } from '../evidence/duel.ts';
import type { Duel } from '../evidence/evidence.ts';
import { halfWidthOf } from './confidence.ts';

export interface Judgement {
  readonly verdict: 'better' | 'worse' | 'not-yet';
  /** Number of observations. */
  readonly blocks: number;
  /** Wealth against "worse by the margin or more", and against "worse by the margin or less". */
  readonly certify: number;
  readonly harm: number;
  /** Wealth against "not worse at all": a warning, never a reason to stop. */
  readonly harmAtZero: number;
  /** Wealth at which the candidate is certified: 1/α. */
  readonly bar: number;
  /** Wealth at which harm is found: 1/α of the guard. */
  readonly harmBar: number;
  /** Mean of D (positive: the candidate is worse), as a share of steps; null without a block. */
  readonly difference: number | null;
  /** Half-width of its confidence sequence, for pictures; null below two blocks. */
  readonly halfWidth: number | null;
}

/** Observations at which the confidence sequence for pictures is tightest; about where an equal model is certified. */
const TIGHTEST_BLOCKS = 1000;

/** Bounds that keep every W above 0 at the worst D (1 for certify, −1 for harm). */
export const certifyLambdaBound = (margin: number): number => (margin < 1 ? 1 / (1 - margin) : Number.POSITIVE_INFINITY);
export const harmLambdaBound = (margin: number): number => 1 / (1 + margin);

/**
 * Mean of exp(sum) over the λ of the grid below the bound, with the largest exponent taken out first.
 * A sum that is no number (nothing was learnt) counts as lost money, never as proof. At most Number.MAX_VALUE.
 * @param sums Σ ln(1 + λ x) of each λ of LAMBDAS
 */
export function wealth(sums: readonly number[], lambdaBound = Number.POSITIVE_INFINITY): number {
  const logs = sums.filter((_, at) => LAMBDAS[at]! < lambdaBound).map((sum) => (Number.isNaN(sum) ? Number.NEGATIVE_INFINITY : sum));
  const largest = Math.max(...logs);
  if (logs.length === 0 || largest === Number.NEGATIVE_INFINITY) return 0;
  if (largest === Number.POSITIVE_INFINITY) return Number.MAX_VALUE;
  const share = logs.reduce((total, log) => total + Math.exp(log - largest), 0) / logs.length;
  return Math.min(Math.exp(largest + Math.log(share)), Number.MAX_VALUE);
}

/**
 * What the evidence says. Harm wins where both would be found.
 * @param alpha error probability of a false certificate
 * @param harmAlpha error probability of a false alarm of harm
 */
export function judge(duel: Duel, alpha: number, harmAlpha = alpha): Judgement {
  const certify = wealth(duel.certify, certifyLambdaBound(duel.margin));
  const harm = wealth(duel.harm, harmLambdaBound(duel.margin));
  const bar = 1 / alpha;
  const harmBar = 1 / harmAlpha;
  const difference = duel.blocks === 0 ? null : duel.sum / duel.blocks;
  const variance = difference === null || duel.blocks < 2 ? null : Math.max(0, duel.squares / duel.blocks - difference ** 2);
  return {
    verdict: harm >= harmBar ? 'worse' : certify >= bar ? 'better' : 'not-yet',
    blocks: duel.blocks, certify, harm, harmAtZero: wealth(duel.harmAtZero, harmLambdaBound(0)), bar, harmBar, difference,
    halfWidth: variance === null ? null : halfWidthOf({ n: duel.blocks, deviation: Math.sqrt(variance), alpha, tightest: TIGHTEST_BLOCKS }),
  };
}

/**
 * The error probability of the k-th candidate: α_k = 6α / (π² k²). The α_k of all candidates add up to α, so the
 * chance that any of them is falsely certified stays below α.
 * @param k 1 for the first candidate
 */
export const alphaOf = (k: number, alpha: number): number => (6 * alpha) / (Math.PI ** 2 * k ** 2);

/** Blocks below which no model can be certified: ln(1/α) / ln(1 + .8 m), the best λ of the grid at D = 0 throughout. */
export const floorBlocks = (margin: number, alpha: number): number => Math.log(1 / alpha) / Math.log(1 + LAMBDAS.at(-1)! * margin);
