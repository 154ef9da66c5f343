/** The limits of the serving line; unit and bound are last in each name. Relations are asserted in `checkLimits`. */
import { assert } from '../errors.ts';

export interface ServingLimits {
  /** Deliveries taken from the log and not yet settled. */
  readonly unsettledMax: number;
  /** Labels of each answer that goes out with its probability, 1 to 16; 1 where left out. */
  readonly top?: number;
  /** Sequences of one engine call. */
  readonly batchMax: number;
  /** Shadow requests that may wait; more are dropped and counted. */
  readonly shadowWaitingMax: number;
  /** Steps of one request. */
  readonly stepsMax: number;
  readonly requestBytesMax: number;
  /** Sessions whose state is kept; the least recently used goes first. */
  readonly sessionsMax: number;
  readonly sessionIdleMsMax: number;
  /** Label horizon: how long a prediction waits for its label, and a label for its request. */
  readonly labelWaitMs: number;
  /** Predictions and labels that wait for one another. */
  readonly pendingMax: number;
  readonly evidenceEveryMs: number;
  /** Moments and replay sample are stored in the vault and reported this often. */
  readonly bulkEveryMs: number;
  /** One step in `sampleEvery` is sampled for the moments. */
  readonly sampleEvery: number;
  readonly replayItemsMax: number;
  /** Requests of one block of a session, the unit of observation of the gate. */
  readonly blockRequestsMax: number;
  readonly blockIdleMs: number;
  /** regress: largest error of a number that still counts as right, in the unit of the numbers; 0.1 where left out. */
  readonly errorMax?: number;
  /** Whether changed session states are written to the `states` topic with each transaction. */
  readonly statesDurable: boolean;
}

export function checkLimits(limits: ServingLimits): void {
  assert(limits.batchMax <= limits.unsettledMax, 'batchMax <= unsettledMax: a batch forms from what is unsettled');
  assert(limits.unsettledMax <= limits.pendingMax, 'unsettledMax <= pendingMax: every prediction may wait for its label');
  assert(limits.blockRequestsMax >= 1 && limits.blockRequestsMax <= 10, 'blockRequestsMax in 1..10 (statistics: one observation is a block of at most ten requests)');
  assert(limits.sampleEvery >= 1, 'sampleEvery >= 1');
}
