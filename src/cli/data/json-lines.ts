/** JSON lines of words or frames, with labels or numbers. */
import { EspalierError } from '../../errors.ts';
import { splitText } from '../../model/tokenize.ts';
import { NO_ANSWER } from './example.ts';
import type { Example, Task } from './example.ts';

export interface DataLine extends Example {
  readonly task: Task;
  /** Numbers of a frame; 0 where words are read. */
  readonly width: number;
}

export const NO_GENRE = 'data';

/** What Python's json writes for numbers that are none. */
const NOT_FINITE = /\b(?:NaN|Infinity)\b/;

/** Ends with data-unreadable at a line. */
export type Bad = (what: string) => never;

const FORMS = 'Each line is {"text":"…"}, {"words":[…]} or {"frames":[[…],…]}, with "label":"…" (one for all), "tags":[…] (one a step) or "values":[…] (numbers), and an optional "genre".';

/** A text with one label. @param without the task of lines that may have no answer; null where each must have one */
export function labelledText(text: string, label: string, genre: string, without: Task | null, bad: Bad): DataLine {
  const input = splitText(text);
  if (input.length === 0) return bad('the text is empty.');
  if (label === '') return without === null ? bad('the label is empty.') : { input, answer: NO_ANSWER, genre, task: without, width: 0 };
  return { input, answer: [label], genre, task: 'classify', width: 0 };
}

const isStrings = (list: unknown): list is string[] => Array.isArray(list) && list.every((item) => typeof item === 'string');
const isNumbers = (list: unknown): list is number[] => Array.isArray(list) && list.length > 0 && list.every((item) => typeof item === 'number' && Number.isFinite(Math.fround(item)));

/** Frames side by side, [steps · width]. */
function framesOf(list: unknown, bad: Bad): { readonly frames: Float32Array; readonly steps: number } {
  if (!Array.isArray(list) || list.length === 0) return bad('frames must be a list of frames, at least 1.');
  list.forEach((frame, at) => { if (!isNumbers(frame)) bad(`frame ${at + 1} is not a list of finite numbers, at least 1; put a number where one is missing, or leave the line out.`); });
  const rows = list as number[][], width = rows[0]!.length;
  const other = rows.findIndex((row) => row.length !== width);
  if (other >= 0) bad(`frame ${other + 1} has ${rows[other]!.length} numbers, the first one ${width}; give every frame as many, with 0 for what is missing.`);
  return { frames: Float32Array.from(rows.flat()), steps: rows.length };
}

function inputOf({ text, words, frames }: Readonly<Record<string, unknown>>, bad: Bad): { readonly input: Example['input']; readonly steps: number } {
  if ([text, words, frames].filter((given) => given !== undefined).length !== 1) return bad('exactly one of text, words and frames must be given.');
  if (frames !== undefined) {
    const { frames: input, steps } = framesOf(frames, bad);
    return { input, steps };
  }
  if (text !== undefined && typeof text !== 'string') return bad('text must be a string.');
  const input = text !== undefined ? splitText(text) : words;
  if (!isStrings(input)) return bad('words must be a list of strings.');
  return input.length === 0 ? bad(text === undefined ? 'words is empty.' : 'the text is empty.') : { input, steps: input.length };
}

function answerOf({ label, tags, values }: Readonly<Record<string, unknown>>, steps: number, without: Task | null, bad: Bad): { readonly answer: Example['answer']; readonly task: Task } {
  const answers = [label, tags, values].filter((given) => given !== undefined).length;
  if (answers === 0 && without !== null) return { answer: NO_ANSWER, task: without };
  if (answers !== 1) return bad('exactly one of label, tags and values must be given.');
  if (label !== undefined) return typeof label === 'string' && label !== '' ? { answer: [label], task: 'classify' } : bad('label must be a string that is not empty.');
  if (tags !== undefined) return isStrings(tags) && tags.length === steps ? { answer: tags, task: 'tag' } : bad(`tags must be a list of as many strings as there are steps (${steps}).`);
  return isNumbers(values) ? { answer: Float32Array.from(values), task: 'regress' } : bad('values must be a list of finite numbers, at least 1.');
}

function jsonLine(text: string, where: string, without: Task | null): DataLine {
  const bad: Bad = (what) => { throw new EspalierError('data-unreadable', `${where}: ${what} ${FORMS}`); };
  let value: unknown;
  try { value = JSON.parse(text); } catch { return bad(NOT_FINITE.test(text) ? 'not valid JSON, which has no NaN and no Infinity; put a number there, or leave the line out.' : 'not valid JSON.'); }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return bad('not an object.');
  const fields = value as Readonly<Record<string, unknown>>;
  const { input, steps } = inputOf(fields, bad);
  const { answer, task } = answerOf(fields, steps, without, bad);
  return { input, answer, task, width: input instanceof Float32Array ? input.length / steps : 0, genre: typeof fields['genre'] === 'string' ? fields['genre'] : NO_GENRE };
}

/** Each line that is not empty, with its number. Throws data-unreadable. */
export function* jsonLines(text: string, file: string, without: Task | null): Generator<readonly [DataLine, number]> {
  let number = 0;
  for (const line of text.split('\n')) {
    number++;
    if (line.trim() !== '') yield [jsonLine(line, `${file}:${number}`, without), number];
  }
}
