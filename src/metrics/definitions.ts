/**
 * Every metric, as one table: the collectors, the tests and the documentation follow from it. Names as Prometheus
 * wants them (prometheus.io/docs/practices/naming): prefix, base unit in the name, counters end in _total. Every label
 * has a closed list of values, so the number of series never grows; model ids are in `espalier_model_info` only, and
 * a query joins them by role.
 */
import { ERRORS, type ErrorCode } from '../errors.ts';
import { LATENCY_BUCKETS_MS, type Fact, type Order, type Outcome } from '../facts.ts';

export type Unit = 'seconds' | 'ratio' | 'bytes' | 'nats' | 'e-value' | 'requests' | 'steps' | 'batches' | 'records' | 'sessions' | 'models' | 'vectors' | 'items' | 'blocks' | 'events' | 'version' | 'tokens per second' | 'difference' | 'units';

export interface MetricDefinition {
  readonly name: `espalier_${string}`;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'info';
  readonly unit: Unit;
  readonly help: string;
  /** Label names and the values that each may take. An info metric is always 1 and has free labels after the first. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
  /** Upper bounds of the buckets, ascending, in the unit; one more bucket follows. Histograms only. */
  readonly buckets?: readonly number[];
  /** Names of the labels of an info metric whose values are not bounded; one series for each value of `labels`. */
  readonly freeLabels?: readonly string[];
}

export type Role = Extract<Fact, { readonly kind: 'batch' }>['role'];
type Labels = MetricDefinition['labels'];

const counter = (name: `espalier_${string}_total`, unit: Unit, help: string, labels: Labels = {}): MetricDefinition => ({ name, type: 'counter', unit, help, labels });
const gauge = (name: `espalier_${string}`, unit: Unit, help: string, labels: Labels = {}): MetricDefinition => ({ name, type: 'gauge', unit, help, labels });
const histogram = (name: `espalier_${string}`, unit: Unit, help: string, buckets: readonly number[], labels: Labels = {}): MetricDefinition => ({ name, type: 'histogram', unit, help, labels, buckets });
const info = (name: `espalier_${string}_info`, unit: Unit, help: string, labels: Labels, freeLabels: readonly string[]): MetricDefinition => ({ name, type: 'info', unit, help, labels, freeLabels });

export const ROLES = ['champion', 'challenger', 'anchor', 'predecessor'] as const satisfies readonly Role[];
const ARMS = ['champion', 'challenger'] as const satisfies readonly Role[];
const OUTCOMES = ['certified', 'promoted', 'refused', 'not-enough-evidence', 'rolled-back', 'candidate-failed', 'kept'] as const satisfies readonly Outcome[];
const ORDERS = ['tune', 'enlist', 'route', 'retire'] as const satisfies readonly Order['kind'][];
const STAGES = ['load', 'score', 'choose', 'reconstruct', 'train', 'examine', 'parity', 'store'] as const;
const CODES = Object.keys(ERRORS) as ErrorCode[];
const REFUSALS = CODES.filter((code) => /^(request|token|label)-/.test(code));
/** Layers of a network, both directions (LAYERS_MAX in model/cell.ts). */
const LAYERS = Array.from({ length: 32 }, (_, layer) => String(layer));
const LATENCY_BUCKETS = LATENCY_BUCKETS_MS.map((ms) => ms / 1000);
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

