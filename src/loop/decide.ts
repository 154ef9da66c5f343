/**
 * What to do next: (state, fact, policy) -> state, orders, facts. Pure.
 *
 * The state changes by facts alone: the one that came in, then those that are decided here, each folded at once. So the
 * journal, which keeps them all, gives the same state again. The rules look at the state, not at the fact, in the order
 * of `RULES`, until none has anything to say; whatever a crash left half done is taken up by the next fact.
 */
import { assert } from '../errors.ts';
import type { Fact, Happening } from '../facts.ts';
import { emptyDuel } from '../evidence/duel.ts';
import type { Duel } from '../evidence/evidence.ts';
import { duelKey } from '../evidence/evidence.ts';
import type { ModelId } from '../model/model.ts';
import { judge } from '../rollout/compare.ts';
import type { LadderStep, Place } from '../rollout/ladder.ts';
import { stepLadder } from '../rollout/ladder.ts';
import type { Roster } from '../rollout/roster.ts';
import { modelsOf, promoted, rolledBack, withChallenger, withShare, withoutChallenger, withoutPredecessor } from '../rollout/roster.ts';
import { fold, isFolded } from './fold.ts';
import { nextJob, readyToTune, refusalOf } from './next-job.ts';
import type { Order } from './orders.ts';
import type { Policy } from './policy.ts';
import { nextTake } from './search.ts';
import type { LoopState, Numbers, Probation, Trial } from './state.ts';

export interface Decided {
  readonly state: LoopState;
  readonly orders: readonly Order[];
  /** In the order in which they were folded; each order is among them as `ordered`. */
  readonly facts: readonly Fact[];
}

/** Facts that only the loop itself says; from outside they mean nothing. */
const OWN = ['loop-started', 'ordered', 'decided', 'warned', 'rested'];

interface Look {
  readonly state: LoopState;
  readonly policy: Policy;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly tick: boolean;
}
type Rule = (look: Look) => readonly Happening[];

const RULES: readonly Rule[] = [expire, failTrial, endProbation, watch, settleRoster, announce, examine, enter, estranged, ladder, leaveShadow, retire, tune, rest];
/** More facts than one look can give: every rule but `expire` and `retire` (bounded by what is open and loaded) fires a few times at most. */
const LOOKS_MAX = 200;

export function decide(state: LoopState, fact: Fact, policy: Policy): Decided {
  if (OWN.includes(fact.kind) || !(fact.kind === 'tick' || isFolded(fact))) return { state, orders: [], facts: [] };
  let next = fold(state, fact);
  const facts: Fact[] = [];
  for (let looks = 0; ; looks++) {
    assert(looks < LOOKS_MAX, 'the rules of the loop come to rest');
    const look = { state: next, policy, now: fact.at, tick: fact.kind === 'tick' };
    const said = firstOf(look);
    if (said.length === 0) break;
    for (const happening of said) {
      const own: Fact = { ...happening, v: 1, at: fact.at, instance: fact.instance };
      next = fold(next, own);
      facts.push(own);
    }
  }
  const open = new Set(next.orders.map(({ order }) => order));
  const orders = facts.flatMap((own) => (own.kind === 'ordered' && open.has(own.order.order) ? [own.order] : []));
  return { state: next, orders, facts };
}

function firstOf(look: Look): readonly Happening[] {
  for (const rule of RULES) {
    const said = rule(look);
    if (said.length > 0) return said;
  }
  return [];
}

const isRouting = (state: LoopState): boolean => state.orders.some(({ kind }) => kind === 'route');
/** Serving follows the roster that we believe in, and no other is on its way. */
const isSettled = (state: LoopState): boolean => !isRouting(state) && !state.uncertain;

const ordered = (order: Order): Happening => ({ kind: 'ordered', order });
const nameOf = (state: LoopState, kind: Order['kind']): string => `${kind}-${state.given + 1}`;

/** A new roster. Its version lies above any that was ever ordered, so a late answer to an older order undoes nothing. */
function routeTo({ state, policy, now }: Look, change: (roster: Roster) => Roster): readonly Happening[] {
  const roster = change({ ...state.roster, version: state.version });
  return [ordered({ kind: 'route', order: nameOf(state, 'route'), deadline: now + policy.routeMsMax, roster })];
}

const givenUp = (order: Order, reason: string): Happening => ({ kind: 'order-failed', order: order.order, code: 'aborted', reason });

/** Orders past their deadline are given up; later answers to them mean nothing. */
function expire({ state, now, tick }: Look): readonly Happening[] {
  return tick ? state.orders.filter(({ deadline }) => deadline <= now).map((order) => givenUp(order, `no answer to ${order.kind} by its deadline`)) : [];
}

function decided(of: { readonly cycle: number; readonly candidate: ModelId | null }, outcome: Extract<Happening, { kind: 'decided' }>['outcome'], reason: string, numbers: Numbers): Happening {
  const { blocks, difference, certify, harm, bar } = numbers;
  return { kind: 'decided', candidate: of.candidate, cycle: of.cycle, outcome, reason, blocks, difference, certify, harm, bar };
}

