/**
 * The wire form of requests, labels and predictions: one JSON object a record. Total: whatever the bytes are, the
 * answer is a value or a code with a reason; nothing throws.
 */
import type { ErrorCode } from '../errors.ts';
import type { Task } from '../model/shape.ts';
import { splitText } from '../model/tokenize.ts';
import { framesOf } from './frames.ts';
import type { Label, Prediction, Request } from './request.ts';

export interface Refused { readonly ok: false; readonly code: ErrorCode; readonly reason: string }
export type Decoded<T> = { readonly ok: true; readonly value: T } | Refused;

export interface RequestRules {
  /** Token id of a word (`wordIds(tokenizer)`: made once, it indexes the words). */
  readonly wordId: (word: string) => number;
  /** How a text becomes words (`splitterOf(tokenizer)`), at white space where left out; null where the model reads no text. */
  readonly split?: ((text: string) => readonly string[]) | null;
  /** Token ids are below this; 0 where the model reads frames. */
  readonly vocabulary: number;
  /** Numbers of a frame, where the model reads frames. */
  readonly frame?: number;
  readonly stepsMax: number;
  readonly bytesMax: number;
}

export interface LabelRules {
  /** What the model answers; tag and classify, whose labels have names, where left out. */
  readonly task?: Task;
  /** regress: numbers of an answer. */
  readonly outputs?: number;
  /** Label names to label ids. */
  readonly labels: ReadonlyMap<string, number>;
  readonly stepsMax: number;
  readonly bytesMax: number;
}

/** Characters of an id or the name of a session. */
export const NAME_CHARS_MAX = 200;
/** Bytes of an offending record that its refusal carries along. */
const KEPT_BYTES_MAX = 1024;
/** The largest time that a JavaScript date can hold, milliseconds. */
const AT_MAX = 8.64e15;
/** With the u flag this matches a surrogate only where it has no partner; such a text does not survive UTF-8. */
const LONE_SURROGATE = /[\uD800-\uDFFF]/u;

const refuse = (code: ErrorCode, reason: string): Refused => ({ ok: false, code, reason });
const isRefused = (value: unknown): value is Refused => typeof value === 'object' && value !== null && 'ok' in value && value.ok === false;

type Fields = Readonly<Record<string, unknown>>;

/** A JSON object with known fields only, or why it is none. */
function fieldsOf(bytes: Uint8Array, known: readonly string[], notJson: ErrorCode, invalid: ErrorCode): Decoded<Fields> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return refuse(notJson, 'not JSON in UTF-8');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(notJson, 'not a JSON object');
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) return refuse(invalid, `unknown field ${JSON.stringify(unknown.slice(0, 40))}`);
  return { ok: true, value: value as Fields };
}

/** An own field; so nothing is ever read from a prototype. */
const field = (fields: Fields, name: string): unknown => (Object.hasOwn(fields, name) ? fields[name] : undefined);

function nameOf(fields: Fields, key: 'id' | 'session', code: ErrorCode): string | Refused {
  const name = field(fields, key);
  if (typeof name !== 'string' || name === '') return refuse(code, `"${key}" must be a text that is not empty`);
  if (name.length > NAME_CHARS_MAX) return refuse(code, `"${key}" has more than ${NAME_CHARS_MAX} characters`);
  if (LONE_SURROGATE.test(name)) return refuse(code, `"${key}" is not well-formed Unicode`);
  return name;
}

function timeOf(fields: Fields, otherwise: number, code: ErrorCode): number | Refused {
  const at = field(fields, 'at');
  if (at === undefined) return otherwise;
  return typeof at === 'number' && Math.abs(at) <= AT_MAX ? at : refuse(code, '"at" must be a time in milliseconds');
}