export const METRICS = {
  requests: counter('espalier_requests_total', 'requests', 'Requests that a model in this role answered.', { role: ROLES }),
  steps: counter('espalier_steps_total', 'steps', 'Steps (tokens) that a model in this role computed.', { role: ROLES }),
  batches: counter('espalier_batches_total', 'batches', 'Calls of the engine.', { role: ROLES }),
  engineSeconds: counter('espalier_engine_seconds_total', 'seconds', 'Time inside the engine.', { role: ROLES }),
  requestDuration: histogram('espalier_request_duration_seconds', 'seconds', 'From the arrival of a request to its published prediction.', LATENCY_BUCKETS, { role: ARMS }),
  batchSize: histogram('espalier_batch_requests', 'requests', 'Requests of one call of the engine.', BATCH_BUCKETS, { role: ROLES }),
  batchWait: histogram('espalier_batch_wait_seconds', 'seconds', 'Longest wait of a request of a batch for the engine; one observation a batch.', LATENCY_BUCKETS, { role: ROLES }),
  queueDepth: gauge('espalier_queue_depth', 'records', 'What waits: live and shadow requests for the engine, unsettled deliveries, predictions and labels for one another.', { stage: ['live', 'shadow', 'unsettled', 'labels'] }),
  queueLimit: gauge('espalier_queue_limit', 'records', 'The bound of a queue.', { stage: ['unsettled'] }),
  sessions: gauge('espalier_sessions', 'sessions', 'Sessions whose state is kept.'),
  evictions: counter('espalier_session_evictions_total', 'sessions', 'Sessions whose state was dropped.', { reason: ['age', 'number'] }),
  refused: counter('espalier_refused_total', 'records', 'Records that could not be understood, by error code.', { code: [...REFUSALS, 'other'] }),
  carried: counter('espalier_states_carried_total', 'sessions', 'Session states carried from one model to another.'),
  shadowDropped: counter('espalier_shadow_dropped_total', 'requests', 'Shadow requests dropped because too many waited.', { role: ROLES }),
  labels: counter('espalier_labels_total', 'records', 'Labels, by what became of them.', { outcome: ['joined', 'late', 'duplicate', 'conflict', 'orphan', 'expired', 'invalid'] }),
  labelDelay: counter('espalier_label_delay_seconds_total', 'seconds', 'Sum of the delays of the joined labels.'),
  labelledSteps: counter('espalier_labelled_steps_total', 'steps', 'Steps whose label is known.', { role: ROLES }),
  correctSteps: counter('espalier_correct_steps_total', 'steps', 'Steps whose label was right.', { role: ROLES }),
  duelSteps: counter('espalier_duel_steps_total', 'steps', 'Steps judged for two models at once, by who was right.', { right: ['both', 'reference_only', 'candidate_only', 'neither'] }),
  duelBlocks: counter('espalier_duel_blocks_total', 'blocks', 'Blocks of sessions, the observations of the gate.'),
  momentsVectors: counter('espalier_moments_vectors_total', 'vectors', 'Sampled activity vectors in the reported moments.'),
  momentsCpu: counter('espalier_moments_cpu_seconds_total', 'seconds', 'CPU time spent on the moments.'),
  deadUnits: gauge('espalier_dead_units', 'units', 'Units of the champion whose h hardly left zero (root mean square below 0.001) over every step since the last report, by layer (each direction of a layer counts as one).', { layer: LAYERS }),
  replayItems: gauge('espalier_replay_items', 'items', 'Sequences in the replay sample reported last.'),
  orders: counter('espalier_orders_total', 'events', 'Orders of the loop.', { kind: ORDERS }),
  ordersFailed: counter('espalier_orders_failed_total', 'events', 'Orders that could not be carried out.'),
  tuningJobs: counter('espalier_tuning_jobs_total', 'events', 'Tuning jobs, by how they ended.', { outcome: ['done', 'failed'] }),
  tuningSeconds: counter('espalier_tuning_stage_seconds_total', 'seconds', 'Time in the stages of tuning jobs.', { stage: STAGES }),
  tuningProgress: gauge('espalier_tuning_progress_ratio', 'ratio', 'Share of the optimizer steps of the job that are done.'),
  tuningLoss: gauge('espalier_tuning_loss', 'nats', 'Training loss reported last.'),
  tuningSpeed: gauge('espalier_tuning_tokens_per_second', 'tokens per second', 'Training speed reported last.'),
  candidateDensity: gauge('espalier_candidate_density_ratio', 'ratio', 'Alive connections divided by all, of the candidate made last.'),
  candidateAccuracy: gauge('espalier_candidate_accuracy_ratio', 'ratio', 'Accuracy of the candidate made last on the items set aside.'),
  candidateBytes: gauge('espalier_candidate_bytes', 'bytes', 'Size of the candidate made last.'),
  enlistments: counter('espalier_enlistments_total', 'models', 'Models loaded, checked against the reference and warmed, by how it ended.', { outcome: ['done', 'failed'] }),
  enlistSeconds: counter('espalier_enlist_seconds_total', 'seconds', 'Time spent loading, checking and warming models.'),
  enlistParity: gauge('espalier_engine_parity', 'difference', 'Largest absolute difference of h to the reference on the probe sequences of the model enlisted last.'),
  rosters: counter('espalier_rosters_total', 'events', 'Rosters routed: every change of who answers.'),
  swapSeconds: counter('espalier_swap_seconds_total', 'seconds', 'Time from the order of a roster to the first request assigned by it.'),
  rosterVersion: gauge('espalier_roster_version', 'version', 'Version of the roster in use.'),
  challengerShare: gauge('espalier_rollout_weight_ratio', 'ratio', 'Share of the sessions that the challenger answers.'),
  shadowShare: gauge('espalier_rollout_shadow_ratio', 'ratio', 'Share of the sessions answered in shadow.', { role: ['challenger', 'anchor'] }),
  retired: counter('espalier_models_retired_total', 'models', 'Models retired.'),
  decisions: counter('espalier_decisions_total', 'events', 'Decisions of the gate and the ladder.', { outcome: OUTCOMES }),
  cycle: gauge('espalier_cycle', 'events', 'Pruning cycle of the decision made last.'),
  gateWealth: gauge('espalier_gate_wealth', 'e-value', 'Wealth for a certificate and for harm at the decision made last, and the bar for a certificate.', { kind: ['certify', 'harm', 'bar'] }),
  gateBlocks: gauge('espalier_gate_blocks', 'blocks', 'Observations behind the decision made last.'),
  gateDifference: gauge('espalier_gate_difference_ratio', 'ratio', 'Mean of reference right minus candidate right at the decision made last; 0 where nothing was observed.'),
  warnings: counter('espalier_warnings_total', 'events', 'Warnings.', { about: ['harm-at-zero', 'drift', 'label-ratio'] }),
  failures: counter('espalier_failures_total', 'events', 'Failures of any part, by error code.', { code: CODES }),
  commands: counter('espalier_commands_total', 'events', 'Commands by hand.', { command: ['pause', 'resume', 'promote', 'abort'] }),
  modelInfo: info('espalier_model_info', 'models', 'The model in each role; join on role.', { role: ROLES }, ['model']),
  tuningDevice: info('espalier_tuning_device_info', 'events', 'Where the training process computes: cpu or gpu, with the versions of TensorFlow, of the driver and of the GPU libraries; none where there is none.', {}, ['device', 'tensorflow', 'gpu', 'driver', 'cuda', 'cudnn']),
  engineInfo: info('espalier_engine_info', 'events', 'The engine in use.', {}, ['engine', 'variant']),
} as const satisfies Record<string, MetricDefinition>;

export type MetricKey = keyof typeof METRICS;
