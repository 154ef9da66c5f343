/** The seven sockets in the wall. Types only; two adapters each, and one check list that both pass. */
import type { Observable, SchedulerLike } from 'rxjs';
import type { Fact } from './facts.ts';
import type { Model, ModelId } from './model/model.ts';
import type { TuningJob, TuningNews } from './pruning/job.ts';

export type Topic = 'requests' | 'labels' | 'predictions' | 'refused' | 'states' | 'evidence' | 'jobs' | 'journal' | 'roster';

export interface LogRecord {
  readonly topic: Topic;
  readonly key: string;
  readonly value: Uint8Array;
}

export interface Delivery {
  readonly topic: Topic;
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: Uint8Array;
  /** When the record was appended, milliseconds since the epoch. */
  readonly at: number;
}

export interface Log {
  /** Whether several processes share the records of a group, so that `assigned` is called before the first delivery. */
  readonly shared?: true;
  /**
   * Records of the topics that the group has not settled, oldest first in each topic; then new ones as they come.
   * At most `unsettledMax` deliveries are outstanding. Never completes by itself; unsubscribing stops it.
   *
   * `assigned` is told of all partitions that this consumer has whenever they change, where a log shares them out among
   * processes; nothing is delivered before it resolves. A log of one process does not call it.
   */
  consume(options: {
    readonly topics: readonly Topic[]; readonly group: string; readonly unsettledMax: number;
    readonly assigned?: (partitions: readonly { readonly topic: Topic; readonly partition: number }[]) => Promise<void>;
  }): Observable<Delivery>;
  /**
   * Every record of a topic that exists now, oldest first in each partition, outside any group (recovery, console).
   * Records that were appended before `sinceMs` (milliseconds since the epoch) may be left out.
   */
  read(topic: Topic, partitions?: readonly number[], sinceMs?: number): AsyncIterable<Delivery>;
  /** Appends durably; resolves when the records survive the death of the process. Throws storage-full, storage-failed, log-closed. */
  append(records: readonly LogRecord[]): Promise<void>;
  /** Appends and settles, all or nothing. Throws as `append`. */
  transact(transaction: { readonly group: string; readonly records: readonly LogRecord[]; readonly settled: readonly Delivery[] }): Promise<void>;
  close(): Promise<void>;
}

/** One sequence of a ragged batch. */
export interface EngineSequence {
  /** Token ids, [steps]; or frames, [steps · inputs], where the shape has no vocabulary. At least one step. */
  readonly inputs: Int32Array | Float32Array;
  /** State to start from, all layers one after the other (`stateLengths`); null is zero. Not written to. */
  readonly h: Float32Array | null;
  readonly c: Float32Array | null;
}

/** The likeliest labels of each answer of a sequence, the likeliest first, of equals the one that comes first. */
export interface RankedLabels {
  /** Labels of each answer: as many as were asked for, or as the model has. */
  readonly top: number;
  /** [answers, top] */
  readonly labels: Int32Array;
  /** Their soft-max probabilities, [answers, top]. */
  readonly probabilities: Float32Array;
}

export interface EngineAnswer {
  /** Label ids: [steps] for tag and next, [1] for classify, [0] for regress. */
  readonly labels: Int32Array;
  /** regress: the numbers, [outputs]; null otherwise. */
  readonly values?: Float32Array | null;
  /** Mean soft-max probability of the chosen labels; 1 for regress. */
  readonly confidence: number;
  /** Where the call asked for more than one label; null or left out otherwise. */
  readonly ranked?: RankedLabels | null;
  /** State after the last step, all layers one after the other; arrays of this answer's own. */
  readonly h: Float32Array;
  readonly c: Float32Array;
}

/**
 * Sampled vectors [x(t); h(t−1)] of whole steps of one layer, row-major [rows, sources]; finished lanes left out.
 * gru-before: [x(t); h(t−1); r ⊙ h(t−1)], [rows, sources + units]; gru: [x(t); h(t−1); r(t)], [rows, sources + units].
 */
