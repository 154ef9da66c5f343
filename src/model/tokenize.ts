/** Words to token ids. Total: every word has an id, known or by the class of its look. */
import type { Tokenizer } from './tokenizer.ts';

/** Looks of an unknown word: lower case, capital first, contains a hyphen, contains a digit. */
const LOOKS = 4;

/** Number of ids: the known words, then one for each look and suffix (and for no suffix), or one for all that is unknown. */
export function vocabularyOf({ kind, words, suffixes }: Tokenizer): number {
  if (kind === 'none') return 0;
  return words.length + (kind === 'words' ? LOOKS * (suffixes.length + 1) : 1);
}

const lookOf = (word: string): number => {
  if (/\d/.test(word)) return 3;
  if (word.includes('-')) return 2;
  const first = word.charAt(0);
  return first !== first.toLowerCase() ? 1 : 0;
};

/** The id of the class of an unknown word. */
export function unknownClass(tokenizer: Tokenizer, word: string): number {
  if (tokenizer.kind !== 'words') return tokenizer.words.length;
  const lower = word.toLowerCase();
  const suffix = tokenizer.suffixes.findIndex((s) => lower.length > s.length && lower.endsWith(s));
  const classes = tokenizer.suffixes.length + 1;
  return tokenizer.words.length + lookOf(word) * classes + (suffix < 0 ? classes - 1 : suffix);
}

/** A look-up for one tokenizer; make it once, it indexes the words. */
export function wordIds(tokenizer: Tokenizer): (word: string) => number {
  const known = new Map(tokenizer.words.map((word, id) => [word, id]));
  return (word) => known.get(word)
    ?? (tokenizer.foldCase ? known.get(word.toLowerCase()) : undefined)
    ?? unknownClass(tokenizer, word);
}

/** Text split at white space. */
export const splitText = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== '');

/** How a tokenizer splits a text into what it looks up: at white space, or into characters; null where it reads no text. */
export function splitterOf({ kind }: Tokenizer): ((text: string) => readonly string[]) | null {
  if (kind === 'none') return null;
  return kind === 'characters' ? (text) => [...text] : splitText;
}

/**
 * The tokenizer of a corpus: every word form seen at least `countMin` times, most frequent first, ties by spelling.
 * @param sequences words (or characters) of the training sequences
 */
export function tokenizerOf(sequences: Iterable<readonly string[]>, options: { readonly countMin: number; readonly wordsMax: number; readonly suffixes: readonly string[]; readonly foldCase: boolean; readonly kind?: 'words' | 'whitespace' | 'characters' }): Tokenizer {
  const counts = new Map<string, number>();
  for (const words of sequences) for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  const words = [...counts]
    .filter(([, count]) => count >= options.countMin)
    .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
    .slice(0, options.wordsMax)
    .map(([word]) => word);
  const suffixes = [...options.suffixes].sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  return { kind: options.kind ?? 'words', words, suffixes, foldCase: options.foldCase };
}
