/**
 * One fact into the state: pure and total. Kinds that mean nothing here, and answers to orders that are no longer open,
 * change nothing. Nothing reads the clock or the policy, so the same journal always gives the same state.
 */
import type { Fact } from '../facts.ts';
import { duelKey } from '../evidence/evidence.ts';
import type { ModelId } from '../model/model.ts';
import { addEvidence, withoutDuels, withoutModel } from './gathered.ts';
import type { Granularity } from '../pruning/job.ts';
import type { Order } from './orders.ts';
import type { Search } from './search.ts';
import { shareOf, sumOf, withRefusal } from './search.ts';
import type { Decision, LoopState, Phase, Probation, Trial } from './state.ts';
import { DECISIONS_MAX, DOUBTFUL_MAX, NOTHING_GATHERED, ROUTE_RETRY_MS, TUNE_RETRY_MS, emptyState } from './state.ts';

type Of<K extends Fact['kind']> = Extract<Fact, { readonly kind: K }>;

/** Kinds that the fold uses, and so the journal keeps. */
export const FOLDED = [
  'loop-started', 'evidence', 'ordered', 'job-done', 'job-failed', 'enlisted', 'enlist-failed', 'routed', 'retired', 'order-failed', 'decided', 'warned', 'rested', 'command',
] as const satisfies readonly Fact['kind'][];

export const isFolded = (fact: Fact): boolean => (FOLDED as readonly string[]).includes(fact.kind);

export function fold(state: LoopState, fact: Fact): LoopState {
  const next = folded(state, fact);
  return next === state ? state : { ...next, phase: phaseOf(next) };
}

function folded(state: LoopState, fact: Fact): LoopState {
  switch (fact.kind) {
    case 'loop-started': return { ...emptyState(fact.roster, fact.density, fact), begun: fact.at };
    case 'evidence': return addEvidence(state, fact);
    case 'ordered': return afterOrder(state, fact.order);
    case 'job-done': return afterJob(state, fact);
    case 'enlisted': return afterEnlisting(state, fact);
    case 'routed': return afterRouting(state, fact);
    case 'retired': {
      const order = openOrder(state, fact.order, 'retire');
      return order?.kind === 'retire' ? withoutModel(closed(state, order), order.model) : state;
    }
    case 'job-failed': case 'enlist-failed': case 'order-failed': return afterFailure(state, fact);
    case 'decided': return afterDecision(state, fact);
    case 'warned':
      if (fact.about === 'drift') return fact.model === state.roster.champion ? { ...state, drifted: true } : state;
      return onTrial(state, fact.about === 'harm-at-zero' && fact.model === state.trial?.model ? { warned: true } : {});
    case 'rested': return { ...state, rested: fact.reason };
    case 'command': return afterCommand(state, fact);
    default: return state;
  }
}

const onTrial = (state: LoopState, change: Partial<Trial>): LoopState =>
  state.trial === null || Object.keys(change).length === 0 ? state : { ...state, trial: { ...state.trial, ...change } };

const openOrder = (state: LoopState, id: string, kind: Order['kind']): Order | undefined =>
  state.orders.find((order) => order.order === id && order.kind === kind);

const closed = (state: LoopState, order: Order): LoopState => ({ ...state, orders: state.orders.filter((open) => open !== order) });

function afterOrder(before: LoopState, order: Order): LoopState {
  const state = { ...before, orders: [...before.orders, order], given: before.given + 1 };
  switch (order.kind) {
    case 'tune': return {
      ...state, cycle: Math.max(state.cycle, order.job.cycle), rested: null,
      trial: {
        cycle: order.job.cycle, job: order.job.id, granularity: order.job.granularity ?? 'connection', density: order.job.density, times: null, stage: 'tuning', model: null, report: null,
        since: 0, candidate: 0, blocksBefore: 0, certificate: null, warned: false, forced: null, failure: null,
      },
    };
    case 'enlist': return onTrial(state, { stage: 'enlisting' });
    case 'route': {
      const { champion, challenger, share, version } = order.roster;
      const model = state.trial?.model ?? null;
      const stage = model === null ? null : champion === model ? 'promoting' : challenger !== model ? null : share > 0 ? 'climbing' : 'entering';
      return onTrial({ ...state, version: Math.max(state.version, version) }, stage === null ? {} : { stage });
    }
    case 'retire': return state;
  }
}

