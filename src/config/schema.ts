/**
 * Every setting of espalier: type, bounds, default, unit and description. The parser, `config sample`, the reference in
 * `deploy/reference/config.md` and the names of the environment variables are made from this table.
 */
import { z } from 'zod';
import { flag, oneOf, real, setting, share, text, whole } from './setting.ts';

const DAY_MS = 86_400_000;

const serving = z.strictObject({
  unsettledMax: whole(1, 100_000, 512, 'deliveries', 'Deliveries taken from the log and not yet answered and settled; the whole of the backpressure.'),
  batchMax: whole(1, 4096, 128, 'sequences', 'Sequences of one engine call.'),
  top: whole(1, 16, 1, 'labels', 'Labels of each answer that a prediction carries with their probabilities (`alternatives`), the likeliest first; 1 leaves them out.'),
  shadowWaitingMax: whole(0, 1_000_000, 2048, 'requests', 'Shadow requests that may wait for an engine; more are dropped and counted.'),
  stepsMax: whole(1, 1_000_000, 2000, 'steps', 'Steps of one request; longer ones are refused.'),
  requestBytesMax: whole(64, 64 * 1024 * 1024, 65_536, 'bytes', 'Size of one record; larger ones are refused unread.'),
  sessionsMax: whole(1, 10_000_000, 50_000, 'sessions', 'Sessions whose recurrent state is kept; the least recently used goes first.'),
  sessionIdleMsMax: whole(1000, 7 * DAY_MS, 600_000, 'milliseconds', 'Idle time after which the state of a session is forgotten.'),
  labelWaitMs: whole(1, DAY_MS, 60_000, 'milliseconds', 'Label horizon: how long a prediction waits for its label, and a label for its request.'),
  pendingMax: whole(1, 10_000_000, 20_000, 'entries', 'Predictions and labels that wait for one another.'),
  evidenceEveryMs: whole(10, 600_000, 1000, 'milliseconds', 'How often counts and duels are reported to the loop.'),
  bulkEveryMs: whole(10, 3_600_000, 5000, 'milliseconds', 'How often moments and the replay sample are stored and reported.'),
  sampleEvery: whole(1, 10_000, 32, 'steps', 'One step in this many is sampled for the moments.'),
  replayItemsMax: whole(16, 1_000_000, 2000, 'sequences', 'Size of the replay sample that fine-tuning learns from.'),
  blockRequestsMax: whole(1, 10, 10, 'requests', 'Requests of one block of a session, the unit of observation of the gate.'),
  blockIdleMs: whole(1, DAY_MS, 5000, 'milliseconds', 'Idle time that ends a block early.'),
  errorMax: real(0, 1e9, 0.1, 'unit of the numbers', 'Regression: largest error of a number that still counts as right for tallies and duels.'),
  statesDurable: flag(true, 'Whether changed session states are written to the log with each transaction, so that sessions survive a restart.'),
}).prefault({});

const training = z.strictObject({
  steps: whole(1, 10_000_000, 400, 'optimizer steps', 'Length of the fine-tuning of one candidate.'),
  lanes: whole(1, 4096, 32, 'sequences', 'Sequences side by side in one optimizer step.'),
  window: whole(1, 10_000, 32, 'steps', 'Steps of time of one optimizer step (truncated back-propagation through time).'),
  learningRate: real(1e-8, 1, 0.002, 'per step', 'Peak learning rate of Adam; cosine decay to 2 % of it.'),
  labelShare: real(0, 1, 0.5, 'share', 'Share of the loss that the labels get; the teacher gets the rest.'),
  temperature: real(0.1, 100, 2, 'ratio', 'Temperature of the distillation (Hinton, Vinyals & Dean 2015).'),
  dropout: real(0, 0.95, 0.1, 'share', 'Drop-out on inputs and outputs of the recurrent layer.'),
  heldOut: real(0.01, 0.5, 0.1, 'share', 'Share of the replay sample set aside for the examination, never trained on.'),
  secondsMax: whole(1, 86_400, 60, 'seconds', 'Wall-clock bound of the training of one candidate.'),
  probeSteps: whole(0, 1_000_000, 0, 'optimizer steps', 'Length of the short trials of half, once, twice and four times the learning rate, of which the one with the smallest held-out loss is taken; 0 takes the rate as it is.'),
  patience: whole(0, 1000, 0, 'looks', 'Looks at the held-out loss, 20 in a training, without a better one, after which it ends with the best weights; 0 trains to the end.'),
  shrink: real(0, 0.9, 0, 'share', 'Share of the steps in which connections that are to go shrink to zero, instead of being cut and repaired at once.'),
}).prefault({});

const rung = z.strictObject({ share: z.number().gt(0).max(1), blocksMin: z.int().min(1), msMin: z.int().min(0) });

