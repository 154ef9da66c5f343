/** Everything that the loop can want. Each order is answered by a fact later, never inside the same call. */
import type { ModelId } from '../model/model.ts';
import type { TuningJob } from '../pruning/job.ts';
import type { Roster } from '../rollout/roster.ts';

/** `deadline`: milliseconds since the epoch after which the loop goes on without the answer. */
export type Order =
  | { readonly kind: 'tune'; readonly order: string; readonly deadline: number; readonly job: TuningJob }
  | { readonly kind: 'enlist'; readonly order: string; readonly deadline: number; readonly model: ModelId }
  | { readonly kind: 'route'; readonly order: string; readonly deadline: number; readonly roster: Roster }
  | { readonly kind: 'retire'; readonly order: string; readonly deadline: number; readonly model: ModelId };
