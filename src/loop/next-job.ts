/** The next tuning job, and what a candidate must show before any traffic is spent on it. */
import type { CandidateReport, TuningJob } from '../pruning/job.ts';
import type { Policy } from './policy.ts';
import { SAME_DENSITY, sumOf } from './search.ts';
import type { Next } from './search.ts';
import type { LoopState, Trial } from './state.ts';

/** Alive connections that a candidate may have above what was ordered, relative: choose rounds to whole connections. */
const DENSITY_TOLERANCE = 0.01;
/** Largest difference of h between packed kernel and TensorFlow, both in single precision. */
export const PARITY_MAX = 1e-4;
/** Margins by which the examination may see a candidate below its parent before traffic is spent on it. */
export const COLLAPSE_MARGINS = 3;

/** Whether enough was gathered. */
export const readyToTune = (state: LoopState, policy: Policy, now: number): boolean =>
  now >= state.tuneFrom && state.moments.total >= policy.momentsVectorsMin && state.replay.total >= policy.replayItemsMin;

export function nextJob(state: LoopState, policy: Policy, { granularity, density }: Extract<Next, { kind: 'take' }>): TuningJob {
  const cycle = state.cycle + 1;
  const { champion, anchor } = state.roster;
  const { criterion, scope, reconstruct, training, device = 'any', regrow = 0 } = policy;
  return {
    id: `job-${cycle}`, cycle, seed: policy.seed + cycle,
    parent: champion, teacher: anchor, anchor,
    replay: [...policy.rehearsal, ...state.replay.refs.map(({ ref }) => ref)], moments: state.moments.refs.map(({ ref }) => ref),
    density, criterion, scope, ...(granularity === 'connection' ? {} : { granularity }), ...(regrow > 0 && granularity !== 'unit' ? { regrow } : {}), reconstruct, training,
    trainedOn: `live traffic: ${state.replay.total} replay sequences, ${state.moments.total} sampled vectors of ${champion.slice(0, 8)}`,
    device,
  };
}

/** Why a candidate is not worth any traffic, in words; null where it is. A number that is missing or NaN is a reason. */
export function refusalOf(state: LoopState, trial: Trial, report: CandidateReport): string | null {
  const { model } = trial;
  const { champion, anchor, challenger, predecessor } = state.roster;
  if (model === null || [champion, anchor, challenger, predecessor].includes(model)) return 'the same model as one that already serves';
  if (!atMost(report.parity, PARITY_MAX)) return `packed kernel and TensorFlow differ by ${report.parity} (at most ${PARITY_MAX})`;
  const size = trial.granularity === 'unit' ? sizeInUnits(trial, report) : sizeInConnections(state, trial, report);
  if (size !== null) return size;
  const floor = report.parentAccuracy - COLLAPSE_MARGINS * state.margin;
  if (!atMost(floor, report.accuracy)) return `accuracy ${report.accuracy} on held-out sequences, more than ${COLLAPSE_MARGINS} margins below the parent's ${report.parentAccuracy}`;
  return null;
}

function sizeInConnections(state: LoopState, { density }: Trial, report: CandidateReport): string | null {
  if (!atMost(report.density, density * (1 + DENSITY_TOLERANCE))) return `density ${report.density} is above the ordered ${density}`;
  if (density < state.density * (1 - SAME_DENSITY) && !(report.density < state.density)) return `not smaller: density ${report.density}, the champion's is ${state.density}`;
  return null;
}

/** Units are whole, and every layer keeps one at least. */
function sizeInUnits({ density }: Trial, { layers, parentLayers }: CandidateReport): string | null {
  if (layers === undefined || parentLayers === undefined) return 'the report does not say how many units are left';
  const left = sumOf(layers), had = sumOf(parentLayers);
  if (!atMost(left, Math.max(layers.length, Math.ceil(density * had)))) return `${left} units are left of ${had}: more than the ordered share ${density}`;
  return left < had ? null : `not smaller: ${left} units, as many as the champion's`;
}

/** False where either is missing or no number (NaN becomes null on its way through JSON). */
const atMost = (value: number, max: number): boolean => Number.isFinite(value) && Number.isFinite(max) && value <= max;
