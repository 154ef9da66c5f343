/** The next tuning job: which density, from what. */
import { densityOf } from '../pruning/schedule.ts';
import type { CandidateReport, TuningJob } from '../pruning/job.ts';
import type { Policy } from './policy.ts';
import type { LoopState, Trial } from './state.ts';

/** A density this close to another, relative to it, is the same step of the schedule. */
const SAME_DENSITY = 0.02;
/** Alive connections that a candidate may have above what was ordered, relative: choose rounds to whole connections. */
const DENSITY_TOLERANCE = 0.01;
/** Largest difference of h between packed kernel and TensorFlow, both in single precision. */
export const PARITY_MAX = 1e-4;
/** Margins by which the examination may see a candidate below its parent before traffic is spent on it. */
export const COLLAPSE_MARGINS = 3;

/**
 * The first density of the cubic schedule clearly below the champion's; the final one where there is none. After a
 * refusal, halfway from the refused density back to the champion's; a champion so won goes on towards the same step.
 */
export function nextDensity({ density, refusedDensity }: Pick<LoopState, 'density' | 'refusedDensity'>, { cycles, density: final }: Pick<Policy, 'cycles' | 'density'>): number {
  if (refusedDensity !== null && refusedDensity < density) return (density + refusedDensity) / 2;
  for (let cycle = 1; cycle < cycles; cycle++) {
    const step = densityOf(cycle, cycles, final);
    if (step < density * (1 - SAME_DENSITY)) return step;
  }
  return Math.min(final, density);
}

/** Whether enough was gathered, and no more jobs than wanted were ordered. */
export const readyToTune = (state: LoopState, policy: Policy, now: number): boolean =>
  state.cycle < policy.cyclesMax && now >= state.tuneFrom && state.moments.total >= policy.momentsVectorsMin && state.replay.total >= policy.replayItemsMin;

export function nextJob(state: LoopState, policy: Policy): TuningJob {
  const cycle = state.cycle + 1;
  const { champion, anchor } = state.roster;
  const { criterion, scope, reconstruct, training, device = 'any', granularity = 'connection', regrow = 0 } = policy;
  return {
    id: `job-${cycle}`, cycle, seed: policy.seed + cycle,
    parent: champion, teacher: anchor, anchor,
    replay: [...policy.rehearsal, ...state.replay.refs.map(({ ref }) => ref)], moments: state.moments.refs.map(({ ref }) => ref),
    density: nextDensity(state, policy), criterion, scope, ...(granularity === 'connection' ? {} : { granularity }), ...(regrow > 0 ? { regrow } : {}), reconstruct, training,
    trainedOn: `live traffic: ${state.replay.total} replay sequences, ${state.moments.total} sampled vectors of ${champion.slice(0, 8)}`,
    device,
  };
}

/** Why a candidate is not worth any traffic, in words; null where it is. A number that is missing or NaN is a reason. */
export function refusalOf(state: LoopState, trial: Trial, report: CandidateReport): string | null {
  const { model, density } = trial;
  const { champion, anchor, challenger, predecessor } = state.roster;
  if (model === null || [champion, anchor, challenger, predecessor].includes(model)) return 'the same model as one that already serves';
  if (!atMost(report.parity, PARITY_MAX)) return `packed kernel and TensorFlow differ by ${report.parity} (at most ${PARITY_MAX})`;
  if (!atMost(report.density, density * (1 + DENSITY_TOLERANCE))) return `density ${report.density} is above the ordered ${density}`;
  if (density < state.density * (1 - SAME_DENSITY) && !(report.density < state.density)) return `not smaller: density ${report.density}, the champion's is ${state.density}`;
  const floor = report.parentAccuracy - COLLAPSE_MARGINS * state.margin;
  if (!atMost(floor, report.accuracy)) return `accuracy ${report.accuracy} on held-out sequences, more than ${COLLAPSE_MARGINS} margins below the parent's ${report.parentAccuracy}`;
  return null;
}

/** False where either is missing or no number (NaN becomes null on its way through JSON). */
const atMost = (value: number, max: number): boolean => Number.isFinite(value) && Number.isFinite(max) && value <= max;