function afterJob(state: LoopState, { order: id, candidate }: Of<'job-done'>): LoopState {
  const order = openOrder(state, id, 'tune');
  return order === undefined ? state : onTrial(closed(state, order), { stage: 'tuned', model: candidate.model, report: candidate.report });
}

/** A model that came in late, after its order was given up, is only remembered to be retired. */
function afterEnlisting(state: LoopState, { order: id, model, times }: Of<'enlisted'>): LoopState {
  const order = openOrder(state, id, 'enlist');
  if (order?.kind === 'enlist' && order.model === model) {
    return onTrial({ ...closed(state, order), enlisted: [...state.enlisted, model], doubtful: state.doubtful.filter((other) => other !== model) }, { stage: 'enlisted', times: times ?? null });
  }
  return state.enlisted.includes(model) ? state : doubted(state, model);
}

const doubted = (state: LoopState, model: ModelId): LoopState =>
  ({ ...state, doubtful: [...state.doubtful.filter((other) => other !== model), model].slice(-DOUBTFUL_MAX) });

function afterRouting(before: LoopState, fact: Of<'routed'>): LoopState {
  const order = openOrder(before, fact.order, 'route');
  if (order?.kind !== 'route') return before;
  const { roster } = order;
  const state: LoopState = { ...closed(before, order), roster, uncertain: false };
  const { trial, probation } = state;
  if (roster.champion !== before.roster.champion) {
    const afresh = { ...withoutDuels(state, roster.champion), moments: NOTHING_GATHERED, refusedDensity: null, drifted: false };
    if (trial !== null && roster.champion === trial.model) {
      const { unitShare } = state.search;
      return onTrial({
        ...afresh, density: trial.report?.density ?? trial.density, times: trial.times, search: { ...state.search, unitShare: unitShare * unitsLeft(trial) },
        probation: { cycle: trial.cycle, since: fact.at, density: state.density, unitShare, times: state.times, granularity: trial.granularity, aborted: null, over: false },
        counts: { ...state.counts, promotions: state.counts.promotions + 1 },
      }, { stage: 'promoted' });
    }
    return {
      ...afresh, ...(probation === null ? {} : backTo(state, probation)), refusedDensity: state.density, probation: null,
      counts: { ...state.counts, returns: state.counts.returns + 1 },
    };
  }
  if (trial === null || trial.model === null || roster.challenger !== trial.model) return state;
  if (roster.share === 0) return onTrial({ ...state, candidates: state.candidates + 1 }, { stage: 'shadow', since: fact.at, candidate: state.candidates + 1 });
  return onTrial(state, { stage: 'rung', since: fact.at, blocksBefore: state.duels[duelKey(roster.anchor, trial.model)]?.blocks ?? 0 });
}

/** Share of the parent's units that a candidate has. */
function unitsLeft({ granularity, density, report }: Trial): number {
  if (granularity !== 'unit') return 1;
  return report?.layers !== undefined && report.parentLayers !== undefined ? sumOf(report.layers) / sumOf(report.parentLayers) : density;
}

/** A champion that did not pass its probation is a refusal of what it left. */
function backTo({ density, search }: LoopState, { granularity, ...before }: Probation): Pick<LoopState, 'density' | 'times' | 'search'> {
  const { unitShare } = before;
  return { density: before.density, times: before.times, search: { ...noted(search, granularity, { unitShare: search.unitShare, density }, before), unitShare } };
}

interface Kept { readonly unitShare: number; readonly density: number }

const noted = (search: Search, granularity: Granularity, refused: Kept, held: Kept): Search =>
  (granularity === 'layer' ? search : withRefusal(search, granularity, shareOf(granularity, refused), shareOf(granularity, held)));

