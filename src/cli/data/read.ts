/** One's own data: JSON lines or CSV, as sequences with their labels, every fault with its line. */
import * as fs from 'node:fs';
import { EspalierError } from '../../errors.ts';
import type { Task as AnyTask } from '../../model/shape.ts';
import { splitText } from '../../model/tokenize.ts';
import type { TaggedSequence } from '../../traffic/corpus.ts';
import { CsvFault, csvRows } from './csv.ts';

/** What one's own data can be for. */
export type Task = Extract<AnyTask, 'tag' | 'classify'>;

export interface DataLine {
  readonly sequence: TaggedSequence;
  readonly genre: string;
  readonly task: Task;
}

export interface OwnData {
  readonly task: Task;
  readonly lines: readonly DataLine[];
}

const NO_GENRE = 'data';

/** Ends with data-unreadable at a line. */
type Bad = (what: string) => never;

function labelledLine(text: string, label: string, genre: string, bad: Bad): DataLine {
  const words = splitText(text);
  if (words.length === 0) return bad('the text is empty.');
  if (label === '') return bad('the label is empty.');
  return { sequence: { words, tags: [label] }, genre, task: 'classify' };
}

const isStrings = (list: unknown): list is string[] => Array.isArray(list) && list.every((item) => typeof item === 'string');

function jsonLine(text: string, where: string): DataLine {
  const bad: Bad = (what) => { throw new EspalierError('data-unreadable', `${where}: ${what} Each line is {"words":[…],"tags":[…]} or {"text":"…","label":"…"}, with an optional "genre".`); };
  let value: unknown;
  try { value = JSON.parse(text); } catch { return bad('not valid JSON.'); }
  if (typeof value !== 'object' || value === null) return bad('not an object.');
  const { words, tags, text: sentence, label, genre: given } = value as Record<string, unknown>;
  const genre = typeof given === 'string' ? given : NO_GENRE;
  if (typeof sentence === 'string' && typeof label === 'string') return labelledLine(sentence, label, genre, bad);
  if (!isStrings(words) || !isStrings(tags) || words.length === 0 || words.length !== tags.length) return bad('words and tags must be lists of strings of the same length, at least 1.');
  return { sequence: { words, tags }, genre, task: 'tag' };
}

function* jsonLines(text: string, file: string): Generator<readonly [DataLine, number]> {
  let number = 0;
  for (const line of text.split('\n')) {
    number++;
    if (line.trim() !== '') yield [jsonLine(line, `${file}:${number}`), number];
  }
}

function* csvLines(text: string, file: string): Generator<readonly [DataLine, number]> {
  let columns: readonly string[] | null = null;
  const at = (fields: readonly string[], name: string): string | undefined => fields[columns!.indexOf(name)];
  for (const { fields, line } of csvRows(text)) {
    const bad: Bad = (what) => { throw new EspalierError('data-unreadable', `${file}:${line}: ${what}`); };
    if (columns === null) {
      columns = fields.map((name) => name.trim().toLowerCase());
      if (!columns.includes('text') || !columns.includes('label')) bad(`the header has no columns text and label, but ${columns.join(', ')}.`);
      continue;
    }
    if (fields.length !== columns.length) bad(`${fields.length} fields, and the header has ${columns.length}.`);
    yield [labelledLine(at(fields, 'text')!, at(fields, 'label')!.trim(), at(fields, 'genre') ?? NO_GENRE, bad), line];
  }
}

/** Reads a file: CSV where its name ends with .csv, else JSON lines. Throws data-unreadable with the line. */
export function readData(file: string): OwnData {
  let text: string;
  try { text = fs.readFileSync(file, 'utf8'); } catch (error) { throw new EspalierError('data-unreadable', `${file}: ${(error as Error).message}`, error); }
  const lines: DataLine[] = [];
  try {
    for (const [line, number] of file.toLowerCase().endsWith('.csv') ? csvLines(text, file) : jsonLines(text, file)) {
      if (line.task !== (lines[0] ?? line).task) throw new EspalierError('data-unreadable', `${file}:${number}: tagged and labelled lines are mixed.`);
      lines.push(line);
    }
  } catch (error) {
    throw error instanceof CsvFault ? new EspalierError('data-unreadable', `${file}:${error.line}: ${error.message}.`, error) : error;
  }
  if (lines.length === 0) throw new EspalierError('data-unreadable', `${file}: there is nothing in it.`);
  return { task: lines[0]!.task, lines };
}
