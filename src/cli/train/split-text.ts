/**
 * A running text in three parts one after another: to train on, to stop by, to judge by. Pieces from all over the text are
 * more like what was trained on than what comes after it, so they would stop training late and promise too much
 * (tinyshakespeare, one model: 2.40 bits per character on such pieces, 2.39 on training text, 2.58 on the last tenth).
 */
import { EspalierError } from '../../errors.ts';
import { splitText, tokenizerOf, vocabularyOf } from '../../model/tokenize.ts';
import { splitItems } from '../../tuning/examine.ts';
import type { ExampleSession, Reading } from '../data/example.ts';
import { itemsOfSessions } from '../data/example.ts';
import type { Parts } from './split.ts';
import { TEST_SHARE, VALIDATION_SHARE, tooLittle } from './split.ts';

/** characters: one step for each Unicode character; words: one for each run between white space. */
export type Tokens = 'characters' | 'words';

/** Steps of a piece: the state runs through it, and it is trained on or examined as a whole. */
const PIECE_MAX = 2000;
/** Pieces that are aimed at where the text is short, and steps below which three parts say nothing. */
const PIECES_MIN = 50, STEPS_MIN = 500;
/** Words seen less often are unknown; every character of the training part is known. */
const WORD_COUNT_MIN = 2, WORDS_MAX = 20_000;

const cut = (steps: readonly string[], length: number, name: string): readonly ExampleSession[] =>
  Array.from({ length: Math.ceil(steps.length / length) }, (_, at) => ({ id: `${name}${at}`, examples: [{ input: steps.slice(at * length, (at + 1) * length), answer: [], genre: 'text' }] }))
    .filter(({ examples }) => examples[0]!.input.length > 1);

export const stepsOfText = (text: string, tokens: Tokens): readonly string[] => (tokens === 'characters' ? [...text] : splitText(text));

/** Pieces of a text to judge a model by. */
export const piecesOf = (steps: readonly string[]): readonly ExampleSession[] => cut(steps, PIECE_MAX, 'p');

const stepsIn = (sessions: readonly ExampleSession[]): number => sessions.reduce((sum, { examples }) => sum + examples[0]!.input.length, 0);

/** A job sets items aside by the hash of their names, so a name is looked for that falls on the wanted side. */
function nameOn(validation: boolean, name: string): string {
  for (let tried = 0; ; tried++) {
    const id = `${name}.${tried}`;
    if ((splitItems([{ id }], VALIDATION_SHARE).heldOut.length === 1) === validation) return id;
  }
}

const named = (sessions: readonly ExampleSession[], validation: boolean): readonly ExampleSession[] => sessions.map((session) => ({ ...session, id: nameOn(validation, session.id) }));

function readingFrom(words: readonly (readonly string[])[], tokens: Tokens): Reading {
  const tokenizer = tokenizerOf(words, tokens === 'characters' ? { kind: 'characters', countMin: 1, wordsMax: WORDS_MAX, suffixes: [], foldCase: false } : { kind: 'whitespace', countMin: WORD_COUNT_MIN, wordsMax: WORDS_MAX, suffixes: [], foldCase: true });
  if (tokenizer.words.length < 2) throw new EspalierError('data-unreadable', `The text has ${tokenizer.words.length} kinds of ${tokens}; there is nothing to predict.`);
  return { task: 'next', tokenizer, labels: [], width: 0, outputs: vocabularyOf(tokenizer) };
}

/** Throws data-unreadable where the text is too short, and where it has only one kind of token. @param given what tokens mean to a model that is there already */
export function splitRunningText(text: string, tokens: Tokens, given?: Reading): Parts {
  const steps = stepsOfText(text, tokens);
  if (steps.length < STEPS_MIN) tooLittle(`${steps.length} ${tokens}, and at least ${STEPS_MIN} are needed to train, stop and judge`);
  const end = Math.round(steps.length * (1 - TEST_SHARE)), middle = Math.round(end * (1 - VALIDATION_SHARE));
  const length = Math.min(PIECE_MAX, Math.ceil(end / PIECES_MIN));
  const training = named(cut(steps.slice(0, middle), length, 't'), false), heldOut = named(cut(steps.slice(middle, end), length, 'v'), true);
  const reading = given ?? readingFrom(training.map(({ examples }) => examples[0]!.input as readonly string[]), tokens);
  const test = piecesOf(steps.slice(end));
  return {
    reading, fit: itemsOfSessions(reading, [...training, ...heldOut]), validationShare: VALIDATION_SHARE, test: itemsOfSessions(reading, test), dropped: 0,
    counts: { training: stepsIn(training), validation: stepsIn(heldOut), test: stepsIn(test) },
  };
}
