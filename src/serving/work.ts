/** What travels down the line between the stages. */
import type { ErrorCode } from '../errors.ts';
import type { Model, ModelId } from '../model/model.ts';
import type { Activity, Delivery, EngineAnswer, UnitSums } from '../ports.ts';
import type { Roster } from '../rollout/roster.ts';
import type { Arm, Request, Role } from '../traffic/request.ts';
import type { SessionState } from './states.ts';

/** The enlisted models by id. An unknown one is undefined, or throws model-unknown. */
export interface Models { get(id: ModelId): Model | undefined }

/** A record that is not served; it goes to the refused topic. */
export interface Refusal {
  readonly delivery: Delivery;
  readonly code: ErrorCode;
  readonly reason: string;
}

export const isRefusal = (item: object): item is Refusal => 'code' in item;

export interface Arrival {
  readonly delivery: Delivery;
  readonly request: Request;
}

/** A request with everything that was pinned to it when it was assigned; from there on it does not care about swaps. */
export interface Ticket extends Arrival {
  readonly roster: Roster;
  readonly arm: Arm;
  /** The model that answers the world. */
  readonly model: Model;
  /** Who else answers, unseen. No model twice. */
  readonly shadows: readonly Shadow[];
  /** The block of its session (at most `blockRequestsMax` consecutive requests), the unit of observation of the gate. */
  readonly block: string;
  /** When it was assigned, on the monotonic clock. */
  readonly since: number;
  /** State of the answering model before this request, set when it is answered: what its shadows may be seeded from. */
  before: SessionState | null;
  /** Set when the engine failed on it: there is no answer, so nothing to compare a shadow with. */
  failed: boolean;
}

export interface Shadow {
  readonly role: Role;
  readonly model: Model;
}

/** One model's answer to one request. `live` goes to the world. */
export interface Work extends Shadow {
  readonly ticket: Ticket;
  readonly live: boolean;
}

/** Works of one model and one role for one engine call; at most one of a session where the model carries state. */
export interface MicroBatch extends Shadow {
  readonly live: boolean;
  readonly works: readonly Work[];
  /** Shadow works of these requests that found no room. */
  readonly dropped: readonly Work[];
}

export interface Answer {
  readonly work: Work;
  readonly answer: EngineAnswer;
  /** Whether it started from the zero state. */
  readonly fresh: boolean;
  /** The state after it; null where none is carried. */
  readonly state: SessionState | null;
}

export interface Failure {
  readonly work: Work;
  readonly reason: string;
}

export interface Inference {
  readonly batch: MicroBatch;
  readonly answers: readonly Answer[];
  readonly failures: readonly Failure[];
  /** Why the call as a whole failed, if it did; its sequences were then run one by one. */
  readonly failed: string | null;
  readonly activity: Activity | null;
  /** Of the further layers, where there are any. */
  readonly deeper?: readonly Activity[];
  /** How active the units were, where the engine counts it. */
  readonly units?: UnitSums;
  readonly steps: number;
  readonly kernelMs: number;
  readonly waitMsMax: number;
  /** Number of states that were carried over from another model, by its id. */
  readonly carried: ReadonlyMap<ModelId, number>;
}
