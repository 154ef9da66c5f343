/**
 * Embedding rows that traffic never uses go: their words become unknown ones, and share the row of their class.
 *
 * Offline only: the ids of a smaller vocabulary are others, and all models of a roster read the ids of one tokenizer.
 */
import { EspalierError, assert } from '../errors.ts';
import type { ModelDraft } from '../model/model.ts';
import { vocabularyOf, wordIds } from '../model/tokenize.ts';

export interface SmallerVocabulary {
  readonly draft: ModelDraft;
  /** For each old id the new one; for a word that went, that of its lower case if that is known, or of its class. Items of before are read through it. */
  readonly ids: Int32Array;
}

/**
 * The model without the words that were seen less than `countMin` times. The rows of the classes of unknown words become
 * the mean of themselves and the rows of the words that they take in, each by how often it was seen; a class without any
 * count keeps its row. Rows beyond those of the tokenizer stay.
 * @param counts how often traffic used each id, [vocabulary]
 * Throws shape-unsupported for models that read no words, and for language models, whose answers are tokens.
 */
export function pruneVocabulary(draft: ModelDraft, counts: Float64Array, countMin = 1): SmallerVocabulary {
  const { shape, tokenizer, weights } = draft, { vocabulary, inputs } = shape;
  if (tokenizer.kind === 'none' || vocabulary === 0) throw new EspalierError('shape-unsupported', 'A model without a tokenizer knows no words that could go.');
  if (shape.task === 'next') throw new EspalierError('shape-unsupported', 'The words of a language model are its answers.');
  assert(counts.length === vocabulary, 'a count for each id');
  const kept = [...tokenizer.words.keys()].filter((id) => counts[id]! >= countMin);
  const smaller = { ...tokenizer, words: kept.map((id) => tokenizer.words[id]!) };
  const rest = vocabulary - tokenizer.words.length, known = vocabularyOf(tokenizer);
  const ids = new Int32Array(vocabulary), idOf = wordIds(smaller);
  for (let id = 0; id < vocabulary; id++) {
    ids[id] = id >= tokenizer.words.length ? kept.length + id - tokenizer.words.length : idOf(tokenizer.words[id]!);
  }
  const rows = kept.length + rest, embedding = new Float32Array(rows * inputs);
  for (let row = 0; row < rows; row++) {
    const takes = row < kept.length || row - kept.length >= known - tokenizer.words.length ? [] : [...ids.keys()].filter((id) => ids[id] === row);
    const own = row < kept.length ? kept[row]! : row - kept.length + tokenizer.words.length, total = takes.reduce((sum, id) => sum + counts[id]!, 0);
    for (let k = 0; k < inputs; k++) {
      embedding[row * inputs + k] = total > 0 ? takes.reduce((sum, id) => sum + counts[id]! * weights.embedding[id * inputs + k]!, 0) / total : weights.embedding[own * inputs + k]!;
    }
  }
  return { ids, draft: { ...draft, shape: { ...shape, vocabulary: rows }, tokenizer: smaller, weights: { ...weights, embedding } } };
}
