/**
 * What a serving process learnt since its last report. A commutative monoid: `merge` may be applied in any order and
 * grouping, so several processes report independently. Everything is keyed by model, so a swap confuses nothing.
 */
import type { ModelId } from '../model/model.ts';
import type { Role } from '../traffic/request.ts';
import { mergeDuel } from './duel.ts';
import { mergeTally } from './tally.ts';

/** Sums over labelled requests of one model in one role. */
export interface Tally {
  readonly requests: number;
  readonly steps: number;
  /** Steps whose label was right. */
  readonly correct: number;
  /** Sum of the confidences of the requests. */
  readonly confidence: number;
}

/**
 * Two models on the same labelled requests. One observation is one block of at most ten requests of one session:
 * D = mean over its steps of (reference right − candidate right), in [−1, 1].
 * certify, harm and harmAtZero hold Σ ln(1 + λ(m − D)), Σ ln(1 + λ(D − m)) and Σ ln(1 + λ D) for each λ of the grid.
 */
export interface Duel {
  readonly margin: number;
  readonly blocks: number;
  /** Σ D and Σ D² over the blocks. */
  readonly sum: number;
  readonly squares: number;
  readonly certify: readonly number[];
  readonly harm: readonly number[];
  readonly harmAtZero: readonly number[];
  /** Steps by who was right. */
  readonly bothRight: number;
  readonly referenceOnly: number;
  readonly candidateOnly: number;
  readonly bothWrong: number;
  /** Steps on which both gave the same label. */
  readonly agreed: number;
}

export interface LabelCounts {
  readonly joined: number;
  readonly late: number;
  readonly duplicate: number;
  readonly conflict: number;
  readonly orphan: number;
  readonly expired: number;
  readonly invalid: number;
}

/** The JSON-safe part of the evidence; the bulky parts (moments, replay sample) travel by reference into the vault. */
export interface EvidenceCounts {
  /** By `tallyKey(model, role)`. */
  readonly tallies: Readonly<Record<string, Tally>>;
  /** By `duelKey(reference, candidate)`. */
  readonly duels: Readonly<Record<string, Duel>>;
  readonly labels: LabelCounts;
}

export const tallyKey = (model: ModelId, role: Role): string => `${model}|${role}`;
export const duelKey = (reference: ModelId, candidate: ModelId): string => `${reference}|${candidate}`;

export const EMPTY_LABEL_COUNTS: LabelCounts = { joined: 0, late: 0, duplicate: 0, conflict: 0, orphan: 0, expired: 0, invalid: 0 };

export const mergeLabelCounts = (a: LabelCounts, b: LabelCounts): LabelCounts => ({
  joined: a.joined + b.joined,
  late: a.late + b.late,
  duplicate: a.duplicate + b.duplicate,
  conflict: a.conflict + b.conflict,
  orphan: a.orphan + b.orphan,
  expired: a.expired + b.expired,
  invalid: a.invalid + b.invalid,
});

/** The identity of `mergeCounts`. */
export const emptyCounts = (): EvidenceCounts => ({ tallies: {}, duels: {}, labels: EMPTY_LABEL_COUNTS });

/** Key by key; commutative and associative (the floating sums to rounding). */
export const mergeCounts = (a: EvidenceCounts, b: EvidenceCounts): EvidenceCounts => ({
  tallies: mergeRecords(a.tallies, b.tallies, mergeTally),
  duels: mergeRecords(a.duels, b.duels, mergeDuel),
  labels: mergeLabelCounts(a.labels, b.labels),
});

function mergeRecords<T>(a: Readonly<Record<string, T>>, b: Readonly<Record<string, T>>, merge: (x: T, y: T) => T): Readonly<Record<string, T>> {
  const merged = new Map(Object.entries(a));
  for (const [key, value] of Object.entries(b)) {
    const there = merged.get(key);
    merged.set(key, there === undefined ? value : merge(there, value));
  }
  return Object.fromEntries(merged);
}
