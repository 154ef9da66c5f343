/**
 * Comma-separated values by the quoting rule of RFC 4180: a field in double quotes may hold commas, line breaks and,
 * doubled, quotes; a field without them is taken as it stands. What the rule leaves open is refused with its line
 * rather than guessed: a quote inside a field without quotes, text after a closing quote, a quote never closed.
 */
export interface CsvRow {
  readonly fields: readonly string[];
  /** Line of the file on which the row begins, from 1. */
  readonly line: number;
}

/** What is wrong with a file, and where. */
export class CsvFault extends Error {
  readonly line: number;
  constructor(line: number, what: string) { super(what); this.line = line; }
}

/** A whole field from `at` on, up to the comma, line break or end that follows it. */
const PLAIN = /[^,"\r\n]*/y;

interface Field { readonly value: string; readonly end: number }

function quotedField(text: string, at: number, line: number): Field {
  let value = '';
  for (let from = at + 1; ;) {
    const quote = text.indexOf('"', from);
    if (quote < 0) throw new CsvFault(line, 'a quoted field never ends');
    value += text.slice(from, quote);
    if (text[quote + 1] !== '"') return { value, end: quote + 1 };
    value += '"';
    from = quote + 2;
  }
}

function plainField(text: string, at: number): Field {
  PLAIN.lastIndex = at;
  const value = PLAIN.exec(text)![0];
  return { value, end: at + value.length };
}

/** Rows of a text; empty lines are left out. Throws CsvFault. */
export function* csvRows(text: string): Generator<CsvRow> {
  let at = text.startsWith('\uFEFF') ? 1 : 0, line = 1, begun = 1;
  let fields: string[] = [];
  while (at < text.length) {
    const quoted = text[at] === '"';
    const { value, end } = quoted ? quotedField(text, at, line) : plainField(text, at);
    if (quoted) for (let brk = value.indexOf('\n'); brk >= 0; brk = value.indexOf('\n', brk + 1)) line++;
    fields.push(value);
    at = end;
    const next = text[at];
    if (next === '"') throw new CsvFault(line, 'a quote stands in the middle of a field; put the whole field in quotes and double the quotes in it');
    if (next === ',') {
      at++;
      // A comma at the very end is followed by one more, empty field.
      if (at === text.length) fields.push('');
      else continue;
    } else if (next === '\r' || next === '\n') {
      at += next === '\r' && text[at + 1] === '\n' ? 2 : 1;
      line++;
    } else if (next !== undefined) throw new CsvFault(line, 'text follows the end of a quoted field');
    if (fields.length > 1 || fields[0] !== '' || quoted) yield { fields, line: begun };
    fields = [];
    begun = line;
  }
}
