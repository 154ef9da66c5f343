/**
 * The state of the loop: the journal folded, and nothing else. Pure data, JSON-safe, bounded: what it does not keep it
 * counts. `fold` is in `fold.ts`.
 */
import { assert } from '../errors.ts';
import type { Fact, Outcome } from '../facts.ts';
import type { Duel, Tally } from '../evidence/evidence.ts';
import type { ModelId } from '../model/model.ts';
import type { CandidateReport, Granularity } from '../pruning/job.ts';
import type { Roster } from '../rollout/roster.ts';
import { firstRoster } from '../rollout/roster.ts';
import type { Order } from './orders.ts';
import type { Policy } from './policy.ts';
import type { Search } from './search.ts';
import { SEARCH_BEGINS } from './search.ts';

export type Phase = 'gather' | 'tune' | 'enlist' | 'shadow' | 'rung' | 'rest';

/** Where a candidate is on its way; each -ing waits for the answer to an order. */
export type Stage = 'tuning' | 'tuned' | 'enlisting' | 'enlisted' | 'entering' | 'shadow' | 'certified' | 'climbing' | 'rung' | 'promoting' | 'promoted';

/** The numbers of a decision: see `Judgement`. */
export interface Numbers {
  readonly blocks: number;
  readonly difference: number | null;
  readonly certify: number;
  readonly harm: number;
  readonly bar: number;
}

/** One candidate, from the tuning order to the decision about it. */
export interface Trial {
  readonly cycle: number;
  /** Id of the tuning job. */
  readonly job: string;
  /** What was ordered to go, and the share that was to be left: of the connections, or of the parent's units. */
  readonly granularity: Granularity;
  readonly density: number;
  /** Measured speed in those of the anchor; null where it was not measured. */
  readonly times: number | null;
  readonly stage: Stage;
  readonly model: ModelId | null;
  readonly report: CandidateReport | null;
  /** When it entered the shadow, or its present rung, milliseconds since the epoch; 0 before. */
  readonly since: number;
  /** Its number among all candidates that entered the shadow, from 1: spends α; 0 before. */
  readonly candidate: number;
  /** Blocks that the guard had seen when the present rung was entered. */
  readonly blocksBefore: number;
  readonly certificate: Numbers | null;
  /** Whether "worse at all" was warned of. */
  readonly warned: boolean;
  /** Who promoted it by hand. */
  readonly forced: string | null;
  /** Why it cannot go on; decided next. */
  readonly failure: string | null;
}

/** The time in which the former champion can come back. */
export interface Probation {
  /** Cycle of the present champion. */
  readonly cycle: number;
  readonly since: number;
  /** Density, share of the units and measured speed of the predecessor; what went between it and the champion. */
  readonly density: number;
  readonly unitShare: number;
  readonly times: number | null;
  readonly granularity: Granularity;
  /** Who asked for the return by hand. */
  readonly aborted: string | null;
  /** Decided: the predecessor comes back. */
  readonly over: boolean;
}

/** References into the vault, oldest first; `total` counts what they hold, `dropped` the references given up. */
export interface Gathered {
  readonly refs: readonly { readonly ref: string; readonly count: number }[];
  readonly total: number;
  readonly dropped: number;
}

export interface Decision extends Numbers {
  readonly at: number;
  readonly candidate: ModelId | null;
  readonly cycle: number;
  readonly outcome: Outcome;
  readonly reason: string;
}

