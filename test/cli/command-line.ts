/** The real command in a process of its own, and a task of colours that a small network learns in seconds. */
import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { randomFrom } from '../../src/support/random.ts';

export interface Ended { readonly code: number; readonly out: string; readonly talk: string }

/** Runs `espalier` in a folder, whose `tmp` is there for temporary files. */
export const espalierIn = (folder: string) => (...args: readonly string[]): Promise<Ended> =>
  new Promise((ended) => {
    execFile(process.execPath, [resolve(import.meta.dirname, '../../scripts/espalier.mjs'), ...args], { cwd: folder, env: { ...process.env, TMPDIR: join(folder, 'tmp') } },
      (error, out, talk) => { ended({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, out, talk }); });
  });

export const COLOURS = ['red', 'green', 'blue'] as const;

/** Words of which one is a colour, which is the label. */
export function colours(count: number, seed: number): readonly (readonly [words: readonly string[], colour: string])[] {
  const random = randomFrom(seed);
  const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)]!;
  return Array.from({ length: count }, () => {
    const words = Array.from({ length: 2 + Math.floor(random() * 4) }, () => pick(['a', 'b', 'c', 'd'])), colour = pick(COLOURS);
    words[Math.floor(random() * words.length)] = colour;
    return [words, colour] as const;
  });
}
