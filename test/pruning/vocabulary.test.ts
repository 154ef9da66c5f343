// Goal: words that traffic never uses can go without a change in any answer to that traffic. Method: random counts; texts of
// the used words through both tokenizers and the reference network; words that went against the class that takes them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forward } from '../../src/model/cell.ts';
import { sampleModel } from '../../src/model/sample-model.ts';
import type { ModelDraft } from '../../src/model/model.ts';
import { vocabularyOf, wordIds } from '../../src/model/tokenize.ts';
import { pruneVocabulary } from '../../src/pruning/vocabulary.ts';
import { randomFrom } from '../../src/support/random.ts';

const words = ['alpha', 'beta', 'gammas', 'Delta', 'e1', 'delta'];
const tokenizer = { kind: 'words', words, suffixes: ['s'], foldCase: true } as const;
const vocabulary = vocabularyOf(tokenizer);
const draft: ModelDraft = { ...sampleModel({ cell: 'gru', vocabulary: vocabulary + 2, inputs: 3, layers: [4], task: 'tag', outputs: 3, state: 'carry' }, 1, randomFrom(1)), tokenizer };

describe('a smaller vocabulary', () => {
  it('answers the traffic that it was made for as before, and knows the other words by their class', () => {
    fc.assert(fc.property(fc.uniqueArray(fc.nat(words.length - 1)), (used) => {
      const counts = new Float64Array(vocabulary + 2);
      for (const id of used) counts[id] = 3;
      const { draft: small, ids } = pruneVocabulary(draft, counts), before = wordIds(draft.tokenizer), after = wordIds(small.tokenizer);
      expect(small.shape.vocabulary).toBe(vocabularyOf(small.tokenizer) + 2);
      expect(small.tokenizer.words).toEqual(words.filter((_, id) => used.includes(id)));
      for (const word of [...words, 'omega', 'Omegas', 'x-9']) expect(after(word)).toBe(ids[before(word)]);
      if (used.length === 0) return;
      const text = [...used, ...used].map((id) => words[id]!);
      expect(forward(small, Int32Array.from(text, after), null).probabilities).toEqual(forward(draft, Int32Array.from(text, before), null).probabilities);
      // Nothing but the classes ever seen: the row of a class that was never counted stays.
      expect(forward(small, Int32Array.of(after('omega')), null).probabilities).toEqual(forward(draft, Int32Array.of(before('omega')), null).probabilities);
    }));
  });

  it('gives a class the mean of what it takes in, by count', () => {
    const counts = new Float64Array(vocabulary + 2);
    counts[0] = 1; counts[1] = 3; counts[3] = 9;
    const { draft: small, ids } = pruneVocabulary(draft, counts, 5), row = ids[0]!, { embedding } = draft.weights;
    expect(small.tokenizer.words).toEqual(['Delta']);
    expect(ids[1]).toBe(row);
    for (let k = 0; k < 3; k++) expect(small.weights.embedding[row * 3 + k]).toBeCloseTo((embedding[k]! + 3 * embedding[3 + k]!) / 4, 6);
  });

  it('is refused where words are answers, or there are none', () => {
    expect(() => pruneVocabulary({ ...draft, shape: { ...draft.shape, task: 'next' } }, new Float64Array(vocabulary + 2))).toThrow();
    expect(() => pruneVocabulary({ ...draft, tokenizer: { ...tokenizer, kind: 'none', words: [] } }, new Float64Array(vocabulary + 2))).toThrow();
  });
});
