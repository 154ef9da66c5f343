/** Chance from a seed: the same seed gives the same numbers on every machine. */
import { mix32 } from './hash.ts';

/**
 * Uniform numbers in [0, 1) with 32 random bits each, by sfc32 (Doty-Humphrey, PractRand): 128 bits of state, seeded
 * by mixing the seed and warmed up as its author says. Not cryptographic.
 * @param seed any finite number; its fraction is dropped, all of its lower 53 bits count
 */
export function randomFrom(seed: number): () => number {
  const low = seed >>> 0, high = Math.floor(seed / 2 ** 32) >>> 0;
  let a = mix32(low + 0x9e3779b9), b = mix32(high ^ 0x85ebca6b), c = mix32(low ^ 0xc2b2ae35), counter = 1;
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let warm = 0; warm < 15; warm++) next();
  return next;
}

/** Shuffles in place (Fisher & Yates) and returns the same array. */
export function shuffle<T>(array: T[], random: () => number): T[] {
  for (let last = array.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [array[last], array[other]] = [array[other]!, array[last]!];
  }
  return array;
}

/** One number of N(0, 1) (Box & Muller 1958). */
export function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
