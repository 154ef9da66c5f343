/** One's own data, whatever they are: an input, and what is to be answered. */
import type { ReplayItem } from '../../evidence/replay.ts';
import type { Model } from '../../model/model.ts';
import type { Task as AnyTask } from '../../model/shape.ts';
import { vocabularyOf, wordIds } from '../../model/tokenize.ts';
import type { Tokenizer } from '../../model/tokenizer.ts';

/** What lines of data can be for; plain text is for `next`. */
export type Task = Exclude<AnyTask, 'next'>;

export interface Example {
  /** Words, or frames [steps · width]. */
  readonly input: readonly string[] | Float32Array;
  /** Labels, [steps] for tag and [1] for classify; numbers for regress; NO_ANSWER where none is known. */
  readonly answer: readonly string[] | Float32Array;
  readonly genre: string;
}

/** Of an example without labels. */
export const NO_ANSWER: readonly string[] = [];

/** Examples that follow one another; where state is carried, it runs through them. */
export interface ExampleSession { readonly id: string; readonly examples: readonly Example[] }

/** What inputs and answers mean to a network. */
export interface Reading {
  readonly task: AnyTask;
  readonly tokenizer: Tokenizer;
  /** Of tag and classify; empty otherwise. */
  readonly labels: readonly string[];
  /** Numbers of a frame; 0 where words are read. */
  readonly width: number;
  /** Labels, tokens (next) or numbers (regress). */
  readonly outputs: number;
}

export const readingOf = ({ shape: { task, vocabulary, inputs, outputs }, tokenizer, labels }: Pick<Model, 'shape' | 'tokenizer' | 'labels'>): Reading =>
  ({ task, tokenizer, labels, width: vocabulary > 0 ? 0 : inputs, outputs });

/** Runs of examples of one genre, at most so many in each. */
export function sessionsOfExamples(examples: readonly Example[], length: number): readonly ExampleSession[] {
  const sessions: { readonly id: string; readonly genre: string; readonly examples: Example[] }[] = [];
  for (const example of examples) {
    let last = sessions.at(-1);
    if (last === undefined || last.genre !== example.genre || last.examples.length >= length) sessions.push(last = { id: `s${sessions.length}`, genre: example.genre, examples: [] });
    last.examples.push(example);
  }
  return sessions;
}

/** −1 for a label that is not known; steps without tags among others that have them are not known either. */
function targetsOf({ input, answer }: Example, labelAt: ReadonlyMap<string, number>): Int32Array | Float32Array {
  if (answer instanceof Float32Array) return answer;
  return answer.length === 0 ? new Int32Array(input.length).fill(-1) : Int32Array.from(answer, (label) => labelAt.get(label) ?? -1);
}

/** Sessions as items to train on or to judge by; −1 for a label that the network has not, no targets where nothing is labelled. */
export function itemsOfSessions({ task, tokenizer, labels }: Reading, sessions: readonly ExampleSession[]): readonly ReplayItem[] {
  const idOf = wordIds(tokenizer);
  const labelAt = new Map(labels.map((label, at) => [label, at]));
  return sessions.map(({ id, examples }) => ({
    id,
    inputs: joined(examples.map(({ input }) => (input instanceof Float32Array ? input : Int32Array.from(input, idOf)))),
    targets: task === 'next' || examples.every(({ answer }) => answer.length === 0) ? null : joined(examples.map((example) => targetsOf(example, labelAt))),
  }));
}

function joined(parts: readonly (Int32Array | Float32Array)[]): Int32Array | Float32Array {
  if (parts.length === 1) return parts[0]!;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = parts[0] instanceof Float32Array ? new Float32Array(length) : new Int32Array(length);
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return whole;
}

/** The id of every token has a name: known words, then classes of unknown ones. */
export const tokenNames = (tokenizer: Tokenizer): readonly string[] =>
  [...tokenizer.words, ...Array.from({ length: vocabularyOf(tokenizer) - tokenizer.words.length }, (_, at) => (at === 0 && tokenizer.kind !== 'words' ? '<unknown>' : `<unknown ${at}>`))];
