/** The live picture: redrawn in place on a terminal, plain lines now and then elsewhere. */
import type { WriteStream } from 'node:tty';

export interface View {
  /** A line that stays. */
  note(text: string): void;
  /** What is drawn below the lines that stay; null draws nothing. */
  draw(lines: (() => readonly string[]) | null): void;
  stop(): void;
}

/** What the view needs of an output stream. */
export type Output = Pick<WriteStream, 'write'> & { readonly isTTY?: boolean; readonly columns?: number };

const FRAME_MS = 250;
/** Without a terminal, one plain line this often. */
const PLAIN_EVERY_MS = 10_000;

/** @param plain the one line that stands for the picture where there is no terminal; null for none */
export function startView(out: Output, plain: () => string | null): View {
  const animated = out.isTTY === true;
  let lines: (() => readonly string[]) | null = null;
  let drawn = 0;
  const wipe = (): void => { if (drawn > 0) out.write(`\u001b[${drawn}A\u001b[0J`); drawn = 0; };
  const paint = (): void => {
    if (lines === null) return;
    const now = lines();
    wipe();
    out.write(now.map((line) => `${line}\n`).join(''));
    drawn = now.length;
  };
  const timer = animated
    ? setInterval(paint, FRAME_MS)
    : setInterval(() => { const line = plain(); if (line !== null) out.write(`${line}\n`); }, PLAIN_EVERY_MS);
  return {
    note(text) { if (animated) wipe(); out.write(`${text}\n`); if (animated) paint(); },
    draw(next) { if (animated && next === null) { paint(); drawn = 0; } lines = next; },
    stop() { clearInterval(timer); if (animated && lines !== null) { paint(); drawn = 0; } lines = null; },
  };
}

/** Whether to colour: a terminal, and the user did not ask for none (no-color.org). */
export const wantsColour = (out: Output, env: Readonly<Record<string, string | undefined>>): boolean => out.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
