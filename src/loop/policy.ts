/** What the operator wants of the loop. Pure data; `config/compile` makes it. */
import type { CriterionName, DeviceDemand, Granularity, RankingScope, TrainingPlan } from '../pruning/job.ts';

export interface Rung {
  /** Share of the sessions that the challenger answers, above 0, at most 1. */
  readonly share: number;
  /** Blocks of sessions judged in this rung before the next one. */
  readonly blocksMin: number;
  readonly msMin: number;
}

/**
 * density: that of connections, by a schedule. loss: the fastest model that stays within the margin. speed: the same, until
 * it is `speedup` times as fast as the anchor, measured.
 */
export type Goal = 'density' | 'loss' | 'speed';

export interface Policy {
  readonly seed: number;
  /** density where left out. */
  readonly goal?: Goal;
  /** For the goal speed: how many times the anchor's lane-steps a second. */
  readonly speedup?: number;
  /** Density of connections that the cycles approach by the cubic schedule (Zhu & Gupta 2017). */
  readonly density: number;
  /** Cycles in which `density` is reached. */
  readonly cycles: number;
  /** Cycles after which the loop rests (no more jobs); refused candidates count. */
  readonly cyclesMax: number;
  readonly criterion: CriterionName;
  readonly scope: RankingScope;
  /** What goes where it is not units; connection where left out. */
  readonly granularity?: Extract<Granularity, 'connection' | 'g4'>;
  /** Share of the alive connections that each cycle may exchange for dead ones; none where left out. At the final density the mask then follows the traffic. */
  readonly regrow?: number;
  readonly reconstruct: boolean;
  readonly training: TrainingPlan;
  /** What the jobs demand of the process that does them; any where left out. */
  readonly device?: DeviceDemand;
  /** Sampled vectors of moments of the champion, and replay items, before a job is ordered. */
  readonly momentsVectorsMin: number;
  readonly replayItemsMin: number;
  /** Samples in the vault that every job trains on beside the live ones, so that what is rare in today's traffic is not forgotten. */
  readonly rehearsal: readonly string[];
  /** Accuracy budget of the whole lineage against the anchor, as a share of steps (0.01 = one point). */
  readonly margin: number;
  /** Error probability of a false certificate, spent over all candidates: α_k = 6α / (π² k²). */
  readonly alpha: number;
  readonly anchorShare: number;
  /** Share of the sessions that a challenger answers in shadow. */
  readonly shadowShare: number;
  readonly rungs: readonly Rung[];
  /** Blocks for which the former champion stays in shadow after the last rung, and the bound on that time. */
  readonly probationBlocks: number;
  readonly probationMsMax: number;
  readonly tuneMsMax: number;
  readonly enlistMsMax: number;
  readonly routeMsMax: number;
  /** Deadline of the shadow phase; no certificate by then: not enough evidence. */
  readonly trialMsMax: number;
}
