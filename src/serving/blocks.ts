/**
 * A block of a session: its consecutive requests with every model's answers. Closed and complete, it gives one
 * observation for each pair of models, and what of it can be trained on.
 */
import type { DuelSteps } from '../evidence/duel.ts';
import { EMPTY_STEPS, compareSteps, stepsOf } from '../evidence/duel.ts';
import { duelKey } from '../evidence/evidence.ts';
import type { ReplayItem } from '../evidence/replay.ts';
import { stepsOf as stepsOfInputs } from '../model/cell.ts';
import type { ModelId } from '../model/model.ts';
import type { Roster } from '../rollout/roster.ts';
import type { Role } from '../traffic/request.ts';
import type { Ticket } from './work.ts';

export interface CaseAnswer {
  readonly role: Role;
  /** Label ids: [steps] for tag and next, [1] for classify; for regress, once the label is there, [1]: 1 where all errors are tolerated, else 0. */
  readonly labels: Int32Array;
  /** regress: the numbers, [outputs]. */
  readonly values: Float32Array | null;
  readonly confidence: number;
}

/** A request with the answers and the label that came for it. */
export interface Case {
  readonly ticket: Ticket;
  /** Whether the answer to the world began at the zero state. */
  readonly fresh: boolean;
  readonly answeredAt: number;
  readonly block: Block;
  readonly answers: Map<ModelId, CaseAnswer>;
  /** Models whose answer in shadow was dropped, failed, or did not come in time. */
  readonly missed: Set<ModelId>;
  target: Int32Array | null;
  /** regress: what the numbers should have been, [outputs]. */
  values: Float32Array | null;
  /** All answers and the label are there, or it has waited long enough. */
  done: boolean;
}

export interface Block {
  readonly id: string;
  readonly session: string;
  /** In the order of the session. */
  readonly cases: Case[];
  lastAt: number;
  /** No more requests are added. */
  closed: boolean;
}

export interface PairResult { readonly key: string; readonly steps: DuelSteps }

/** The pairs that a roster asks about: reference first. */
export function pairsOf({ anchor, champion, challenger, predecessor }: Roster): readonly (readonly [ModelId, ModelId])[] {
  const wanted = [[anchor, challenger], [anchor, champion], [champion, challenger], [predecessor, champion]] as const;
  const pairs = new Map<string, readonly [ModelId, ModelId]>();
  for (const [reference, candidate] of wanted) {
    if (reference !== null && candidate !== null && reference !== candidate) pairs.set(duelKey(reference, candidate), [reference, candidate]);
  }
  return [...pairs.values()];
}

/**
 * The steps of each pair over the labelled requests that both answered. From the first request that one of the two
 * missed, the rest of the block is left out: that model's state has a hole there.
 */
export function judgeBlock(block: Block): readonly PairResult[] {
  const pairs = new Map(block.cases.flatMap(({ ticket }) => pairsOf(ticket.roster).map((pair) => [duelKey(...pair), pair] as const)));
  const results: PairResult[] = [];
  for (const [key, [reference, candidate]] of pairs) {
    let steps = EMPTY_STEPS;
    for (const { answers, missed, target } of block.cases) {
      if (missed.has(reference) || missed.has(candidate)) break;
      const a = answers.get(reference), b = answers.get(candidate);
      if (target !== null && a !== undefined && b !== undefined) steps = compareSteps(steps, target, a.labels, b.labels);
    }
    if (stepsOf(steps) > 0) results.push({ key, steps });
  }
  return results;
}

/**
 * What can be trained on from a zero state. Where a tagger or a language model carries state, one item for each run of requests that began
 * at the zero state; requests that continue an unknown state are left out. Otherwise one item for each request.
 */
export function replayOf(block: Block): readonly ReplayItem[] {
  const runs: Case[][] = [];
  for (const item of block.cases) {
    const { task, state } = item.ticket.model.shape;
    if (item.fresh) runs.push([item]);
    else if ((task === 'tag' || task === 'next') && state === 'carry') runs.at(-1)?.push(item);
  }
  return runs.map((run) => ({
    id: `${block.session}/${run[0]!.ticket.request.id}`,
    inputs: concatenated(run.map((item) => item.ticket.request.inputs)),
    targets: targetsOf(run),
  }));
}

/** The labels of a run; null where there are none, and for next, where the sequence tells its own. */
function targetsOf(run: readonly Case[]): Int32Array | Float32Array | null {
  const { shape } = run[0]!.ticket.model;
  if (shape.task === 'regress') return run[0]!.values;
  if (shape.task === 'next' || run.every((item) => item.target === null)) return null;
  return concatenated(run.map((item) => item.target ?? new Int32Array(stepsOfInputs(shape, item.ticket.request.inputs)).fill(-1)));
}

function concatenated<T extends Int32Array | Float32Array>(parts: readonly T[]): T {
  if (parts.length === 1) return parts[0]!;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = (parts[0] instanceof Float32Array ? new Float32Array(length) : new Int32Array(length)) as T;
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
