// Goal: CSV means the same as JSON lines, frames, numbers and running text are read, and what is wrong is said with its line. Method: small files, good and bad.
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
    expect(csv).toMatchObject({ kind: 'examples', width: 0, outputs: 0 });
    expect(csv.kind === 'examples' && csv.examples[1]).toEqual({ input: ['he', 'said', '"hi"'], answer: ['hi'], genre: 'data' });
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

describe('JSON lines', () => {
  it('hold frames with a label, a tag for each step, or numbers', () => {
    const frames = [[0.5, -1], [2, 3], [4, 5.25]];
    const wide = (answer: object): string => `${JSON.stringify({ frames, ...answer })}\n`;
    const input = Float32Array.of(0.5, -1, 2, 3, 4, 5.25);
    expect(readData(file('a.jsonl', wide({ label: 'up', genre: 'g' })))).toEqual({ kind: 'examples', task: 'classify', width: 2, outputs: 0, examples: [{ input, answer: ['up'], genre: 'g' }] });
    expect(readData(file('b.jsonl', wide({ tags: ['x', 'y', 'x'] })))).toMatchObject({ task: 'tag', examples: [{ answer: ['x', 'y', 'x'] }] });
    expect(readData(file('c.jsonl', wide({ values: [1, 2.5] })))).toMatchObject({ task: 'regress', outputs: 2, examples: [{ answer: Float32Array.of(1, 2.5) }] });
    expect(readData(file('d.jsonl', '{"text":"so so","values":[3]}\n'))).toMatchObject({ task: 'regress', width: 0, outputs: 1, examples: [{ input: ['so', 'so'] }] });
  });
  it.each([
    ['bad JSON', '{"text":', 'd.jsonl:1: not valid JSON'],
    ['a list', '[1]', 'd.jsonl:1: not an object'],
    ['two inputs', '{"text":"a","frames":[[1]],"label":"x"}', 'exactly one of text, words and frames'],
    ['two answers', '{"text":"a","label":"x","tags":["y"]}', 'exactly one of label, tags and values'],
    ['no frame', '{"frames":[],"label":"x"}', 'frames must be a list of frames, at least 1'],
    ['ragged frames', '{"frames":[[1,2],[3]],"label":"x"}', 'frame 2 has 1 numbers, the first one 2'],
    ['a frame that is too large for a number of 32 bits', '{"frames":[[1,1e39]],"label":"x"}', 'frame 1 is not a list of finite numbers'],
    ['null in a frame', '{"frames":[[1],[null]],"label":"x"}', 'frame 2 is not a list of finite numbers'],
    ['NaN, as Python writes it', '{"frames":[[1],[NaN]],"label":"x"}', 'd.jsonl:1: not valid JSON, which has no NaN'],
    ['too few tags', '{"frames":[[1],[2]],"tags":["x"]}', 'as many strings as there are steps (2)'],
    ['words that are not', '{"words":[1],"tags":["x"]}', 'words must be a list of strings'],
    ['an empty list of words', '{"words":[],"tags":[]}', 'words is empty'],
    ['numbers that are not', '{"text":"a","values":["1"]}', 'values must be a list of finite numbers'],
    ['other frames further down', '{"frames":[[1]],"label":"x"}\n\n{"frames":[[1,2]],"label":"x"}', 'd.jsonl:3: its frames have 2 numbers, those of the first line 1'],
    ['words and frames', '{"frames":[[1]],"label":"x"}\n{"text":"a","label":"x"}', 'd.jsonl:2: lines of words and lines of frames are mixed'],
    ['labels and tags', '{"text":"a","label":"x"}\n{"words":["a"],"tags":["x"]}', 'd.jsonl:2: lines with a label, with tags and with values are mixed'],
    ['another number of values', '{"text":"a","values":[1]}\n{"text":"a","values":[1,2]}', 'd.jsonl:2: it has 2 values, the first line 1'],
  ])('with %s are refused with the line', (_, text, what) => {
    const path = file('d.jsonl', text);
    expect(() => readData(path)).toThrowError(expect.objectContaining({ code: 'data-unreadable', details: expect.stringContaining(what) as string }) as Error);
  });
});

it('a running text is taken as it is, and an empty one refused', () => {
  expect(readData(file('a.txt', 'to be\r\nor not'))).toEqual({ kind: 'text', task: 'next', text: 'to be\nor not' });
  expect(() => readData(file('b.txt', ' \n'))).toThrowError(expect.objectContaining({ code: 'data-unreadable' }) as Error);
});