export interface Activity {
  /** Index into `Weights.layers`; 0 where left out. */
  readonly layer?: number;
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
}

export interface EngineCall {
  readonly model: ModelId;
  readonly sequences: readonly EngineSequence[];
  /** Sample the steps s of this call with (s + phase) % every === 0; null samples none. */
  readonly sample: { readonly every: number; readonly phase: number } | null;
  /** Labels of each answer of tag, next and classify, 1 (where left out) to `TOP_MAX`; beyond 1 they come as `ranked`. */
  readonly top?: number;
}

/** How active each unit was over every step of a call: sums that add up over calls. */
export interface UnitSums {
  /** Steps of all sequences. */
  readonly steps: number;
  /** Σ |h| and Σ h² of the units of all layers (`stateLengths`). */
  readonly abs: Float64Array;
  readonly squares: Float64Array;
}

export interface EngineResult {
  /** In the order of the sequences. */
  readonly answers: readonly EngineAnswer[];
  readonly activity: Activity | null;
  /** The sampled activity of the further layers, where there are any. */
  readonly deeper?: readonly Activity[];
  /** Over every step, sampled or not; left out by an engine that does not count. */
  readonly units?: UnitSums;
  /** Steps that the call ran (each over all lanes); advances the sampling phase. */
  readonly steps: number;
  /** Time inside the engine, milliseconds. */
  readonly kernelMs: number;
}

export interface Enlistment {
  readonly ms: number;
  /** Largest difference from the reference on probe sequences. */
  readonly parity: number;
  /** In the engine's memory. */
  readonly bytes: number;
  /** Where there are several engines: the one that runs the model, and what was measured of each that was tried. */
  readonly engine?: string;
  readonly rates?: readonly { readonly engine: string; readonly laneStepsPerSecond: number }[];
}

export interface Engine {
  /** For example `native/avx512` or `reference`. */
  readonly name: string;
  /** Loads and packs a model, compares it with the reference on probe sequences, warms it. Throws engine-mismatch, shape-unsupported. */
  enlist(model: Model): Promise<Enlistment>;
  /** One ragged call off the event loop. Throws model-unknown, token-unknown, request-empty, engine-failed. */
  infer(call: EngineCall): Promise<EngineResult>;
  /**
   * Adds Σ a aᵀ, a = [row; 1], to a packed upper triangle [size · (size + 1) / 2], size = columns + 1; off the event
   * loop. Resolves with its CPU time, milliseconds. Throws engine-failed.
   */
  gram(activity: Activity, into: Float64Array): Promise<number>;
  retire(model: ModelId): Promise<void>;
}

export interface Trainer {
  /** Runs a job; unsubscribing cancels it. Errors: trainer-unavailable, gpu-missing, trainer-crashed, trainer-failed, parity-failed, vault-missing. */
  tune(job: TuningJob): Observable<TuningNews>;
  close(): Promise<void>;
}

export interface Vault {
  /** Stores bytes under their SHA-256 (hexadecimal), which is returned. Throws storage-full, storage-failed. */
  put(bytes: Uint8Array): Promise<string>;
  /** Throws vault-missing, vault-altered. */
  get(ref: string): Promise<Uint8Array>;
  list(): Promise<readonly string[]>;
  /** Removes content that nothing refers to any more; no error where it is not there. */
  remove(ref: string): Promise<void>;
}

/** Unfinished work by name, for whoever takes it up after a kill. Names are SHA-256 in hexadecimal; of two writes the later one stays. */
export interface Workbench {
  /** null where nothing is kept. Throws storage-failed. */
  read(name: string): Promise<Uint8Array | null>;
  /** All of it or nothing, also if the process is killed meanwhile. Throws storage-full, storage-failed. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** No error where nothing is kept. Throws storage-failed. */
  remove(name: string): Promise<void>;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  monotonicMs(): number;
  sleep(ms: number): Promise<void>;
  readonly scheduler: SchedulerLike;
}

export interface Meter {
  record(fact: Fact): void;
}
