/** What happens in one simulated run: everything is drawn from the seed, so the seed is the whole bug report. */
import type { Policy } from '../../loop/policy.ts';
import type { ServingLimits } from '../../serving/limits.ts';
import { randomFrom } from '../../support/random.ts';
import type { WorldPlan } from '../../traffic/world.ts';

export const START_MS = 1_700_000_000_000;
export const OUTPUTS = 4;
/** Error probability of the gate, the same in every run. */
export const ALPHA = 0.05;

/** circle: one process as `espalier demo` runs it. apart: serving and the loop die and begin again on their own. */
export type Topology = 'circle' | 'apart' | 'two-steers';

export type FaultKind = 'kill-serving' | 'kill-loop' | 'kill-all' | 'second-loop' | 'clock-step' | 'vault-full' | 'vault-missing' | 'log-full' | 'engine-fails' | 'engine-slow' | 'pause' | 'abort' | 'promote';

export interface Fault {
  readonly kind: FaultKind;
  readonly at: number;
  /** How long it lasts, for a killed process how long it is away; milliseconds. */
  readonly ms: number;
  /** Step of the clock, milliseconds. */
  readonly size: number;
}

/** What a tuning job comes to. */
export type Outcome =
  /** Loses `loss` margins against the anchor, or against its parent where `salami`; in all phases, or from `fromPhase` on. */
  | 'honest'
  /** As bad as `honest`, and the examination does not see it. */
  | 'hidden'
  | 'salami' | 'drifting' | 'wrong-density' | 'corrupt' | 'missing' | 'same' | 'not-a-number' | 'parity' | 'fails' | 'crashes' | 'silent' | 'late';

export interface Plan {
  readonly seed: number;
  readonly topology: Topology;
  readonly world: WorldPlan;
  readonly limits: ServingLimits;
  readonly policy: Policy;
  readonly faults: readonly Fault[];
  /** Outcomes of the tuning jobs by weight. */
  readonly outcomes: readonly (readonly [Outcome, number])[];
  /** Accuracy of the anchor, and share of the steps in which two models err independently. */
  readonly accuracy: number;
  readonly independent: number;
  /** Bounds on the latency of the log, of the engine, and of a training, milliseconds. */
  readonly logMsMax: number;
  readonly engineMsMax: number;
  readonly trainMsMax: number;
}

const FAULTS: Readonly<Record<Topology, readonly FaultKind[]>> = {
  'circle': ['kill-all', 'kill-all', 'clock-step', 'vault-full', 'vault-missing', 'log-full', 'engine-fails', 'engine-slow', 'pause', 'abort'],
  'apart': ['kill-serving', 'kill-serving', 'kill-loop', 'kill-loop', 'kill-all', 'clock-step', 'vault-full', 'vault-missing', 'log-full', 'engine-fails', 'engine-slow', 'pause', 'abort', 'promote'],
  'two-steers': ['second-loop', 'second-loop', 'kill-serving', 'kill-loop', 'engine-fails'],
};

/** Drawn from the seed alone. */
export function planOf(seed: number): Plan {
  const random = randomFrom(seed);
  const between = (from: number, to: number): number => from + random() * (to - from);
  const whole = (from: number, to: number): number => Math.floor(between(from, to + 1));
  const one = <T>(of: readonly T[]): T => of[whole(0, of.length - 1)]!;
  const topology = one(['circle', 'apart', 'apart', 'apart', 'two-steers'] as const);
  const calm = random() < 0.15, chaos = random() < 0.5, marathon = random() < 0.05;
  const share = (max: number): number => (chaos ? random() * max : 0);
  const lengthMs = marathon ? 130_000 : whole(15, 45) * 1000;
  const world: WorldPlan = {
    seed: seed + 0.5 * 2 ** 32, startMs: START_MS, lengthMs, rate: marathon ? 16 : between(12, 30), openSessions: whole(2, 12), sessionRequestsMax: whole(2, 9), stepsMax: whole(1, 3),
    phases: one([1, 1, 2, 3]), outputs: OUTPUTS, burst: marathon ? 1 : one([1, 4, 12]), burstMs: 1500, burstEveryMs: 15_000, labelMs: marathon ? 100 : whole(50, 1500), lateMs: 9000,
    shares: { lost: share(0.2), late: share(0.1), early: share(0.1), doubledLabel: share(0.1), conflict: share(0.1), doubledRequest: share(0.05), unreadable: share(0.03) },
  };
  const limits = limitsOf(whole, one), policy = { ...policyOf(seed, one([0.1, 0.15, 0.2]), whole, one), ...goalOf(seed) };
  return {
    seed, topology, world,
    limits: marathon ? { ...limits, blockRequestsMax: 1, unsettledMax: 96, batchMax: 16, pendingMax: 4000, shadowWaitingMax: 400 } : limits,
    policy: marathon ? { ...policy, margin: 0.2, rungs: [{ share: 1, blocksMin: 3, msMin: 0 }], probationBlocks: 0, anchorShare: 1, shadowShare: 1, cycles: 12, cyclesMax: 18 } : policy,
    faults: calm ? [] : Array.from({ length: whole(1, 7) }, () => ({ kind: one(FAULTS[topology]), at: START_MS + whole(1000, lengthMs), ms: one([0, 50, 500, 3000, 12_000]), size: one([-60_000, -1500, 1500, 60_000]) })).sort((a, b) => a.at - b.at),
    outcomes: marathon ? PROMISING : one([MIXED, PROMISING, BROKEN, BAD]),
    accuracy: between(0.8, 0.95), independent: between(0.02, 0.15), logMsMax: one([0, 2, 20]), engineMsMax: one([0, 2, 12]), trainMsMax: marathon ? 500 : one([500, 2000, 8000]),
  };
}

