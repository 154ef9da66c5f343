/** What goes to the terminal: data to stdout, talk to stderr, colour only where a person looks at it. */

/** NO_COLOR (no-color.org) and what is no terminal get plain text. */
export const colourful = (stream: NodeJS.WriteStream): boolean => stream.isTTY === true && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';

const CODES = { bold: 1, red: 31, green: 32, yellow: 33 } as const;

export function paint(stream: NodeJS.WriteStream, colour: keyof typeof CODES, text: string): string {
  return colourful(stream) ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text;
}

/** One line of data. */
export function out(text: string): void { process.stdout.write(`${text}\n`); }
/** One line of talk. */
export function talk(text: string): void { process.stderr.write(`${text}\n`); }

/** Rows under a head, columns as wide as their longest cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]): string => cells.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd();
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** A size for people: 1,234 bytes, 1.2 MB. */
export function bytesText(bytes: number): string {
  if (bytes < 10_000) return `${bytes} bytes`;
  const [unit, size] = bytes < 1e6 ? ['kB', 1e3] : bytes < 1e9 ? ['MB', 1e6] : ['GB', 1e9];
  return `${(bytes / (size as number)).toFixed(1)} ${unit as string}`;
}
