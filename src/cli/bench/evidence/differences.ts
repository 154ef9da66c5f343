/** What arms differ by, paired by seed: both members of a pair saw the same intents, the same sequences and the same steps. */

/** A figure of a run, as far as differences need it. */
export interface Scored {
  readonly part: 'prune' | 'shift';
  readonly seed: number;
  /** Intents that are served. */
  readonly intents: number;
  readonly density: number;
  readonly arm: string;
  readonly trained: boolean;
  /** Shares of right answers: on the intents that are served now; on the same, where only classes that they use can be answered; on all. */
  readonly live: number;
  readonly asked: number;
  readonly all: number;
}

export type Measure = 'live' | 'asked' | 'all';

export interface Pair { readonly what: string; readonly part: Scored['part']; readonly first: string; readonly second: string; readonly measure: Measure }

export interface Difference {
  readonly what: string;
  readonly measure: Measure;
  readonly intents: number;
  readonly density: number;
  readonly trained: boolean;
  readonly seeds: number;
  /** First minus second, shares. */
  readonly mean: number;
  /** 95 % interval by Student's t over the seeds; null with fewer than two. */
  readonly low: number | null;
  readonly high: number | null;
  readonly coversZero: boolean | null;
}

/** 97.5 % quantiles of Student's t for 1 to 9 degrees of freedom, the last one for more (a little too wide). */
const QUANTILES = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

/** Mean and 95 % interval of numbers that are independent and near to normal. */
export function intervalOf(values: readonly number[]): Pick<Difference, 'mean' | 'low' | 'high' | 'coversZero'> {
  const n = values.length, mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { mean, low: null, high: null, coversZero: null };
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
  const half = (QUANTILES[n - 2] ?? QUANTILES.at(-1)!) * deviation / Math.sqrt(n), low = mean - half, high = mean + half;
  return { mean, low, high, coversZero: low <= 0 && high >= 0 };
}

const distinct = <T>(values: readonly T[]): readonly T[] => [...new Set(values)];

/** For each pair, width of the traffic, density and state of training that has rows of both arms. */
export function differencesOf(rows: readonly Scored[], pairs: readonly Pair[]): readonly Difference[] {
  return pairs.flatMap(({ what, part, first, second, measure }) => distinct(rows.map(({ intents }) => intents)).flatMap((intents) =>
    distinct(rows.map(({ density }) => density)).flatMap((density) => [false, true].flatMap((trained): Difference[] => {
      const of = (arm: string): readonly Scored[] => rows.filter((row) => row.part === part && row.intents === intents && row.density === density && row.trained === trained && row.arm === arm);
      const others = new Map(of(second).map((row) => [row.seed, row[measure]]));
      const values = of(first).flatMap((row) => (others.has(row.seed) ? [row[measure] - others.get(row.seed)!] : []));
      return values.length === 0 ? [] : [{ what, measure, intents, density, trained, seeds: values.length, ...intervalOf(values) }];
    }))));
}
