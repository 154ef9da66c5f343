/** Where a training stands: all that the next step depends on, so that it goes on to the bit. */
import type { ReplayItem } from '../evidence/replay.ts';
import type { Weights } from '../model/shape.ts';
import type { HeldState } from './network.ts';
import type { OptimizerState } from './optimizer.ts';
import type { Probed } from './probe-rate.ts';

/** The best weights so far by their loss on held-out items. */
export interface Best { readonly step: number; readonly loss: number; readonly weights: Weights }

export interface TrainingState {
  /** Optimizer steps done; batches and drop-out are functions of it and of the seed. */
  readonly step: number;
  /** Time and steps of time spent so far. */
  readonly seconds: number;
  readonly tokens: number;
  /** Peak learning rate, and the trials by which it was chosen. */
  readonly rate: number;
  readonly probed: readonly Probed[];
  readonly optimizer: OptimizerState;
  /** Carried from batch to batch; null where every batch starts at zero. */
  readonly student: HeldState | null;
  readonly teacher: HeldState | null;
  readonly best: Best | null;
  /** Looks at the held-out items without a better loss. */
  readonly misses: number;
}

/** Keeps states of a training, for whoever takes it up after a kill. */
export interface Checkpointing {
  /** Milliseconds between two. */
  readonly everyMs: number;
  write(state: TrainingState): Promise<void>;
}

/** What fine-tuning may be given beside its plan. */
export interface Continuation {
  /** Never trained on; needed for the choice of a learning rate and for an early end. */
  readonly heldOut?: readonly ReplayItem[];
  /** A state to go on from; the start is then not looked at. */
  readonly from?: TrainingState | null;
  readonly checkpoints?: Checkpointing;
}