function refusedOf({ search, density }: LoopState, trial: Trial): Partial<LoopState> {
  const held = { unitShare: search.unitShare, density };
  const units = trial.granularity === 'unit';
  return {
    search: noted(search, trial.granularity, { unitShare: search.unitShare * trial.density, density: trial.density }, held),
    ...(units ? {} : { refusedDensity: trial.density }),
  };
}

function afterFailure(before: LoopState, fact: Of<'job-failed' | 'enlist-failed' | 'order-failed'>): LoopState {
  const order = before.orders.find((open) => open.order === fact.order);
  if (order === undefined) return before;
  const state = { ...closed(before, order), counts: { ...before.counts, ordersFailed: before.counts.ordersFailed + 1 } };
  const failed = (next: LoopState): LoopState => onTrial(next, { failure: next.trial?.failure ?? `${order.kind} failed (${fact.code}): ${fact.reason}` });
  switch (order.kind) {
    case 'tune': return failed(state);
    case 'enlist': return failed(fact.kind === 'order-failed' ? doubted(state, order.model) : state);
    case 'route': {
      const routing = state.trial !== null && ['entering', 'climbing', 'promoting'].includes(state.trial.stage);
      const unsure = { ...state, uncertain: true, retryAt: fact.at + ROUTE_RETRY_MS };
      return routing ? failed(unsure) : unsure;
    }
    case 'retire': return withoutModel(state, order.model);
  }
}

function afterDecision(state: LoopState, fact: Of<'decided'>): LoopState {
  const { candidate, cycle, outcome, reason, blocks, difference, certify, harm, bar, at } = fact;
  const decision: Decision = { at, candidate, cycle, outcome, reason, blocks, difference, certify, harm, bar };
  const next = { ...state, decisions: [...state.decisions, decision].slice(-DECISIONS_MAX) };
  const { trial, probation, counts } = next;
  if (trial !== null && trial.cycle === cycle) {
    switch (outcome) {
      case 'certified': return onTrial(trial.model === null ? next : withoutDuels(next, trial.model), { stage: 'certified', certificate: { blocks, difference, certify, harm, bar } });
      case 'promoted': return { ...next, trial: null };
      case 'candidate-failed': return { ...next, trial: null, tuneFrom: at + TUNE_RETRY_MS, counts: { ...counts, failures: counts.failures + 1 } };
      default: return { ...next, ...refusedOf(next, trial), trial: null, counts: { ...counts, refusals: counts.refusals + 1 } };
    }
  }
  if (probation === null || probation.cycle !== cycle) return next;
  if (outcome === 'kept') return { ...withoutDuels(next, next.roster.champion), probation: null };
  return onTrial({ ...next, probation: { ...probation, over: true } }, { failure: trial?.failure ?? 'its parent was rolled back' });
}

function afterCommand(state: LoopState, { command, by }: Of<'command'>): LoopState {
  switch (command) {
    case 'pause': return { ...state, paused: true };
    case 'resume': return { ...state, paused: false };
    case 'promote': return onTrial(state, { forced: by });
    case 'abort':
      if (state.trial !== null) return onTrial(state, { failure: state.trial.failure ?? `aborted by ${by}` });
      return state.probation === null ? state : { ...state, probation: { ...state.probation, aborted: by } };
  }
}

export function phaseOf({ trial, probation, roster, cycle, cyclesMax, rested }: LoopState): Phase {
  switch (trial?.stage) {
    case undefined: case 'promoted': return (rested !== null || cycle >= cyclesMax) && probation === null ? 'rest' : 'gather';
    case 'tuning': case 'tuned': return 'tune';
    case 'enlisting': case 'enlisted': case 'entering': return 'enlist';
    case 'shadow': return 'shadow';
    case 'certified': case 'climbing': case 'promoting': case 'rung': return roster.share > 0 ? 'rung' : 'shadow';
  }
}
