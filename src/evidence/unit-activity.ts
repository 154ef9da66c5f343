/**
 * How active the units of a layer are: Σ |h| and Σ h² over every step that was served, not over samples only. A commutative
 * monoid like the rest of the evidence. A unit whose h hardly leaves zero says nothing: it is dead weight, and shows at once.
 */
export interface UnitActivity {
  /** Steps of all sequences. */
  readonly steps: number;
  /** Σ |h| and Σ h² of each unit. */
  readonly abs: readonly number[];
  readonly squares: readonly number[];
}

/** Root mean square of h below which a unit counts as dead; h of a live one is some tenths. */
export const DEAD_RMS = 1e-3;

/** The zero of `mergeActivity`. */
export const noActivity = (units: number): UnitActivity => ({ steps: 0, abs: new Array<number>(units).fill(0), squares: new Array<number>(units).fill(0) });

/** The sum of two reports on the same layer of the same model: commutative, and associative up to rounding. */
export const mergeActivity = (a: UnitActivity, b: UnitActivity): UnitActivity =>
  ({ steps: a.steps + b.steps, abs: a.abs.map((sum, j) => sum + b.abs[j]!), squares: a.squares.map((sum, j) => sum + b.squares[j]!) });

/** √(Σ h² / steps) of each unit; empty where nothing was seen. */
export const rmsOf = ({ steps, squares }: UnitActivity): readonly number[] => (steps === 0 ? [] : squares.map((sum) => Math.sqrt(sum / steps)));

/** Indices of the units that are dead. */
export const deadUnits = (activity: UnitActivity): readonly number[] => rmsOf(activity).flatMap((rms, j) => (rms < DEAD_RMS ? [j] : []));
