/**
 * Asymptotic confidence sequences (Waudby-Smith et al. 2023): intervals for pictures that may be looked at any time.
 * The gate does not decide by them; it bets (`compare.ts`), which needs no asymptotics.
 */

export interface SequenceOptions {
  /** Number of observations. */
  readonly n: number;
  /** Standard deviation of one observation. */
  readonly deviation: number;
  readonly alpha: number;
  /** Number of observations at which the interval is tightest. */
  readonly tightest: number;
}

/** ρ = sqrt((−2 ln α + ln(1 − 2 ln α)) / N*), which makes the interval tightest at N* observations. */
export const rhoOf = (alpha: number, tightest: number): number =>
  Math.sqrt((-2 * Math.log(alpha) + Math.log(1 - 2 * Math.log(alpha))) / tightest);

/** Half-width s sqrt(2 (nρ² + 1) / (nρ)² · ln(sqrt(nρ² + 1) / α)). */
export function halfWidthOf({ n, deviation, alpha, tightest }: SequenceOptions): number {
  const rho = rhoOf(alpha, tightest);
  const grown = n * rho ** 2 + 1;
  return deviation * Math.sqrt((2 * grown) / (n * rho) ** 2 * Math.log(Math.sqrt(grown) / alpha));
}

/** The deviation s of the difference of two samples, s² = SE² (n1 + n2), SE² = s1²/n1 + s2²/n2. */
export const pooledDeviation = (first: { readonly n: number; readonly deviation: number }, second: { readonly n: number; readonly deviation: number }): number =>
  Math.sqrt((first.deviation ** 2 / first.n + second.deviation ** 2 / second.n) * (first.n + second.n));

/** E = exp(ρ² t² / (2 (nρ² + 1))) / sqrt(nρ² + 1), t² = (estimate − null)² n² / s². */
export function evidenceAgainst(estimate: number, nullValue: number, { n, deviation, alpha, tightest }: SequenceOptions): number {
  const rho2 = rhoOf(alpha, tightest) ** 2;
  const grown = n * rho2 + 1;
  const t2 = ((estimate - nullValue) * n / deviation) ** 2;
  return Math.min(Math.exp((rho2 * t2) / (2 * grown) - Math.log(grown) / 2), Number.MAX_VALUE);
}

/** The p-value that may be looked at any time: min(1, 1/E). */
export const sequentialP = (estimate: number, nullValue: number, options: SequenceOptions): number =>
  Math.min(1, 1 / evidenceAgainst(estimate, nullValue, options));
