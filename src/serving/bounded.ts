/** A map that never holds more than a number of entries: the one set longest ago goes first. */
export class Bounded<K, V> {
  private readonly entries = new Map<K, V>();
  private readonly sizeMax: number;

  constructor(sizeMax: number) {
    this.sizeMax = sizeMax;
  }

  get size(): number { return this.entries.size; }
  get(key: K): V | undefined { return this.entries.get(key); }
  delete(key: K): void { this.entries.delete(key); }

  set(key: K, value: V): void {
    this.entries.delete(key);
    this.entries.set(key, value);
    if (this.entries.size > this.sizeMax) this.entries.delete(this.entries.keys().next().value as K);
  }
}