/** The sequence as token ids, or as frames. */
function inputsOf(fields: Fields, rules: RequestRules): Int32Array | Float32Array | Refused {
  const text = field(fields, 'text'), tokens = field(fields, 'tokens'), frames = field(fields, 'frames');
  if (rules.vocabulary === 0) return framesOf(frames, text ?? tokens, rules);
  if (frames !== undefined) return refuse('request-invalid', 'the model reads token ids, not "frames"');
  if ((text === undefined) === (tokens === undefined)) return refuse('request-invalid', 'exactly one of "text" and "tokens" is needed');
  const { split = splitText } = rules;
  if (text !== undefined && split === null) return refuse('request-invalid', 'the model has no tokenizer; send "tokens"');
  const steps: unknown = typeof text === 'string' ? split!(text) : text ?? tokens;
  if (!Array.isArray(steps)) return refuse('request-invalid', tokens === undefined ? '"text" must be a text or a list of words' : '"tokens" must be a list of ids');
  if (steps.length === 0) return refuse('request-empty', 'no steps');
  if (steps.length > rules.stepsMax) return refuse('request-too-long', `${steps.length} steps, at most ${rules.stepsMax} are allowed`);
  return tokens === undefined ? wordInputs(steps, rules) : tokenInputs(steps, rules);
}

function wordInputs(words: readonly unknown[], rules: RequestRules): Int32Array | Refused {
  const ids = new Int32Array(words.length);
  for (const [at, word] of words.entries()) {
    if (typeof word !== 'string') return refuse('request-invalid', `"text"[${at}] must be a word`);
    ids[at] = rules.wordId(word);
  }
  return ids;
}

function tokenInputs(tokens: readonly unknown[], rules: RequestRules): Int32Array | Refused {
  const ids = new Int32Array(tokens.length);
  for (const [at, token] of tokens.entries()) {
    if (typeof token !== 'number' || !Number.isInteger(token)) return refuse('request-invalid', `"tokens"[${at}] must be an integer`);
    if (token < 0 || token >= rules.vocabulary) return refuse('token-unknown', `"tokens"[${at}] is not from 0 to ${rules.vocabulary - 1}`);
    ids[at] = token;
  }
  return ids;
}

/** Bytes of the requests topic to a request. @param arrivedAt its time where it names none, milliseconds since the epoch */
export function decodeRequest(value: Uint8Array, rules: RequestRules, arrivedAt = 0): Decoded<Request> {
  if (value.length > rules.bytesMax) return refuse('request-too-large', `${value.length} bytes, at most ${rules.bytesMax} are allowed`);
  const read = fieldsOf(value, ['id', 'session', 'sequence', 'text', 'tokens', 'frames', 'at'], 'request-not-json', 'request-invalid');
  if (!read.ok) return read;
  const id = nameOf(read.value, 'id', 'request-invalid');
  if (isRefused(id)) return id;
  const session = nameOf(read.value, 'session', 'request-invalid');
  if (isRefused(session)) return session;
  const given = field(read.value, 'sequence');
  const sequence = given === undefined ? 0 : given;
  if (typeof sequence !== 'number' || !Number.isSafeInteger(sequence) || sequence < 0) return refuse('request-invalid', '"sequence" must be an integer from 0');
  const at = timeOf(read.value, arrivedAt, 'request-invalid');
  if (isRefused(at)) return at;
  const inputs = inputsOf(read.value, rules);
  if (isRefused(inputs)) return inputs;
  return { ok: true, value: { id, session, sequence, inputs, at } };
}

