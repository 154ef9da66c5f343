/** How the demonstration spends its minutes. Pure. */
import type { TrainingPlan } from '../../pruning/job.ts';
import type { Goal, Policy } from '../../loop/policy.ts';
import type { ServingLimits } from '../../serving/limits.ts';

export interface DemoOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly units: number;
  readonly density: number;
  /** density where left out. */
  readonly goal?: Extract<Goal, 'density' | 'loss'>;
}

export interface DemoPlan {
  readonly options: DemoOptions;
  /** Seconds for the dense training, for live traffic, and at the end for the measurements. */
  readonly trainSeconds: number;
  readonly liveSeconds: number;
  readonly requestsPerSecond: number;
  readonly denseTraining: TrainingPlan;
  readonly policy: Policy;
  readonly limits: ServingLimits;
}

/** Width of the embedding. */
export const INPUTS = 100;
/** Sessions open at a time. */
export const OPEN = 96;
/** Mean delay of a label, milliseconds. */
export const LABEL_DELAY_MS = 1_500;
const MEASURE_SECONDS = 30;
/** More than this the embedded log and two cores should not be asked for while they also train. */
const REQUESTS_PER_SECOND_MAX = 400;

const training = (over: Partial<TrainingPlan>): TrainingPlan => ({
  steps: 600, lanes: 64, window: 24, learningRate: 4e-3, labelShare: 0.5, temperature: 2, dropout: 0.1, heldOut: 0.1, secondsMax: 60, ...over,
});

/** @param liveRequests requests that the live part of the corpus holds */
export function planDemo(options: DemoOptions, liveRequests: number): DemoPlan {
  const total = options.minutes * 60;
  const trainSeconds = 0.17 * total;
  const liveSeconds = Math.max(60, total - trainSeconds - MEASURE_SECONDS - 0.02 * total);
  const cycles = options.minutes < 6 ? 2 : 3;
  const tuneSeconds = 0.1 * liveSeconds;
  return {
    options, trainSeconds, liveSeconds,
    requestsPerSecond: Math.min(REQUESTS_PER_SECOND_MAX, liveRequests / liveSeconds),
    denseTraining: training({ steps: 1_500, learningRate: 4e-3, labelShare: 1, dropout: 0.4, heldOut: 0.02, secondsMax: trainSeconds }),
    policy: {
      seed: options.seed, goal: options.goal ?? 'density', density: options.density, cycles, cyclesMax: 12, criterion: 'obs', scope: 'network', reconstruct: true,
      training: training({ secondsMax: tuneSeconds }),
      momentsVectorsMin: 3_000, replayItemsMin: 120, rehearsal: [], margin: 0.01, alpha: 0.05, anchorShare: 1, shadowShare: 1,
      rungs: [{ share: 0.1, blocksMin: 10, msMin: 1_500 }, { share: 0.5, blocksMin: 20, msMin: 1_500 }, { share: 1, blocksMin: 20, msMin: 1_500 }],
      probationBlocks: 150, probationMsMax: 30_000, tuneMsMax: 1_000 * (3 * tuneSeconds + 60), enlistMsMax: 30_000, routeMsMax: 5_000,
      trialMsMax: 1_000 * 0.45 * liveSeconds,
    },
    limits: {
      unsettledMax: 512, batchMax: 128, shadowWaitingMax: 8_192, stepsMax: 2_000, requestBytesMax: 65_536, sessionsMax: 20_000, sessionIdleMsMax: 120_000,
      labelWaitMs: 30_000, pendingMax: 40_000, evidenceEveryMs: 500, bulkEveryMs: 3_000, sampleEvery: 8, replayItemsMax: 4_000,
      blockRequestsMax: 10, blockIdleMs: 15_000, statesDurable: true,
    },
  };
}
