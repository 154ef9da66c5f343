// Goal: every word has an id inside the vocabulary, the same in training and serving. Method: examples and properties.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { splitText, splitterOf, tokenizerOf, unknownClass, vocabularyOf, wordIds } from '../../src/model/tokenize.ts';
import type { Tokenizer } from '../../src/model/tokenizer.ts';
import { NO_TOKENIZER } from '../../src/model/tokenizer.ts';

const tokenizer = tokenizerOf([['the', 'the', 'dog', 'dog', 'runs'], ['the', 'Cat', 'Cat']], { countMin: 2, wordsMax: 100, suffixes: ['s', 'ing', 'ness'], foldCase: true });
const id = wordIds(tokenizer);

it('keeps the frequent words, most frequent first', () => {
  expect(tokenizer.words).toEqual(['the', 'Cat', 'dog']);
  expect(tokenizer.suffixes).toEqual(['ness', 'ing', 's']);
});

it('folds case only where the spelling itself is unknown', () => {
  expect(id('The')).toBe(id('the'));
  expect(id('Cat')).toBe(1);
  expect(id('cat')).toBeGreaterThanOrEqual(3);
});

it('tells unknown words apart by suffix, capital, hyphen and digit', () => {
  const classes = ['walking', 'Walking', 'side-walking', '4ing', 'kindness', 'walks', 'zap'].map((word) => unknownClass(tokenizer, word));
  expect(new Set(classes).size).toBe(classes.length);
  expect(id('talking')).toBe(id('walking'));
  expect(id('s')).toBe(id('zap')); // a suffix is not its own stem
});

it('gives every string an id below the vocabulary', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (word) => {
    const value = id(word);
    return Number.isInteger(value) && value >= 0 && value < vocabularyOf(tokenizer);
  }));
});

it('splits text at white space', () => {
  expect(splitText('  a\tb \n c ')).toEqual(['a', 'b', 'c']);
  expect(splitText(' \n')).toEqual([]);
});

it('splits and looks up by the kind of the tokenizer', () => {
  const make = (kind: 'whitespace' | 'characters', words: string[]): Tokenizer => ({ kind, words, suffixes: [], foldCase: false });
  const plain = make('whitespace', ['a', 'cat']), letters = make('characters', ['a', 'c', '😀']);
  expect(splitterOf(plain)!('a  cat sat').map(wordIds(plain))).toEqual([0, 1, 2]);
  expect(splitterOf(letters)!('ca😀 t').map(wordIds(letters))).toEqual([1, 0, 2, 3, 3]);
  expect([vocabularyOf(plain), vocabularyOf(letters), vocabularyOf(NO_TOKENIZER)]).toEqual([3, 4, 0]);
  expect(splitterOf(NO_TOKENIZER)).toBeNull();
});