const duelOf = (state: LoopState, reference: ModelId, candidate: ModelId): Duel => state.duels[duelKey(reference, candidate)] ?? emptyDuel(state.margin);
const of = ({ cycle, model }: Trial): { readonly cycle: number; readonly candidate: ModelId | null } => ({ cycle, candidate: model });

/** The numbers of a trial as they stand: the certificate's once there is one. */
const numbersOf = ({ state, policy }: Look, trial: Trial): Numbers =>
  trial.certificate ?? judge(trial.model === null ? emptyDuel(state.margin) : duelOf(state, state.roster.anchor, trial.model), policy.alpha);

/** A trial that cannot go on: its open orders are given up, and the champion stays. */
function failTrial(look: Look): readonly Happening[] {
  const { state } = look;
  const { trial } = state;
  if (trial === null || trial.failure === null) return [];
  const reason = trial.failure;
  const concerns = (order: Order): boolean => order.kind === 'tune' || order.kind === 'enlist' || (order.kind === 'route' && trial.model !== null && modelsOf(order.roster).includes(trial.model));
  const seen = state.roster.share > 0;
  return [...state.orders.filter(concerns).map((order) => givenUp(order, reason)), decided(of(trial), seen ? 'rolled-back' : 'candidate-failed', reason, numbersOf(look, trial))];
}

/** The former champion guards the present one, and comes back on harm. */
function endProbation(look: Look): readonly Happening[] {
  const { state, now } = look;
  const { probation } = state;
  if (probation === null || isRouting(state)) return [];
  if (probation.over) return state.uncertain && now < state.retryAt ? [] : routeTo(look, rolledBack);
  const { champion, predecessor } = state.roster;
  const step = lookAt(look, { kind: 'probation', since: probation.since }, champion, predecessor);
  const end = (outcome: 'kept' | 'rolled-back', reason: string): readonly Happening[] => [decided({ cycle: probation.cycle, candidate: champion }, outcome, reason, step.judgement)];
  if (probation.aborted !== null) return end('rolled-back', `aborted by ${probation.aborted}`);
  return step.kind === 'harmful' ? end('rolled-back', step.reason) : step.kind === 'keep' ? end('kept', step.reason) : [];
}

/** After its probation the champion has no one to make way for; that it has left the budget is said, once. */
function watch({ state, policy }: Look): readonly Happening[] {
  const { champion, anchor } = state.roster;
  if (state.probation !== null || state.drifted || champion === anchor) return [];
  const { verdict, difference, blocks } = judge(duelOf(state, anchor, champion), policy.alpha);
  return verdict === 'worse' ? [{ kind: 'warned', about: 'drift', model: champion, reason: `worse than the anchor by ${difference ?? 0} of the steps in ${blocks} blocks since its probation; the budget is ${state.margin}` }] : [];
}

function lookAt({ state, now, policy }: Look, place: Place, candidate: ModelId, other: ModelId | null): LadderStep {
  const { anchor } = state.roster;
  return stepLadder(place, { anchor: duelOf(state, anchor, candidate), other: other === null || other === anchor ? null : duelOf(state, other, candidate) }, now, policy);
}

/** Whoever is on trial or in probation no longer leaves the roster; a roster that serving may not follow is sent again. */
function settleRoster(look: Look): readonly Happening[] {
  const { state, now } = look;
  if (isRouting(state) || (state.uncertain && now < state.retryAt)) return [];
  const { trial, probation, roster } = state;
  const withdraw = roster.challenger !== null && trial?.model !== roster.challenger;
  const release = roster.predecessor !== null && probation === null;
  if (withdraw || (state.uncertain && !release)) return routeTo(look, withoutChallenger);
  return release ? routeTo(look, withoutPredecessor) : [];
}

function announce(look: Look): readonly Happening[] {
  const { trial } = look.state;
  if (trial?.stage !== 'promoted') return [];
  const how = trial.forced === null ? 'certified in shadow, no harm on the rungs' : `by hand (${trial.forced})`;
  return [decided(of(trial), 'promoted', how, numbersOf(look, trial))];
}

/** The report of the examination, before any traffic is spent. */
function examine(look: Look): readonly Happening[] {
  const { state, policy, now } = look;
  const { trial } = state;
  if (trial?.stage !== 'tuned' || trial.model === null || trial.report === null) return [];
  const reason = refusalOf(state, trial, trial.report);
  if (reason !== null) return [decided(of(trial), 'refused', reason, numbersOf(look, trial))];
  // A model of the same bytes that is just being unloaded: wait, else the two orders race.
  const leaving = state.orders.some((order) => order.kind === 'retire' && order.model === trial.model);
  return state.paused || leaving ? [] : [ordered({ kind: 'enlist', order: nameOf(state, 'enlist'), deadline: now + policy.enlistMsMax, model: trial.model })];
}

