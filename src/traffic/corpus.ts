/** A corpus as sessions: what the demonstration trains on, serves and holds out. */

/** Words with one label each (tag), or with one label for all (classify: tags has length 1). */
export interface TaggedSequence {
  readonly words: readonly string[];
  readonly tags: readonly string[];
}

export interface CorpusDocument {
  readonly name: string;
  readonly genre: string;
  readonly sequences: readonly TaggedSequence[];
}

export interface CorpusSession {
  readonly id: string;
  readonly genre: string;
  readonly sequences: readonly TaggedSequence[];
}

/** Cuts each document into sessions of at most `length` consecutive sequences, in the order of the documents. */
export function sessionsOf(documents: readonly CorpusDocument[], length: number): readonly CorpusSession[] {
  return documents.flatMap((document) => {
    const sessions: CorpusSession[] = [];
    for (let at = 0; at < document.sequences.length; at += length) {
      sessions.push({ id: `${document.name}-${String(at / length).padStart(3, '0')}`, genre: document.genre, sequences: document.sequences.slice(at, at + length) });
    }
    return sessions;
  });
}

/**
 * The order in which the requests of many sessions arrive: at least `open` sessions are open at a time (while that many
 * are left), the next request comes from a random one of them, and a session's own requests stay in order.
 * @param random uniform in [0, 1)
 * @returns pairs [index of the session, index of the sequence in it]
 */
export function* interleave(lengths: readonly number[], open: number, random: () => number): Generator<readonly [number, number]> {
  const active: { session: number; at: number }[] = [];
  let next = 0;
  for (;;) {
    while (active.length < open && next < lengths.length) {
      if (lengths[next]! > 0) active.push({ session: next, at: 0 });
      next++;
    }
    if (active.length === 0) return;
    const pick = Math.floor(random() * active.length);
    const chosen = active[pick]!;
    yield [chosen.session, chosen.at];
    chosen.at++;
    if (chosen.at === lengths[chosen.session]) {
      active[pick] = active[active.length - 1]!;
      active.pop();
    }
  }
}

/** For each word its most frequent tag in the training sequences, else the most frequent tag of all: the tagger to beat. */
export function unigramTagger(training: Iterable<TaggedSequence>): (word: string) => string {
  const counts = new Map<string, Map<string, number>>();
  const totals = new Map<string, number>();
  for (const { words, tags } of training) {
    words.forEach((word, i) => {
      const tag = tags[i]!;
      const ofWord = counts.get(word) ?? new Map<string, number>();
      ofWord.set(tag, (ofWord.get(tag) ?? 0) + 1);
      counts.set(word, ofWord);
      totals.set(tag, (totals.get(tag) ?? 0) + 1);
    });
  }
  const top = (of: ReadonlyMap<string, number>): string => [...of].reduce((best, entry) => (entry[1] > best[1] ? entry : best), ['', 0] as [string, number])[0];
  const best = new Map([...counts].map(([word, ofWord]) => [word, top(ofWord)]));
  const common = top(totals);
  return (word) => best.get(word) ?? common;
}
