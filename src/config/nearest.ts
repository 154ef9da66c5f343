/** Nearest name by edit distance (Levenshtein 1966): insertions, deletions and substitutions cost one each. */

export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}

/** The nearest of the names, or undefined where even that one differs in more than two fifths of its letters. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const fold = (text: string): string => text.toLowerCase();
  const ranked = names.map((candidate) => ({ candidate, distance: editDistance(fold(name), fold(candidate)) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.max(2, Math.floor(0.4 * best.candidate.length)) ? best.candidate : undefined;
}
