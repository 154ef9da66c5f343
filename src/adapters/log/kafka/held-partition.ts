/**
 * What a member knows of one partition: which offsets it has delivered, which of those are settled, and so up to where
 * the group may be told that all is done. Offsets have gaps (compaction takes records away), so the position is not
 * counted up: it is the lowest delivered offset that is not settled, or the end of what was seen.
 */
export class HeldPartition {
  readonly #outstanding = new Set<number>();
  /** Settled above the position, so that they are not delivered again when the group falls back to it. */
  readonly #settled = new Set<number>();
  /** Where this term began; null until the first batch of it, when nothing may be told to the group. */
  #start: number | null = null;
  #next = 0;
  #told = -1;

  get outstanding(): number { return this.#outstanding.size; }

  /** The partition comes back after another member had it: only that one knows where the group is. */
  beginTerm(): void {
    this.#start = null;
    this.#told = -1;
  }

  /** The first offset of a batch. Below it everything is settled by somebody, or gone. */
  seen(first: number): void {
    if (this.#start !== null) return;
    this.#start = first;
    this.#next = first;
    for (const offset of this.#settled) if (offset < first) this.#settled.delete(offset);
  }

  /** Whether a record is to be delivered: it was not yet, or nobody knows of it any more. */
  take(offset: number): boolean {
    this.#next = Math.max(this.#next, offset + 1);
    if (this.#outstanding.has(offset) || this.#settled.has(offset)) return false;
    this.#outstanding.add(offset);
    return true;
  }

  /** Returns whether the record was outstanding. */
  settle(offset: number): boolean {
    const was = this.#outstanding.delete(offset);
    if (was) this.#settled.add(offset);
    return was;
  }

  /** The next offset that the group is to read; null where there is nothing to tell. */
  get position(): number | null {
    if (this.#start === null) return null;
    let position = this.#next;
    for (const offset of this.#outstanding) if (offset >= this.#start && offset < position) position = offset;
    return position > this.#told ? position : null;
  }

  /** The group knows: all below the position is done. */
  told(position: number): void {
    this.#told = Math.max(this.#told, position);
    for (const offset of this.#settled) if (offset < position) this.#settled.delete(offset);
  }
}