export interface LoopState {
  /** When the journal began, milliseconds since the epoch; null before its first fact. */
  readonly begun: number | null;
  readonly phase: Phase;
  readonly paused: boolean;
  /** Tuning jobs ordered so far. */
  readonly cycle: number;
  /** The last roster that serving confirmed. */
  readonly roster: Roster;
  /** Highest roster version ever ordered; serving ignores a lower one, so a late answer undoes nothing. */
  readonly version: number;
  /** Whether a route order was given up since, so that serving may or may not follow it; routed again from `retryAt` on. */
  readonly uncertain: boolean;
  readonly retryAt: number;
  /** No new job before this time, milliseconds since the epoch: a trainer that fails at once does not burn all cycles. */
  readonly tuneFrom: number;
  /** Models that serving has loaded. */
  readonly enlisted: readonly ModelId[];
  /** Models that serving may have loaded though their order was given up; to be retired. */
  readonly doubtful: readonly ModelId[];
  /** Orders given and not yet answered. */
  readonly orders: readonly Order[];
  /** Orders ever given; numbers the next. */
  readonly given: number;
  /** Candidates that ever entered the shadow. */
  readonly candidates: number;
  readonly trial: Trial | null;
  readonly probation: Probation | null;
  /** Density of the champion, and the one refused last since it became champion. */
  readonly density: number;
  readonly refusedDensity: number | null;
  readonly search: Search;
  /** Measured speed of the champion in those of the anchor; null where it was not measured. */
  readonly times: number | null;
  /** Why no more jobs are ordered; null while there are. */
  readonly rested: string | null;
  /** Whether the champion, kept after its probation, was found worse than the anchor by more than the margin. */
  readonly drifted: boolean;
  readonly margin: number;
  /** Jobs after which the loop rests, as the journal's first fact says; what counts for `decide` is the policy. */
  readonly cyclesMax: number;
  /** By `duelKey`, of enlisted models only. */
  readonly duels: Readonly<Record<string, Duel>>;
  /** By `tallyKey`, of enlisted models only. */
  readonly tallies: Readonly<Record<string, Tally>>;
  /** Sampled vectors of the champion, and replay items. */
  readonly moments: Gathered;
  readonly replay: Gathered;
  /** The newest decisions, oldest first. */
  readonly decisions: readonly Decision[];
  readonly counts: {
    readonly promotions: number;
    /** Candidates refused, rolled back or without enough evidence. */
    readonly refusals: number;
    /** Candidates lost to a failure. */
    readonly failures: number;
    /** Champions rolled back in their probation. */
    readonly returns: number;
    /** Orders given up or failed. */
    readonly ordersFailed: number;
    /** Duels and tallies left out: of models not enlisted, at another margin, or damaged. */
    readonly evidenceDropped: number;
  };
}

/** References kept of each kind: the newest moments describe the traffic of now, replay is worth keeping longer. */
export const MOMENTS_REFS_MAX = 64;
export const REPLAY_REFS_MAX = 256;
export const DECISIONS_MAX = 32;
export const DOUBTFUL_MAX = 16;
/** Pauses after a failed route order, and after a candidate that was lost to a failure. */
export const ROUTE_RETRY_MS = 1000;
export const TUNE_RETRY_MS = 5000;

export const NOTHING_GATHERED: Gathered = { refs: [], total: 0, dropped: 0 };

/** Relations between the limits of the policy; a broken one is a programmer's mistake (config checks what users write). */
export function checkPolicy(policy: Policy): void {
  assert(policy.density > 0 && policy.density <= 1, '0 < density <= 1');
  assert(policy.margin > 0 && policy.margin < 0.25 && policy.alpha > 0 && policy.alpha < 1, '0 < margin < 0.25 (the grid of stakes), 0 < alpha < 1');
  assert(policy.cycles >= 1 && policy.cyclesMax >= policy.cycles, '1 <= cycles <= cyclesMax');
  assert(policy.anchorShare > 0 && policy.shadowShare > 0, 'anchorShare and shadowShare > 0: without them the gate has nothing to compare');
  assert(policy.goal !== 'speed' || (policy.speedup ?? 0) > 1, 'the goal speed has a speedup > 1');
  assert(policy.rungs.every(({ share }, at) => share > (policy.rungs[at - 1]?.share ?? 0) && share <= 1), 'the shares of the rungs rise, up to 1');
  assert(policy.training.secondsMax * 1000 <= policy.tuneMsMax, 'training.secondsMax <= tuneMsMax: a job ends before it is given up');
}

/** The state before the first fact: one dense model, champion and anchor at once, enlisted and routed. */
export function initialState(policy: Policy, start: { readonly champion: ModelId; readonly salt: string; readonly density?: number }): LoopState {
  checkPolicy(policy);
  return emptyState(firstRoster(start.champion, start.salt, policy), start.density ?? 1, policy);
}

export const emptyState = (roster: Roster, density: number, { margin, cyclesMax }: Pick<Policy, 'margin' | 'cyclesMax'>): LoopState => ({
  begun: null, phase: 'gather', paused: false, cycle: 0,
  roster, version: roster.version, uncertain: false, retryAt: 0, tuneFrom: 0,
  enlisted: [...new Set([roster.champion, roster.anchor])], doubtful: [], orders: [], given: 0,
  candidates: 0, trial: null, probation: null, density, refusedDensity: null, search: SEARCH_BEGINS, times: null, rested: null, drifted: false, margin, cyclesMax,
  duels: {}, tallies: {}, moments: NOTHING_GATHERED, replay: NOTHING_GATHERED, decisions: [],
  counts: { promotions: 0, refusals: 0, failures: 0, returns: 0, ordersFailed: 0, evidenceDropped: 0 },
});

/** The fact that begins the journal of a state. */
export const startFact = (state: LoopState, at: number, instance: string): Fact =>
  ({ kind: 'loop-started', roster: state.roster, density: state.density, margin: state.margin, cyclesMax: state.cyclesMax, v: 1, at, instance });