const loop = z.strictObject({
  seed: whole(0, 2 ** 32 - 1, 1, '', 'Seed of everything that the loop draws.'),
  goal: oneOf(['density', 'loss', 'speed'], 'density', 'density: the cycles approach loop.density. loss: the fastest model that stays within loop.margin is searched for, units first, then connections. speed: the same, until it is loop.speedup times as fast as the anchor, measured.'),
  speedup: real(1.01, 10_000, 8, 'times', 'For the goal speed: how many times the lane-steps a second of the anchor are wanted.'),
  density: share(0.1, 'Density of connections that the cycles approach by the cubic schedule (Zhu & Gupta 2017).'),
  cycles: whole(1, 100, 3, 'cycles', 'Cycles in which the density is reached.'),
  cyclesMax: whole(1, 10_000, 6, 'cycles', 'Cycles after which the loop rests; refused candidates count.'),
  criterion: oneOf(['random', 'magnitude', 'activity', 'obs', 'gradient', 'movement', 'fisher'], 'obs', 'How the cost of removing a connection is estimated.'),
  scope: oneOf(['network', 'sensitivity', 'layer', 'unit'], 'network', 'network: one ranking over all connections, relative to each layer; sensitivity: by the error of the output that each layer causes; layer: each layer keeps the same share; unit: each unit does.'),
  granularity: oneOf(['connection', 'g4'], 'connection', 'connection: a source and a unit; g4: four consecutive sources of a unit, for 8-bit kernels.'),
  regrow: real(0, 0.9, 0, 'share', 'Share of the alive connections that each cycle exchanges for dead ones that the traffic calls for.'),
  reconstruct: flag(true, 'Whether the surviving weights are solved anew from the moments after pruning.'),
  training,
  device: oneOf(['any', 'gpu'], 'any', 'gpu: a tuning job is refused by a process whose TensorFlow has no GPU (gpu-missing); any: it is done wherever there is a process.'),
  momentsVectorsMin: whole(1, 1_000_000_000, 2000, 'vectors', 'Sampled vectors of moments of the champion before a job is ordered.'),
  replayItemsMin: whole(1, 1_000_000, 500, 'sequences', 'Replay items before a job is ordered.'),
  rehearsal: setting(z.array(z.string().regex(/^[0-9a-f]{64}$/)).max(64), [], 'references', 'Samples in the vault that every job trains on beside the live ones, against forgetting.'),
  margin: real(0.0001, 0.5, 0.01, 'share', 'Accuracy budget of the whole lineage against the anchor (0.01 is one point).'),
  alpha: real(1e-9, 0.5, 0.05, 'probability', 'Error probability of a false certificate, spent over all candidates.'),
  anchorShare: share(0.5, 'Share of the sessions that the anchor answers in shadow.'),
  shadowShare: share(1, 'Share of the sessions that a challenger answers in shadow.'),
  rungs: setting(z.array(rung).min(1).max(20), [
    { share: 0.05, blocksMin: 20, msMin: 2000 }, { share: 0.25, blocksMin: 40, msMin: 2000 },
    { share: 0.5, blocksMin: 40, msMin: 2000 }, { share: 1, blocksMin: 40, msMin: 2000 },
  ], 'share, blocks, milliseconds', 'The ladder: share of the sessions that the challenger answers, and the blocks and the time before the next rung.'),
  probationBlocks: whole(0, 1_000_000_000, 100, 'blocks', 'Blocks for which the former champion stays in shadow after the last rung.'),
  probationMsMax: whole(0, 30 * DAY_MS, 30_000, 'milliseconds', 'Bound on the time of that probation.'),
  tuneMsMax: whole(1000, 7 * DAY_MS, 180_000, 'milliseconds', 'Deadline of a tuning job.'),
  enlistMsMax: whole(100, DAY_MS, 30_000, 'milliseconds', 'Deadline of loading, checking and warming a model.'),
  routeMsMax: whole(100, DAY_MS, 10_000, 'milliseconds', 'Deadline of a swap.'),
  trialMsMax: whole(1000, 30 * DAY_MS, 120_000, 'milliseconds', 'Deadline of the shadow phase; without a certificate by then there is not enough evidence.'),
}).prefault({});

