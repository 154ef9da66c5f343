/** One's own data: JSON lines, CSV or plain text, every fault with its line. */
import * as fs from 'node:fs';
import { EspalierError } from '../../errors.ts';
import { CsvFault, csvRows } from './csv.ts';
import type { Example, Task } from './example.ts';
import type { Bad, DataLine } from './json-lines.ts';
import { NO_GENRE, jsonLines, labelledText } from './json-lines.ts';

/** Examples of one kind. */
export interface ExampleData {
  readonly kind: 'examples';
  readonly task: Task;
  readonly examples: readonly Example[];
  /** Numbers of a frame; 0 where words are read. */
  readonly width: number;
  /** Numbers of an answer; 0 where it is labels. */
  readonly outputs: number;
}

/** A running text, for a language model. */
export interface TextData { readonly kind: 'text'; readonly task: 'next'; readonly text: string }

export type OwnData = ExampleData | TextData;

function* csvLines(text: string, file: string, without: Task | null): Generator<readonly [DataLine, number]> {
  let columns: readonly string[] | null = null;
  const at = (fields: readonly string[], name: string): string | undefined => fields[columns!.indexOf(name)];
  for (const { fields, line } of csvRows(text)) {
    const bad: Bad = (what) => { throw new EspalierError('data-unreadable', `${file}:${line}: ${what}`); };
    if (columns === null) {
      columns = fields.map((name) => name.trim().toLowerCase());
      if (!columns.includes('text') || (!columns.includes('label') && without === null)) bad(`the header has no columns text${without === null ? ' and label' : ''}, but ${columns.join(', ')}.`);
      continue;
    }
    if (fields.length !== columns.length) bad(`${fields.length} fields, and the header has ${columns.length}.`);
    yield [labelledText(at(fields, 'text')!, (at(fields, 'label') ?? '').trim(), at(fields, 'genre') ?? NO_GENRE, without, bad), line];
  }
}

/** The lines of a file as examples of one kind. */
function examplesOf(lines: Iterable<readonly [DataLine, number]>, file: string): ExampleData {
  const examples: DataLine[] = [];
  for (const [line, number] of lines) {
    const bad: Bad = (what) => { throw new EspalierError('data-unreadable', `${file}:${number}: ${what}`); };
    const first = examples[0] ?? line;
    if (line.task !== first.task) bad('lines with a label, with tags and with values are mixed; make a file, and a model, of each.');
    if (line.width > 0 !== first.width > 0) bad('lines of words and lines of frames are mixed; make a file, and a model, of each.');
    if (line.width !== first.width) bad(`its frames have ${line.width} numbers, those of the first line ${first.width}; give every frame as many, with 0 for what is missing.`);
    const values = examples.find(({ answer }) => answer.length > 0)?.answer.length ?? line.answer.length;
    if (line.task === 'regress' && line.answer.length > 0 && line.answer.length !== values) bad(`it has ${line.answer.length} values, the first line ${values}.`);
    examples.push(line);
  }
  if (examples.length === 0) throw new EspalierError('data-unreadable', `${file}: there is nothing in it.`);
  const { task, width } = examples[0]!, numbers = examples.find(({ answer }) => answer instanceof Float32Array);
  return { kind: 'examples', task, examples: examples.map(({ input, answer: own, genre }) => ({ input, answer: own, genre })), width, outputs: numbers?.answer.length ?? 0 };
}

/**
 * Reads a file: CSV where its name ends with .csv, plain text with .txt, else JSON lines. Throws data-unreadable with the line.
 * @param without the task of lines that may have no answer; null where each must have one
 */
export function readData(file: string, without: Task | null = null): OwnData {
  let text: string;
  try { text = fs.readFileSync(file, 'utf8'); } catch (error) { throw new EspalierError('data-unreadable', `${file}: ${(error as Error).message}`, error); }
  const name = file.toLowerCase();
  if (name.endsWith('.txt')) {
    if (text.trim() === '') throw new EspalierError('data-unreadable', `${file}: there is nothing in it.`);
    return { kind: 'text', task: 'next', text: text.replaceAll('\r\n', '\n') };
  }
  try {
    return examplesOf(name.endsWith('.csv') ? csvLines(text, file, without) : jsonLines(text, file, without), file);
  } catch (error) {
    throw error instanceof CsvFault ? new EspalierError('data-unreadable', `${file}:${error.line}: ${error.message}.`, error) : error;
  }
}