/** Into the shadow, once the last champion has passed its probation: the duels of one trial at a time. */
function enter(look: Look): readonly Happening[] {
  const { state, policy } = look;
  const model = state.trial?.model ?? null;
  if (state.trial?.stage !== 'enlisted' || model === null || state.paused || state.probation !== null || !isSettled(state)) return [];
  return routeTo(look, (roster) => withChallenger(roster, model, policy.shadowShare));
}

/**
 * A candidate whose place in the roster another has taken: a second loop writes to the same journal. There must be one
 * active loop; where there were two, the one that is left gives its candidate up and lives on.
 */
function estranged(look: Look): readonly Happening[] {
  const { trial, roster } = look.state;
  const placed = trial?.stage === 'shadow' || trial?.stage === 'certified' || trial?.stage === 'rung';
  return placed && roster.challenger !== trial.model ? [decided(of(trial), 'candidate-failed', `roster ${roster.version} has no place for it`, numbersOf(look, trial))] : [];
}

function placeOf(trial: Trial, { share }: Roster, policy: Policy): Place | null {
  const { since, candidate, blocksBefore } = trial;
  if (trial.stage === 'shadow') return { kind: 'shadow', since, candidate };
  if (trial.stage !== 'rung') return null;
  const rung = policy.rungs.findLastIndex((one) => one.share <= share);
  return { kind: 'rung', rung: Math.max(0, rung), since, blocksBefore };
}

/** One look at the evidence of the candidate on trial. */
function ladder(look: Look): readonly Happening[] {
  const { state, policy } = look;
  const { trial, roster } = state;
  if (trial?.model == null || !isSettled(state)) return [];
  const place = placeOf(trial, roster, policy);
  if (place === null) return [];
  if (trial.forced !== null) return routeTo(look, promoted);
  const step = lookAt(look, place, trial.model, roster.champion);
  if (step.harmAtZero && !trial.warned) return [{ kind: 'warned', about: 'harm-at-zero', model: trial.model, reason: `worse than the anchor (by ${step.judgement.difference ?? 0} of the steps); a warning only, the budget is ${state.margin}` }];
  switch (step.kind) {
    case 'harmful': return [decided(of(trial), roster.share > 0 ? 'rolled-back' : 'refused', step.reason, step.judgement)];
    case 'give-up': return [decided(of(trial), 'not-enough-evidence', step.reason, step.judgement)];
    case 'certified': return [decided(of(trial), 'certified', step.reason, step.judgement)];
    case 'climb': case 'promote': return state.paused ? [] : climb(look);
    case 'stay': case 'keep': return [];
  }
}

function leaveShadow(look: Look): readonly Happening[] {
  const { state } = look;
  if (state.trial?.stage !== 'certified' || !isSettled(state)) return [];
  return state.trial.forced !== null ? routeTo(look, promoted) : state.paused ? [] : climb(look);
}

/** The next rung, or past the last one the place of the champion. */
function climb(look: Look): readonly Happening[] {
  const higher = look.policy.rungs.find(({ share }) => share > look.state.roster.share);
  return routeTo(look, higher === undefined ? promoted : (roster) => withShare(roster, higher.share));
}

/** Models that nobody will route any more are unloaded. Never one of the roster, nor the anchor. */
function retire({ state, policy, now }: Look): readonly Happening[] {
  if (!isSettled(state)) return [];
  const needed = new Set<ModelId | null>([...modelsOf(state.roster), state.trial?.model ?? null, ...state.orders.map((order) => (order.kind === 'retire' ? order.model : null))]);
  const model = [...state.enlisted, ...state.doubtful].find((loaded) => !needed.has(loaded));
  return model === undefined ? [] : [ordered({ kind: 'retire', order: nameOf(state, 'retire'), deadline: now + policy.routeMsMax, model })];
}

function tune(look: Look): readonly Happening[] {
  const { state, policy, now } = look;
  const blocked = state.trial !== null || state.paused || isRouting(state) || state.uncertain || isReturning(state.probation);
  if (blocked || !readyToTune(state, policy, now)) return [];
  const next = nextTake(state, policy);
  return next.kind === 'rest' ? [] : [ordered({ kind: 'tune', order: nameOf(state, 'tune'), deadline: now + policy.tuneMsMax, job: nextJob(state, policy, next) })];
}

/** That no more jobs will be ordered is said once, with the reason, when the last champion has passed its probation. */
function rest({ state, policy }: Look): readonly Happening[] {
  if (state.rested !== null || state.trial !== null || state.probation !== null) return [];
  const next = nextTake(state, policy), { density, times, search: { unitShare } } = state;
  return next.kind === 'rest' ? [{ kind: 'rested', reason: next.reason, model: state.roster.champion, density, unitShare, times }] : [];
}

const isReturning = (probation: Probation | null): boolean => probation?.over === true;
