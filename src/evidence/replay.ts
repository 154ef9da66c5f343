/** The replay sample: sequences of live traffic, kept for tuning. */

/** One training sequence: a whole session block where state is carried, one request where it is reset. */
export interface ReplayItem {
  /** Stable id (session and block); its hash decides which items are kept. */
  readonly id: string;
  /** Token ids, [steps]. */
  readonly inputs: Int32Array;
  /** Label ids, [steps] for tag and [1] for classify, −1 where no label came; null where none came at all. */
  readonly targets: Int32Array | null;
}
