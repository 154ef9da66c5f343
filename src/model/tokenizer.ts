/**
 * The tokenizer travels in the artifact, so that text means the same in training and in serving.
 *
 * `words`: lower-cases nothing, splits text at white space (tagged input comes split), looks the word up as it is,
 * then in lower case, and otherwise takes the class of unknown words with the same look: the first suffix class whose
 * suffix it ends with, by capital, digit and hyphen.
 */
export interface Tokenizer {
  readonly kind: 'words';
  /** Known words; the id of words[i] is i. */
  readonly words: readonly string[];
  /** Suffixes of the unknown-word classes, longest first; classes follow the words in the id space. */
  readonly suffixes: readonly string[];
  /** Whether a word is looked up in lower case when its own spelling is unknown. */
  readonly foldCase: boolean;
}
