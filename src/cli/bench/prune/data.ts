/** The data of each task of the bench, in three parts: to train on, to choose by, to look at once. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EspalierError } from '../../../errors.ts';
import type { ReplayItem } from '../../../evidence/replay.ts';
import { stepsOf } from '../../../model/cell.ts';
import type { ModelShape } from '../../../model/shape.ts';
import { tokenizerOf, vocabularyOf, wordIds } from '../../../model/tokenize.ts';
import type { Tokenizer } from '../../../model/tokenizer.ts';
import { NO_TOKENIZER } from '../../../model/tokenizer.ts';
import { splitItems } from '../../../tuning/examine.ts';
import { MEL_BANDS } from '../../data/log-mel.ts';
import { itemsOf } from '../../data/items.ts';
import { corpusOf, readBrown } from '../../demo/corpus.ts';
import { readClinc } from '../clinc.ts';
import type { TaskName } from './row.ts';
import type { Settings } from './settings.ts';
import { leaveOut, readSpoken, speakersOf } from './spoken.ts';

export interface Parts { readonly train: readonly ReplayItem[]; readonly validation: readonly ReplayItem[]; readonly test: readonly ReplayItem[] }

/** What a network for the task looks like, but for its cell and units. */
export type TaskShape = Pick<ModelShape, 'vocabulary' | 'inputs' | 'task' | 'outputs' | 'state'>;

export interface Work {
  readonly shape: TaskShape;
  readonly tokenizer: Tokenizer;
  readonly labels: readonly string[];
  /** What is left out in turn; one empty name where the test part is given. */
  readonly folds: readonly string[];
  readonly parts: (fold: string) => Parts;
}

const given = (parts: Parts): Pick<Work, 'folds' | 'parts'> => ({ folds: [''], parts: () => parts });

async function clincWork(folder: string, inputs: number): Promise<Work> {
  const { train, validation, test, words, labels } = await readClinc(folder);
  const tokenizer: Tokenizer = { kind: 'whitespace', words, suffixes: [], foldCase: true };
  return { shape: { vocabulary: vocabularyOf(tokenizer), inputs, task: 'classify', outputs: labels.length, state: 'reset' }, tokenizer, labels, ...given({ train, validation, test }) };
}

async function spokenWork(folder: string): Promise<Work> {
  const recordings = await readSpoken(folder), labels = Array.from({ length: 10 }, (_, digit) => String(digit));
  return { shape: { vocabulary: 0, inputs: MEL_BANDS, task: 'classify', outputs: labels.length, state: 'reset' }, tokenizer: NO_TOKENIZER, labels, folds: speakersOf(recordings), parts: (fold) => leaveOut(recordings, fold) };
}

/** Characters of a piece that state runs through, and shares of the text: the last tenth is the test part, what is before it the validation part. */
const PIECE = 2000, TEST_FROM = 0.9, VALIDATION_FROM = 0.87;

function piecesOf(ids: Int32Array, name: string): readonly ReplayItem[] {
  return Array.from({ length: Math.ceil(ids.length / PIECE) }, (_, at): ReplayItem => ({ id: `${name}${at}`, inputs: ids.subarray(at * PIECE, (at + 1) * PIECE), targets: null })).filter(({ inputs }) => inputs.length > 1);
}

async function textWork(folder: string, inputs: number): Promise<Work> {
  const file = join(folder, 'tinyshakespeare', 'input.txt'), text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) throw new EspalierError('data-unreadable', `${file} is not there.`);
  const characters = [...text], at = (share: number): number => Math.round(share * characters.length);
  const tokenizer = tokenizerOf([characters.slice(0, at(VALIDATION_FROM))], { kind: 'characters', countMin: 1, wordsMax: 1000, suffixes: [], foldCase: false });
  const ids = Int32Array.from(characters, wordIds(tokenizer)), outputs = vocabularyOf(tokenizer);
  return {
    shape: { vocabulary: outputs, inputs, task: 'next', outputs, state: 'carry' }, tokenizer, labels: [],
    ...given({ train: piecesOf(ids.subarray(0, at(VALIDATION_FROM)), 't'), validation: piecesOf(ids.subarray(at(VALIDATION_FROM), at(TEST_FROM)), 'v'), test: piecesOf(ids.subarray(at(TEST_FROM)), 'e') }),
  };
}

/** Share of the training sessions that are set aside to choose by. */
const BROWN_VALIDATION = 0.05;

/** All genres to train on; one session in ten of each is the test part, as in the demonstration. */
function brownWork(inputs: number): Work {
  const corpus = corpusOf('Brown corpus', 'tag', readBrown(), () => true), { tokenizer, labels } = corpus;
  const { training, heldOut } = splitItems(itemsOf(corpus, corpus.training, true), BROWN_VALIDATION);
  return { shape: { vocabulary: vocabularyOf(tokenizer), inputs, task: 'tag', outputs: labels.length, state: 'carry' }, tokenizer, labels, ...given({ train: training, validation: heldOut, test: itemsOf(corpus, corpus.heldOut, true) }) };
}

const READERS: Readonly<Record<TaskName, (folder: string, inputs: number) => Work | Promise<Work>>> = {
  clinc150: clincWork, fsdd: spokenWork, tinyshakespeare: textWork, brown: (_, inputs) => brownWork(inputs),
};

/** Evenly spread, so that every class and speaker is among them. */
const thinned = (items: readonly ReplayItem[], most: number): readonly ReplayItem[] => (items.length <= most ? items : Array.from({ length: most }, (_, at) => items[Math.floor(at * items.length / most)]!));

/** @param folder with clinc150, fsdd and tinyshakespeare. Throws data-unreadable. */
export async function readWork(folder: string, { task, inputs, itemsMax = Infinity, foldsMax = Infinity }: Settings): Promise<Work> {
  const work = await READERS[task](folder, inputs);
  return {
    ...work, folds: work.folds.slice(0, foldsMax),
    parts: (fold) => {
      const { train, validation, test } = work.parts(fold);
      return { train: thinned(train, itemsMax), validation: thinned(validation, itemsMax), test: thinned(test, itemsMax) };
    },
  };
}

/** Items cut into shorter ones, each by itself: for moments and for speed, where long ones would keep most lanes idle. */
export function shortened({ shape }: Pick<Work, 'shape'>, items: readonly ReplayItem[], stepsMax: number): readonly ReplayItem[] {
  const width = shape.vocabulary > 0 ? 1 : shape.inputs;
  return items.flatMap((item): readonly ReplayItem[] => {
    const steps = stepsOf(shape, item.inputs);
    if (steps <= stepsMax) return [item];
    return Array.from({ length: Math.ceil(steps / stepsMax) }, (_, at) => ({ id: `${item.id}.${at}`, inputs: item.inputs.subarray(at * stepsMax * width, (at + 1) * stepsMax * width), targets: shape.task === 'tag' ? item.targets?.subarray(at * stepsMax, (at + 1) * stepsMax) ?? null : item.targets }));
  });
}
