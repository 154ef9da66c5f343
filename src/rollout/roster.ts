import type { ModelId } from '../model/model.ts';

/** Who answers. Immutable and versioned: the only thing that flows back to serving. */
export interface Roster {
  readonly version: number;
  readonly champion: ModelId;
  /** The model on trial. */
  readonly challenger: ModelId | null;
  /** Share of the sessions that the challenger answers (A/B), 0 to 1. */
  readonly share: number;
  /** Share of the sessions that the challenger answers in shadow, 0 to 1. */
  readonly shadow: number;
  /** The last dense model; every accuracy budget is counted from it. */
  readonly anchor: ModelId;
  /** Share of the sessions that the anchor answers in shadow, 0 to 1. */
  readonly anchorShare: number;
  /** The former champion, in shadow during the probation of the present one. */
  readonly predecessor: ModelId | null;
  /** Seed of the assignment of sessions to arms and shares. */
  readonly salt: string;
}
