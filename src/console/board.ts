/** What a person at the terminal wants to see, folded from the facts. Pure: the clock is in the facts. */
import { deadUnits, mergeActivity } from '../evidence/unit-activity.ts';
import type { UnitActivity } from '../evidence/unit-activity.ts';
import type { Fact, Outcome, Roster } from '../facts.ts';
import { LATENCY_BUCKETS_MS } from '../facts.ts';
import type { Device } from '../pruning/job.ts';
import type { Role } from '../traffic/request.ts';

/** Sums over one second. */
interface Second {
  readonly at: number;
  requests: number;
  steps: number;
  readonly latency: number[];
  readonly right: Partial<Record<Role, number>>;
  readonly judged: Partial<Record<Role, number>>;
}

export interface BoardJob {
  readonly stage: string;
  readonly step: number;
  readonly steps: number;
  readonly loss: number | null;
  readonly accuracy: number | null;
}

export interface BoardDecision {
  readonly at: number;
  readonly cycle: number;
  /** rested: no more jobs are ordered. */
  readonly outcome: Outcome | 'rested';
  readonly reason: string;
}

export interface Board {
  readonly startedAt: number;
  readonly now: number;
  readonly engine: string;
  readonly answered: number;
  readonly refused: number;
  readonly labelled: number;
  readonly seconds: readonly Second[];
  /** Answers to the world by LATENCY_BUCKETS_MS, from the start. */
  readonly latency: readonly number[];
  readonly waiting: number;
  readonly unsettled: number;
  readonly sessions: number;
  readonly roster: Roster | null;
  /** Density by model id, of the models seen. */
  readonly densities: Readonly<Record<string, number>>;
  /** Units of all layers by model id, of the candidates seen. */
  readonly sizes: Readonly<Record<string, number>>;
  readonly job: BoardJob | null;
  /** Where the last job was computed; null before the first. */
  readonly device: Device['device'] | null;
  readonly decisions: readonly BoardDecision[];
  readonly swaps: number;
  readonly momentsCpuMs: number;
  readonly warnings: number;
  /** How active the units of the model were that reported last, by layer: of all its reports. */
  readonly units: { readonly model: string; readonly layers: readonly UnitActivity[] } | null;
}

const WINDOW_S = 10;
const DECISIONS_MAX = 12;
const NO_LATENCY: readonly number[] = new Array<number>(LATENCY_BUCKETS_MS.length + 1).fill(0);
/** News of a stage come when it is done: what runs then. */
const AFTER = { load: 'score', score: 'choose', choose: 'reconstruct', reconstruct: 'train', train: 'examine', examine: 'parity', parity: 'store', store: 'store' } as const;

export const emptyBoard = (at: number): Board => ({
  startedAt: at, now: at, engine: '', answered: 0, refused: 0, labelled: 0, seconds: [], latency: NO_LATENCY, waiting: 0, unsettled: 0, sessions: 0, roster: null,
  densities: {}, sizes: {}, job: null, device: null, decisions: [], swaps: 0, momentsCpuMs: 0, warnings: 0, units: null,
});

/** The board with the second of `at` at the end of its window, ready to be added to. */
function withSecond(board: Board, at: number): { readonly seconds: readonly Second[]; readonly second: Second } {
  const stamp = Math.floor(at / 1000);
  const kept = board.seconds.filter((s) => s.at > stamp - WINDOW_S);
  const last = kept.at(-1);
  if (last?.at === stamp) {
    const second: Second = { ...last, latency: [...last.latency], right: { ...last.right }, judged: { ...last.judged } };
    return { seconds: [...kept.slice(0, -1), second], second };
  }
  const second: Second = { at: stamp, requests: 0, steps: 0, latency: [...NO_LATENCY], right: {}, judged: {} };
  return { seconds: [...kept, second], second };
}

function foldBatch(board: Board, fact: Extract<Fact, { kind: 'batch' }>): Board {
  const { seconds, second } = withSecond(board, fact.at);
  second.steps += fact.steps;
  const answers = fact.latency.reduce((a, b) => a + b, 0);
  second.requests += answers;
  fact.latency.forEach((n, i) => { second.latency[i]! += n; });
  return { ...board, seconds, answered: board.answered + answers, latency: board.latency.map((n, i) => n + fact.latency[i]!) };
}

function foldEvidence(board: Board, fact: Extract<Fact, { kind: 'evidence' }>): Board {
  const { seconds, second } = withSecond(board, fact.at);
  for (const [key, tally] of Object.entries(fact.counts.tallies)) {
    const role = key.slice(key.indexOf('|') + 1) as Role;
    second.right[role] = (second.right[role] ?? 0) + tally.correct;
    second.judged[role] = (second.judged[role] ?? 0) + tally.steps;
  }
  return { ...board, seconds, labelled: board.labelled + fact.counts.labels.joined, momentsCpuMs: board.momentsCpuMs + fact.momentsCpuMs };
}

