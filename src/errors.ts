/**
 * The closed table of everything that can go wrong. Branch on `code` (or `retryable`), never on text.
 * The table also drives the exit codes of the command line and the reference in the documentation.
 */

export interface ErrorEntry {
  /** What happened, in one sentence without details. */
  readonly message: string;
  /** What the reader can do about it. */
  readonly remedy: string;
  /** Whether the same call may succeed later without anyone doing anything. */
  readonly retryable: boolean;
  /** Exit code of the command line: 1 failed, 2 usage, 3 gate refused, 4 not enough evidence, 5 not reachable, 6 resources. */
  readonly exitCode: number;
}

const entry = (message: string, remedy: string, exitCode = 1, retryable = false): ErrorEntry => ({ message, remedy, retryable, exitCode });

export const ERRORS = {
  'usage': entry('The command line could not be understood.', 'See `espalier --help`.', 2),
  'config-invalid': entry('The configuration has errors.', 'Correct the named settings; `espalier config sample` prints a valid file.', 2),
  'config-unreadable': entry('The configuration file could not be read.', 'Check the path and that it is valid JSON.', 2),
  'data-unreadable': entry('The data could not be read.', 'Check the path; see `espalier train --help` for the expected forms.', 2),
  'shape-unsupported': entry('The shape of the network is not supported.', 'Cells are lstm, gru, gru-before, rnn-tanh and rnn-relu; tasks tag, classify, next and regress; only whole sequences are read in both directions.', 2),
  'artifact-truncated': entry('The model file is shorter than its header says.', 'Copy the file again; compare its size with the original.'),
  'artifact-too-large': entry('The model file, or a tensor in it, exceeds the limits.', 'Check that the file is an espalier model; raise `vault.artifactBytesMax` if it really is that large.'),
  'artifact-altered': entry('The checksum of the model file does not match its content.', 'Copy the file again from where it was made; do not edit it.'),
  'artifact-invalid': entry('The file is not an espalier model, or its header is wrong.', 'Check that the file was written by espalier and by a version not newer than this one.'),
  'request-not-json': entry('The request is not valid JSON.', 'Send one JSON object as the record value.'),
  'request-invalid': entry('A field of the request is missing, unknown or of the wrong type.', 'Send {"id","session","sequence"?,"text"|"tokens"|"frames","at"?}.'),
  'request-empty': entry('The sequence of the request is empty.', 'Send at least one step.'),
  'request-too-long': entry('The sequence of the request exceeds `serving.stepsMax`.', 'Split the sequence (state carries over within a session), or raise `serving.stepsMax`.'),
  'request-too-large': entry('The record exceeds `serving.requestBytesMax`.', 'Send smaller requests, or raise `serving.requestBytesMax`.'),
  'request-duplicate': entry('A request of this id was already answered, or is being answered.', 'Give every request an id of its own; the first one counts.'),
  'token-unknown': entry('A token id lies outside the vocabulary of the model.', 'Send ids below the vocabulary size, or send text.'),
  'label-invalid': entry('The label is not valid.', 'Send {"id","session","target","at"?}; target is a label name, one name for each step, token ids, or numbers, as the task of the model has it.'),
  'label-length': entry('The label has another number of steps than its request.', 'Send exactly one label for each step of the request.'),
  'label-orphan': entry('The label belongs to no request within the label horizon.', 'Check the id; raise `serving.labelWaitMs` if labels are that late.'),
  'label-duplicate': entry('A label for this request was already counted.', 'Send each label once.'),
  'label-conflict': entry('A second label for this request differs from the first.', 'The first one counts; check the source of the labels.'),
  'model-unknown': entry('No model of this id is enlisted.', 'Enlist the model first; `espalier inspect FILE` prints the id of a file.'),
  'engine-unavailable': entry('The native kernel could not be loaded.', 'Run `npm run setup`; `espalier doctor` says what is missing. The reference engine serves meanwhile, slowly.'),
  'engine-mismatch': entry('The engine does not agree with the reference on the probe sequences.', 'The model is not served by this engine; report the machine and `espalier doctor --json`.'),
  'engine-failed': entry('The engine failed on a batch.', 'See the cause; the reference engine can be forced with `engine.kind: reference`.'),
  'candidate-refused': entry('The candidate did not pass the examination.', 'The champion stays; the reasons are in the journal.', 3),
  'target-missed': entry('Nothing that was tried reaches the target.', 'Allow more loss, or give more `--minutes`, `--epochs` or data.', 3),
  'not-enough-evidence': entry('The trial ended without a decision.', 'The champion stays; give the trial more traffic, more labels or more time.', 4),
  'trainer-unavailable': entry('TensorFlow could not be loaded.', 'Run `npm run setup`; `espalier doctor` says what is missing.', 5),
  'gpu-missing': entry('The job demands a GPU, and TensorFlow has none here.', 'Run `espalier tune` on a machine with an NVIDIA GPU after `npm run setup` (`espalier doctor` shows what it found), or set `loop.device: any`.', 5),
  'trainer-crashed': entry('The training process ended unexpectedly.', 'The champion stays; the job may be tried again. See the cause for its last output.', 1, true),
  'trainer-failed': entry('The tuning job failed.', 'The champion stays; see the cause.'),
  'parity-failed': entry('The packed model does not agree with TensorFlow on the same sequences.', 'The candidate is discarded; report it with the seed of the job.'),
  'vault-missing': entry('The vault holds no such content.', 'Check the reference; the content may have been removed by hand.'),
  'vault-altered': entry('The content of the vault does not match its name.', 'Restore the file from a copy, or remove it.'),
  'evidence-invalid': entry('The evidence (moments or replay sample) is damaged, empty, or belongs to another model.', 'It is left out; check that all processes run the same version of espalier.'),
  'storage-full': entry('The disk is full.', 'Free space on the disk of the named folder and start again; nothing that was acknowledged is lost.', 6, true),
  'storage-failed': entry('Reading or writing a file failed.', 'Check the folder, its owner and its rights.', 6),
  'log-locked': entry('Another process uses this log folder.', 'Stop the other process, or choose another folder.', 6),
  'log-corrupt': entry('The log holds a damaged record before its end.', 'Restore the folder from a copy, or move it away to start anew.'),
  'log-closed': entry('The log is closed.', 'Nothing to do during a shutdown; otherwise open the log again.', 1, true),
  'broker-unreachable': entry('The Kafka broker cannot be reached.', 'Check `kafka.brokers` and the network; `espalier doctor` tries the address. Nothing that was acknowledged is lost.', 5, true),
  'broker-refused': entry('The Kafka broker refused the request.', 'See the cause: name and password, rights on topics and groups, or the size of the record.', 5),
  'topics-unsuitable': entry('The topics do not fit together.', 'Give requests, labels and states the same number of partitions, or let espalier create them under another `kafka.prefix`.', 2),
  'port-in-use': entry('The address is already in use.', 'Choose another port, or port 0 for any free one.', 6),
  'aborted': entry('The work was cancelled.', 'Start it again if it is still wanted.', 1, true),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** The one error class of the program: a code from the table, the details of this case, and its cause. */
export class EspalierError extends Error {
  readonly code: ErrorCode;
  readonly details: string;

  constructor(code: ErrorCode, details = '', cause?: unknown) {
    super(details === '' ? ERRORS[code].message : `${ERRORS[code].message} ${details}`, cause === undefined ? undefined : { cause });
    this.name = 'EspalierError';
    this.code = code;
    this.details = details;
  }

  get remedy(): string { return ERRORS[this.code].remedy; }
  get retryable(): boolean { return ERRORS[this.code].retryable; }
  get exitCode(): number { return ERRORS[this.code].exitCode; }
}

/** The code of an error, or undefined for what is not ours. */
export function codeOf(error: unknown): ErrorCode | undefined {
  return error instanceof EspalierError ? error.code : undefined;
}

/** Ends the program on a programmer's mistake; never used for bad input. */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${what}`);
}
