/** What is allowed to go wrong by chance, and how often. */

/** Deviations above the mean at which the number of wrong runs is no chance any more: one-sided, about 1 in 1,000. */
const DEVIATIONS = 3.1;

/**
 * Runs, of `runs`, that may certify a candidate worse than the margin: each does with probability alpha at most (Ville;
 * the α_k of its candidates add up to alpha), so the number is below α n + 3.1 sqrt(α (1 − α) n) but once in a thousand.
 * One is allowed in any case: in a few runs it is chance as well.
 */
export const wrongMax = (runs: number, alpha: number): number => Math.max(1, Math.floor(alpha * runs + DEVIATIONS * Math.sqrt(alpha * (1 - alpha) * runs)));
