// Goal: CSV means the same as JSON lines, and what is wrong in it is said with its line. Method: small files, good and bad.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readData } from '../../../src/cli/data/read.ts';
import { temporaryFolder } from '../../adapters/temporary.ts';

function file(name: string, text: string): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, text);
  return path;
}

describe('a CSV file', () => {
  it('is the same data as JSON lines, whatever the order of its columns', () => {
    const csv = readData(file('d.CSV', 'Label,id,text\nbook,1,"a table, please"\nhi,2,"he said ""hi"""\n'));
    const json = readData(file('d.jsonl', '{"text":"a table, please","label":"book"}\n{"text":"he said \\"hi\\"","label":"hi"}\n'));
    expect(csv).toEqual(json);
    expect(csv.task).toBe('classify');
    expect(csv.lines[1]!.sequence).toEqual({ words: ['he', 'said', '"hi"'], tags: ['hi'] });
  });
  it.each([
    ['no column text', 'words,label\na,b\n', 'd.csv:1: the header has no columns text and label, but words, label'],
    ['a row too short', 'text,label\na,b\nc\n', 'd.csv:3: 1 fields, and the header has 2'],
    ['an empty text', 'text,label\n"  ",b\n', 'd.csv:2: the text is empty'],
    ['an empty label', 'text,label\na,\n', 'd.csv:2: the label is empty'],
    ['a quote that never ends', 'text,label\n"a,b\n', 'd.csv:2: a quoted field never ends'],
    ['a header alone', 'text,label\n', 'd.csv: there is nothing in it'],
  ])('with %s is refused with the line', (_, text, what) => {
    const path = file('d.csv', text);
    expect(() => readData(path)).toThrowError(expect.objectContaining({ code: 'data-unreadable', details: expect.stringContaining(what) as string }) as Error);
  });
});
