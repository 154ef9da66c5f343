/** The Brown corpus (Francis & Kucera 1964), form C: one document a file, `word/tag` separated by white space, one sentence a line. */
import type { TaggedSequence } from './corpus.ts';

/** Genres by the letter of a document's name (`ca01`: letter a), in the order in which the demonstration serves them. */
export const BROWN_GENRES = {
  a: 'news', b: 'editorial', c: 'reviews', d: 'religion', e: 'hobbies', f: 'lore', g: 'belles-lettres', h: 'government',
  j: 'learned', k: 'fiction', l: 'mystery', m: 'science-fiction', n: 'adventure', p: 'romance', r: 'humor',
} as const;

/** The genre of a document name, or undefined where the name is not one of the corpus. */
export function genreOf(name: string): string | undefined {
  const match = /^c([a-r])\d\d$/.exec(name);
  return match === null ? undefined : BROWN_GENRES[match[1] as keyof typeof BROWN_GENRES];
}

/** The tag without the marks of titles (-TL), headlines (-HL), cited words (-NC) and foreign words (FW-). */
export function plainTag(tag: string): string {
  const plain = tag.toLowerCase().replace(/^fw-/, '').replace(/(-(tl|hl|nc))+$/, '');
  return plain === '' ? tag.toLowerCase() : plain;
}

/** The tagged sentences of one document. Tokens without a tag are left out; they are damage, not words. */
export function parseBrown(text: string): readonly TaggedSequence[] {
  const sentences: TaggedSequence[] = [];
  for (const line of text.split('\n')) {
    const words: string[] = [];
    const tags: string[] = [];
    for (const token of line.trim().split(/\s+/)) {
      const slash = token.lastIndexOf('/');
      if (slash <= 0 || slash === token.length - 1) continue;
      words.push(token.slice(0, slash));
      tags.push(plainTag(token.slice(slash + 1)));
    }
    if (words.length > 0) sentences.push({ words, tags });
  }
  return sentences;
}