function foldUnits(board: Board, { model, layer, steps, abs, squares }: Extract<Fact, { kind: 'units' }>): Board {
  const held = board.units?.model === model ? board.units.layers : [], before = held[layer];
  const now = before?.abs.length === abs.length ? mergeActivity(before, { steps, abs, squares }) : { steps, abs, squares };
  return { ...board, units: { model, layers: Object.assign([...held], { [layer]: now }) } };
}

/** Dead units of each layer, `37 of 512`; empty where nothing was reported of the model. */
export const deadOf = ({ units }: Board, model: string): string =>
  (units?.model === model ? units.layers.map((layer) => `${deadUnits(layer).length} of ${layer.abs.length}`).join(' + ') : '');

function foldJob(board: Board, fact: Extract<Fact, { kind: 'job-news' }>): Board {
  const { news } = fact;
  if (news.kind === 'device') return { ...board, device: news.device.device };
  if (news.kind === 'resumed') return { ...board, job: { stage: 'train', step: news.step, steps: news.steps, loss: null, accuracy: null } };
  if (news.kind === 'stage') return { ...board, job: { stage: AFTER[news.stage], step: 0, steps: 0, loss: null, accuracy: null } };
  return { ...board, job: { stage: 'train', step: news.step, steps: news.steps, loss: news.loss, accuracy: news.accuracy } };
}

function foldDone(board: Board, { candidate: { model, report: { density, layers } } }: Extract<Fact, { kind: 'job-done' }>): Board {
  const sizes = layers === undefined ? board.sizes : { ...board.sizes, [model]: layers.reduce((sum, count) => sum + count, 0) };
  return { ...board, job: null, densities: { ...board.densities, [model]: density }, sizes };
}

/** One fact further. */
export function foldBoard(before: Board, fact: Fact): Board {
  const board = { ...before, now: Math.max(before.now, fact.at) };
  switch (fact.kind) {
    case 'batch': return foldBatch(board, fact);
    case 'evidence': return foldEvidence(board, fact);
    case 'units': return foldUnits(board, fact);
    case 'refused': return { ...board, refused: board.refused + Object.values(fact.counts).reduce((a, b) => a + b, 0) };
    case 'queues': return { ...board, waiting: fact.waiting, unsettled: fact.unsettled, sessions: fact.sessions };
    case 'engine-chosen': return { ...board, engine: `${fact.engine} ${fact.variant}`.trim() };
    case 'job-news': return foldJob(board, fact);
    case 'job-done': return foldDone(board, fact);
    case 'job-failed': return { ...board, job: null };
    case 'routed': return { ...board, roster: fact.roster, swaps: board.swaps + (board.roster !== null && board.roster.champion !== fact.roster.champion ? 1 : 0) };
    case 'decided': return { ...board, decisions: [...board.decisions, { at: fact.at, cycle: fact.cycle, outcome: fact.outcome, reason: fact.reason }].slice(-DECISIONS_MAX) };
    case 'rested': return { ...board, decisions: [...board.decisions, { at: fact.at, cycle: board.decisions.at(-1)?.cycle ?? 0, outcome: 'rested' as const, reason: fact.reason }].slice(-DECISIONS_MAX) };
    case 'warned': return { ...board, warnings: board.warnings + 1 };
    default: return board;
  }
}

/** Requests and steps a second over the whole seconds of the window. */
export function ratesOf(board: Board): { readonly requests: number; readonly steps: number } {
  const whole = board.seconds.filter((s) => s.at < Math.floor(board.now / 1000));
  const span = Math.max(1, Math.min(WINDOW_S - 1, Math.floor(board.now / 1000) - (whole[0]?.at ?? 0)));
  return { requests: whole.reduce((n, s) => n + s.requests, 0) / span, steps: whole.reduce((n, s) => n + s.steps, 0) / span };
}

/** Upper bound in milliseconds of the bucket in which the quantile of some counts lies; null where there are none. */
export function quantileOfBuckets(counts: readonly number[], quantile: number): number | null {
  const total = counts.reduce((a, b) => a + b, 0);
  let seen = 0;
  for (const [i, n] of counts.entries()) {
    seen += n;
    if (n > 0 && seen >= quantile * total) return LATENCY_BUCKETS_MS[i] ?? Infinity;
  }
  return null;
}

/** The same over the window. */
export const latencyOf = (board: Board, quantile: number): number | null =>
  quantileOfBuckets(NO_LATENCY.map((_, i) => board.seconds.reduce((sum, second) => sum + second.latency[i]!, 0)), quantile);

/** Share of right steps of a role over the window; null where nothing was judged. */
export function accuracyOf(board: Board, role: Role): number | null {
  let right = 0, judged = 0;
  for (const second of board.seconds) { right += second.right[role] ?? 0; judged += second.judged[role] ?? 0; }
  return judged === 0 ? null : right / judged;
}
