/**
 * The tokenizer travels in the artifact, so that text means the same in training and in serving.
 *
 * - `words`: splits text at white space (tagged input comes split), looks the word up as it is, then in lower case, and
 *   otherwise takes the class of unknown words with the same look: the first suffix class whose suffix it ends with, by
 *   capital, digit and hyphen;
 * - `whitespace`: the same split and look-up, and one id for all that is unknown, after those of the known words;
 * - `characters`: one step for each Unicode character, and one id for all that are unknown;
 * - `none`: no text is understood; requests bring ids or frames.
 */
export interface Tokenizer {
  readonly kind: 'words' | 'whitespace' | 'characters' | 'none';
  /** Known words (or characters); the id of words[i] is i. */
  readonly words: readonly string[];
  /** words only: suffixes of the unknown-word classes, longest first; classes follow the words in the id space. */
  readonly suffixes: readonly string[];
  /** Whether a word is looked up in lower case when its own spelling is unknown. */
  readonly foldCase: boolean;
}

/** For models whose requests bring ids or frames. */
export const NO_TOKENIZER: Tokenizer = { kind: 'none', words: [], suffixes: [], foldCase: false };
