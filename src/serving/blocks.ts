/**
 * A block of a session: its consecutive requests with every model's answers. Closed and complete, it gives one
 * observation for each pair of models, and what of it can be trained on.
 */
import type { DuelSteps } from '../evidence/duel.ts';
import { EMPTY_STEPS, compareSteps } from '../evidence/duel.ts';
import { duelKey } from '../evidence/evidence.ts';
import type { ReplayItem } from '../evidence/replay.ts';
import type { ModelId } from '../model/model.ts';
import type { Roster } from '../rollout/roster.ts';
import type { Role } from '../traffic/request.ts';
import type { Ticket } from './work.ts';

export interface CaseAnswer {
  readonly role: Role;
  /** Label ids: [steps] for tag, [1] for classify. */
  readonly labels: Int32Array;
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
    if (steps !== EMPTY_STEPS) results.push({ key, steps });
  }
  return results;
}

/**
 * What can be trained on from a zero state. Where a tagger carries state, one item for each run of requests that began
 * at the zero state; requests that continue an unknown state are left out. Otherwise one item for each request.
 */
export function replayOf(block: Block): readonly ReplayItem[] {
  const runs: Case[][] = [];
  for (const item of block.cases) {
    const { task, state } = item.ticket.model.shape;
    if (item.fresh) runs.push([item]);
    else if (task === 'tag' && state === 'carry') runs.at(-1)?.push(item);
  }
  return runs.map((run) => ({
    id: `${block.session}/${run[0]!.ticket.request.id}`,
    inputs: concatenated(run.map((item) => item.ticket.request.inputs)),
    targets: run.every((item) => item.target === null) ? null : concatenated(run.map((item) => item.target ?? new Int32Array(item.ticket.request.inputs.length).fill(-1))),
  }));
}

function concatenated(parts: readonly Int32Array[]): Int32Array {
  if (parts.length === 1) return parts[0]!;
  const all = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
