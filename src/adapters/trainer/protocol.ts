/** What a trainer and its training process tell one another over the IPC channel. JSON-safe; `run` numbers the jobs. */
import type { ErrorCode } from '../../errors.ts';
import type { TuningJob, TuningNews } from '../../pruning/job.ts';

/** What the process needs before its first job. */
export interface TrainingSetup {
  /** Folder of the files vault. */
  readonly vault: string;
  /** Milliseconds between two checkpoints of a job, which are kept in the folder of the vault; none where left out. */
  readonly checkpointMs?: number;
  readonly engine: { readonly kind: 'auto' | 'native' | 'onnxruntime' | 'reference'; readonly variant: string | null };
}

export type ToProcess =
  | { readonly kind: 'setup'; readonly setup: TrainingSetup }
  | { readonly kind: 'job'; readonly run: number; readonly job: TuningJob }
  | { readonly kind: 'abort'; readonly run: number };

export type FromProcess =
  | { readonly kind: 'news'; readonly run: number; readonly news: TuningNews }
  /** The last word on a job; the memory tells when to start afresh. */
  | { readonly kind: 'done'; readonly run: number; readonly rssBytes: number }
  | { readonly kind: 'failed'; readonly run: number; readonly code: ErrorCode; readonly details: string; readonly rssBytes: number };