const MIXED = [['honest', 4], ['hidden', 2], ['salami', 1], ['drifting', 2], ['wrong-density', 1], ['corrupt', 1], ['missing', 1], ['same', 1], ['not-a-number', 1], ['parity', 1], ['fails', 1], ['crashes', 1], ['silent', 1], ['late', 1]] as const;
const PROMISING = [['salami', 6], ['honest', 2]] as const;
const BROKEN = [['fails', 2], ['crashes', 2], ['silent', 1], ['late', 1], ['corrupt', 2], ['missing', 2], ['honest', 2]] as const;
const BAD = [['hidden', 8], ['drifting', 1], ['honest', 1]] as const;

/** Drawn beside the rest, which stays as it was before there were goals. */
function goalOf(seed: number): Pick<Policy, 'goal' | 'speedup'> {
  const random = randomFrom(seed + 0.25 * 2 ** 32), drawn = random();
  return drawn < 0.5 ? { goal: 'density' } : drawn < 0.8 ? { goal: 'loss' } : { goal: 'speed', speedup: 1.01 + random() };
}

type Whole = (from: number, to: number) => number;
type One = <T>(of: readonly T[]) => T;

function limitsOf(whole: Whole, one: One): ServingLimits {
  const unsettledMax = one([4, 24, 96]);
  return {
    unsettledMax, batchMax: Math.min(unsettledMax, one([1, 4, 16])), shadowWaitingMax: one([8, 48, 400]), stepsMax: 8, requestBytesMax: 4096, sessionsMax: 4000, sessionIdleMsMax: 600_000,
    labelWaitMs: 6000, pendingMax: unsettledMax + one([40, 400, 4000]), evidenceEveryMs: 500, bulkEveryMs: 1000, sampleEvery: 3, replayItemsMax: 60,
    blockRequestsMax: whole(1, 3), blockIdleMs: 1500, statesDurable: true,
  };
}

function policyOf(seed: number, margin: number, whole: Whole, one: One): Policy {
  return {
    seed, density: 0.1, cycles: whole(1, 4), cyclesMax: whole(4, 10), criterion: 'obs', scope: 'network', reconstruct: true,
    training: { steps: 10, lanes: 4, window: 4, learningRate: 0.001, labelShare: 0.5, temperature: 2, dropout: 0, heldOut: 0.1, secondsMax: 8 },
    momentsVectorsMin: 10, replayItemsMin: 5, rehearsal: [], margin, alpha: ALPHA, anchorShare: one([0.5, 1]), shadowShare: one([0.5, 1]),
    rungs: one([[{ share: 1, blocksMin: 3, msMin: 0 }], [{ share: 0.3, blocksMin: 4, msMin: 500 }, { share: 1, blocksMin: 4, msMin: 0 }], [{ share: 0.5, blocksMin: 25, msMin: 1000 }]]),
    probationBlocks: one([0, 6, 80]), probationMsMax: 6000, tuneMsMax: 10_000, enlistMsMax: 3000, routeMsMax: 2000, trialMsMax: one([8000, 20_000]),
  };
}