const engine = z.strictObject({
  kind: oneOf(['auto', 'native', 'onnxruntime', 'reference'], 'auto', 'auto: the native kernel where it loads and agrees with the reference, and beside it onnxruntime, where it is installed, for the models that it is measured to run faster; else the reference engine. The others force one engine.'),
  variant: oneOf(['auto', 'avx512', 'avx2', 'portable', 'avx512-vnni-g4', 'avx-vnni-g4', 'avx2-g4', 'portable-g4', 'wasm'], 'auto', 'Variant of the native kernel; auto takes the fastest one that the processor has. wasm is WebAssembly. Those in -g4 work in int8: faster, and a little less exact.'),
  cores: whole(0, 256, 0, 'threads', 'Parts of a large call that the native kernel computes at the same time. 0: as many as there are cores and threads in the pool of libuv (four, unless UV_THREADPOOL_SIZE says otherwise when the process starts).'),
  precision: oneOf(['fp32', 'int8'], 'fp32', 'int8 lets a model be served in 8 bits (groups of four) where that is measured to be faster; answers differ a little.'),
}).prefault({});

const log = z.strictObject({
  kind: oneOf(['embedded', 'kafka'], 'embedded', 'embedded: a log in a folder, for one process; kafka: the brokers of the section kafka, which serve, steer and tune share.'),
  folder: text('.espalier/log', 'Folder of the embedded log.'),
  segmentBytes: whole(4096, 2 ** 31, 64 * 1024 * 1024, 'bytes', 'Size at which a segment file is closed and the next one begun.'),
  retainBytes: whole(4096, Number.MAX_SAFE_INTEGER, 1024 * 1024 * 1024, 'bytes', 'Size of all segments above which the oldest are removed, once every group has settled them.'),
  sync: oneOf(['none', 'always'], 'none', 'none: what is acknowledged survives the death of the process; always: also the loss of power, at one fdatasync a batch.'),
}).prefault({});

const kafka = z.strictObject({
  brokers: setting(z.array(z.string().regex(/^[^\s:]+:\d+$|^\[[^\s]+\]:\d+$/)).min(1).max(64), ['127.0.0.1:9092'], 'host:port', 'Addresses of some of the brokers; the others are learnt from them.'),
  clientId: text('espalier', 'Name under which the brokers know this program.'),
  prefix: setting(z.string().regex(/^[A-Za-z0-9._-]*$/).max(100), 'espalier.', '', 'Goes before the name of every topic and consumer group.'),
  partitions: whole(1, 10_000, 12, 'partitions', 'Partitions of requests, labels, predictions, refused and states, where they are created; as many serving processes can share the traffic.'),
  replication: whole(0, 100, 0, 'copies', 'Copies of each partition, where topics are created; 0 leaves it to the brokers.'),
  ssl: flag(false, 'Whether the connection is encrypted (TLS).'),
  caFile: setting(z.string(), '', '', 'Certificate of the authority that signed those of the brokers, PEM; empty takes the authorities that Node knows.'),
  saslMechanism: oneOf(['none', 'plain', 'scram-sha-256', 'scram-sha-512'], 'none', 'How this program proves who it is.'),
  username: setting(z.string(), '', '', 'Name for that.'),
  passwordFile: setting(z.string(), '', '', 'File that holds the password; without one it is taken from ESPALIER_KAFKA_PASSWORD. It is never a setting, so that no file and no output shows it.'),
  sessionMsMax: whole(1000, 600_000, 10_000, 'milliseconds', 'A process of which the group hears nothing for so long is dead, and its partitions go to others.'),
  outageMsMax: whole(0, DAY_MS, 120_000, 'milliseconds', 'How long the brokers may be away before a process gives up.'),
  lingerMsMax: whole(0, 600_000, 10_000, 'milliseconds', 'How long a process that stops waits for what it took to be answered and settled.'),
  aliveMsMax: whole(100, 600_000, 5000, 'milliseconds', 'A serving process counts for a swap while its evidence is not older than this.'),
}).prefault({});

const vault = z.strictObject({
  folder: text('.espalier/vault', 'Folder of models, moments and replay samples, named by their content.'),
  artifactBytesMax: whole(1024, 2 ** 40, 512 * 1024 * 1024, 'bytes', 'Size of a model file; larger ones are refused unread.'),
}).prefault({});

const console = z.strictObject({
  host: text('127.0.0.1', 'Address on which /metrics and /healthz are served.'),
  port: whole(0, 65_535, 9464, 'port', 'Port of the same; 0 takes any free one.'),
}).prefault({});

const trainer = z.strictObject({
  threads: whole(0, 1024, 1, 'threads', 'Threads of the training process; 0 leaves it to TensorFlow.'),
  checkpointSeconds: whole(1, 86_400, 30, 'seconds', 'Between two checkpoints of a job, from which it goes on when its process was killed.'),
  priority: whole(0, 19, 10, 'nice level', 'Priority of the training process below the serving one; 19 is the lowest.'),
}).prefault({});

export const settingsSchema = z.strictObject({ serving, loop, engine, log, kafka, vault, console, trainer });

/** All settings, checked. Structurally equal to the limits and the policy of the rooms that use them. */
export type Settings = z.output<typeof settingsSchema>;
