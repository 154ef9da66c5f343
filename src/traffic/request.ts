import type { ModelId } from '../model/model.ts';

/** One sequence to be answered. `text`, `tokens` or `frames` on the wire; here token ids or frames. */
export interface Request {
  readonly id: string;
  readonly session: string;
  /** Position of this sequence within its session, from 0; informative. */
  readonly sequence: number;
  /** Token ids, [steps]; or frames, [steps · inputs], where the model has no vocabulary. */
  readonly inputs: Int32Array | Float32Array;
  /** When the request was made, milliseconds since the epoch. */
  readonly at: number;
}

/** What the world found to be true; may be late, absent, doubled. */
export interface Label {
  readonly id: string;
  readonly session: string;
  /** Label ids: [steps] for tag, [1] for classify; -1 where a name is unknown to the model (always counted wrong). Empty for regress. */
  readonly target: Int32Array;
  /** regress: the numbers, [outputs]. */
  readonly values?: Float32Array;
  readonly at: number;
}

export type Role = 'champion' | 'challenger' | 'anchor' | 'predecessor';
export type Arm = 'champion' | 'challenger';

export interface Prediction {
  readonly id: string;
  readonly session: string;
  /** Label ids: [steps] for tag, [1] for classify; token ids, [steps], for next; [0] for regress. */
  readonly labels: Int32Array;
  /** regress: the numbers, [outputs]. */
  readonly values?: Float32Array | null;
  /** Mean over the steps of the soft-max probability of the chosen label; 1 for regress. */
  readonly confidence: number;
  /** Where more than one label was asked for: of each answer the likeliest ones, [labels.length, top], with their soft-max probabilities. */
  readonly ranked?: { readonly top: number; readonly labels: Int32Array; readonly probabilities: Float32Array } | null;
  readonly model: ModelId;
  readonly arm: Arm;
  readonly at: number;
}
