/**
 * Everything that can happen, as one union. Facts are JSON-safe and a public format: `v` is the version of the union.
 * A fact is per batch or rarer, with counts; never per record. Metrics, console, journal, log lines and the loop read
 * the same stream.
 */
import type { ErrorCode } from './errors.ts';
import type { EvidenceCounts, LabelCounts } from './evidence/evidence.ts';
import type { Order } from './loop/orders.ts';
import type { ModelId } from './model/model.ts';
import type { Candidate, TuningNews } from './pruning/job.ts';
import type { Roster } from './rollout/roster.ts';
import type { Role } from './traffic/request.ts';

/** Upper bounds of the latency buckets in milliseconds; one more bucket follows for what is slower. */
export const LATENCY_BUCKETS_MS = [0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 2000, 5000] as const;

export type Outcome = 'certified' | 'promoted' | 'refused' | 'not-enough-evidence' | 'rolled-back' | 'candidate-failed' | 'kept';

export type Happening =
  /** One engine call. Latency (arrival to published) is counted in LATENCY_BUCKETS_MS, only for answers to the world. */
  | { readonly kind: 'batch'; readonly role: Role; readonly model: ModelId; readonly requests: number; readonly steps: number; readonly kernelMs: number; readonly waitMsMax: number; readonly latency: readonly number[]; readonly latencyMsSum: number }
  | { readonly kind: 'queues'; readonly waiting: number; readonly shadowWaiting: number; readonly unsettled: number; readonly unsettledMax: number; readonly sessions: number; readonly pendingLabels: number }
  | { readonly kind: 'refused'; readonly counts: Readonly<Partial<Record<ErrorCode, number>>> }
  | { readonly kind: 'sessions-evicted'; readonly reason: 'age' | 'number'; readonly count: number }
  | { readonly kind: 'states-carried'; readonly from: ModelId; readonly to: ModelId; readonly count: number }
  | { readonly kind: 'shadow-dropped'; readonly role: Role; readonly count: number }
  | { readonly kind: 'labels'; readonly counts: LabelCounts; readonly delayMsSum: number }
  /** A report of evidence; `moments` (of one layer, the first where none is named) and `replay` are references into the vault. */
  | { readonly kind: 'evidence'; readonly counts: EvidenceCounts; readonly moments: { readonly ref: string; readonly model: ModelId; readonly vectors: number; readonly layer?: number } | null; readonly replay: { readonly ref: string; readonly items: number } | null; readonly momentsCpuMs: number }
  /** Steps of the champion since the last report, and the sums of |h| and h² over them of each unit of a layer: they add up over reports. `dead`: units whose h hardly left zero. */
  | { readonly kind: 'units'; readonly model: ModelId; readonly layer: number; readonly steps: number; readonly dead: number; readonly abs: readonly number[]; readonly squares: readonly number[] }
  /** The first word of a journal: everything before it is forgotten. `density` and `roster` are those of the champion it starts with. */
  | { readonly kind: 'loop-started'; readonly roster: Roster; readonly density: number; readonly margin: number; readonly cyclesMax: number }
  | { readonly kind: 'ordered'; readonly order: Order }
  | { readonly kind: 'job-news'; readonly job: string; readonly news: Exclude<TuningNews, { readonly kind: 'candidate' }> }
  /** The end of a job; `deadline` is that of its order, which tells it from one of the same name in an earlier journal. */
  | { readonly kind: 'job-done'; readonly order: string; readonly candidate: Candidate; readonly deadline?: number }
  | { readonly kind: 'job-failed'; readonly order: string; readonly code: ErrorCode; readonly reason: string; readonly deadline?: number }
  | { readonly kind: 'enlisted'; readonly order: string; readonly model: ModelId; readonly engine: string; readonly ms: number; readonly parity: number }
  | { readonly kind: 'enlist-failed'; readonly order: string; readonly model: ModelId; readonly code: ErrorCode; readonly reason: string }
  | { readonly kind: 'routed'; readonly order: string; readonly roster: Roster; readonly swapMs: number }
  | { readonly kind: 'retired'; readonly order: string; readonly model: ModelId }
  | { readonly kind: 'order-failed'; readonly order: string; readonly code: ErrorCode; readonly reason: string }
  | { readonly kind: 'decided'; readonly candidate: ModelId | null; readonly cycle: number; readonly outcome: Outcome; readonly reason: string; readonly blocks: number; readonly difference: number | null; readonly certify: number; readonly harm: number; readonly bar: number }
  | { readonly kind: 'warned'; readonly about: 'harm-at-zero' | 'drift' | 'label-ratio'; readonly model: ModelId; readonly reason: string }
  | { readonly kind: 'engine-chosen'; readonly engine: string; readonly variant: string; readonly reason: string }
  | { readonly kind: 'failed'; readonly where: string; readonly code: ErrorCode; readonly reason: string }
  | { readonly kind: 'command'; readonly command: 'pause' | 'resume' | 'promote' | 'abort'; readonly by: string }
  | { readonly kind: 'tick' };

export type Fact = Happening & { readonly v: 1; readonly at: number; readonly instance: string };
export type FactKind = Fact['kind'];
export type { Roster } from './rollout/roster.ts';
export type { Order } from './loop/orders.ts';
