// Goal: CSV is read by the quoting rule of RFC 4180 and refused, with its line, where the rule is broken. Method: any table written by the rule comes back (property); broken files one by one.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvRows } from '../../../src/cli/data/csv.ts';

const rows = (text: string): readonly (readonly string[])[] => [...csvRows(text)].map(({ fields }) => fields);
const quoted = (field: string): string => `"${field.replaceAll('"', '""')}"`;
const character = fc.constantFrom('a', ' ', ',', '"', '\n', '\r', 'é', '\u{1f333}');
const cell = fc.record({ field: fc.string({ unit: character, maxLength: 8 }), quotes: fc.boolean() });
const written = ({ field, quotes }: { field: string; quotes: boolean }): string => (quotes || /[",\r\n]/.test(field) ? quoted(field) : field);

describe('csvRows', () => {
  it('reads back any table, whatever is quoted and however lines end', () => {
    fc.assert(fc.property(fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { maxLength: 6 }), fc.constantFrom('\n', '\r\n'), fc.boolean(), (cells, end, last) => {
      const text = cells.map((row) => row.map(written).join(',')).join(end) + (last && cells.length > 0 ? end : '');
      expect(rows(text)).toEqual(cells.map((row) => row.map(({ field }) => field)));
    }));
  });
  it('says on which line a row begins, also after line breaks in quotes', () => {
    expect([...csvRows('a,b\n"1\n2",x\n\ny,z')]).toEqual([{ fields: ['a', 'b'], line: 1 }, { fields: ['1\n2', 'x'], line: 2 }, { fields: ['y', 'z'], line: 5 }]);
  });
  it('leaves out empty lines and a byte order mark, and keeps empty fields', () => {
    expect(rows('\uFEFFa,b\n\n,\r\n""\n')).toEqual([['a', 'b'], ['', ''], ['']]);
  });
  it.each([
    ['a quote in the middle of a field', 'a,b\nc"d,e', 2, 'in the middle'],
    ['text after a closing quote', 'a,b\n"c"d,e', 2, 'follows the end'],
    ['a quote that never ends', 'a,b\nc,"d\ne', 2, 'never ends'],
  ])('refuses %s', (_, text, line, what) => {
    expect(() => rows(text)).toThrowError(expect.objectContaining({ line, message: expect.stringContaining(what) as string }) as Error);
  });
});