/** Bytes of the labels topic to a label; names that the model does not know become −1. */
export function decodeLabel(value: Uint8Array, rules: LabelRules, arrivedAt = 0): Decoded<Label> {
  if (value.length > rules.bytesMax) return refuse('label-invalid', `${value.length} bytes, at most ${rules.bytesMax} are allowed`);
  const read = fieldsOf(value, ['id', 'session', 'target', 'at'], 'label-invalid', 'label-invalid');
  if (!read.ok) return read;
  const id = nameOf(read.value, 'id', 'label-invalid');
  if (isRefused(id)) return id;
  const session = nameOf(read.value, 'session', 'label-invalid');
  if (isRefused(session)) return session;
  const at = timeOf(read.value, arrivedAt, 'label-invalid');
  if (isRefused(at)) return at;
  const target = field(read.value, 'target');
  const names: readonly unknown[] = Array.isArray(target) ? target : [target];
  if (rules.task === 'regress' || rules.task === 'next') {
    const numbers = numbersOf(names, rules);
    return isRefused(numbers) ? numbers : { ok: true, value: rules.task === 'next' ? { id, session, target: Int32Array.from(numbers), at } : { id, session, target: new Int32Array(0), values: numbers, at } };
  }
  if (names.length === 0 || names.length > rules.stepsMax) return refuse('label-invalid', `"target" must have 1 to ${rules.stepsMax} names`);
  const ids = new Int32Array(names.length);
  for (const [step, name] of names.entries()) {
    if (typeof name !== 'string') return refuse('label-invalid', '"target" must be a label name or a list of label names');
    ids[step] = rules.labels.get(name) ?? -1;
  }
  return { ok: true, value: { id, session, target: ids, at } };
}

/** A target in numbers: the `outputs` numbers of a regression, or the token ids of a language model. */
function numbersOf(target: readonly unknown[], { task, outputs = 0, stepsMax }: LabelRules): Float32Array | Refused {
  if (task === 'regress' ? target.length !== outputs : target.length === 0 || target.length > stepsMax) return refuse('label-invalid', task === 'regress' ? `"target" must be ${outputs} numbers` : `"target" must have 1 to ${stepsMax} token ids`);
  const numbers = new Float32Array(target.length);
  for (const [at, value] of target.entries()) {
    const sound = typeof value === 'number' && (task === 'regress' ? Number.isFinite(Math.fround(value)) : Number.isInteger(value) && value >= 0 && value < outputs);
    if (!sound) return refuse('label-invalid', task === 'regress' ? `"target"[${at}] must be a finite number` : `"target"[${at}] must be a token id from 0 to ${outputs - 1}`);
    numbers[at] = value;
  }
  return numbers;
}

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** Of each answer its likeliest labels with their probabilities, four digits behind the point: [[["yes", 0.91], ["no", 0.08]], …]. */
function alternativesOf({ ranked }: Prediction, nameOf: (label: number) => string | number): readonly (readonly (readonly [string | number, number])[])[] | null {
  if (ranked == null) return null;
  const { top, labels, probabilities } = ranked;
  return Array.from({ length: labels.length / top }, (_, t) => Array.from({ length: top }, (__, i) => [nameOf(labels[t * top + i]!), Math.round(1e4 * probabilities[t * top + i]!) / 1e4] as const));
}

/** A prediction as the world reads it: `labels` with one name a step for tag, `label` for classify, `tokens` (the next one after each step) for next, `values` for regress; where `serving.top` is above 1 `alternatives` too, a list of [label or token, probability] for each step (of classify one list). */
export function encodePrediction(prediction: Prediction, labelNames: readonly string[], task: Task): Uint8Array {
  const { id, session, confidence, model, arm, at } = prediction;
  const names = (): string[] => Array.from(prediction.labels, (label) => labelNames[label]!);
  const said = {
    tag: () => ({ labels: names() }), classify: () => ({ label: names()[0] }),
    next: () => ({ tokens: [...prediction.labels] }), regress: () => ({ values: [...prediction.values ?? []] }),
  }[task]();
  const ranked = alternativesOf(prediction, task === 'next' ? (token) => token : (label) => labelNames[label]!);
  const alternatives = ranked === null ? {} : { alternatives: task === 'classify' ? ranked[0] : ranked };
  return encode({ id, session, ...said, confidence, ...alternatives, model, arm, at });
}

/** What the refused topic says of a record: the code, the reason, and how the record began (base64). */
export function encodeRefusal(value: Uint8Array, code: ErrorCode, reason: string): Uint8Array {
  const begin = btoa(String.fromCharCode(...value.subarray(0, KEPT_BYTES_MAX)));
  return encode({ code, reason, bytes: value.length, record: begin });
}
