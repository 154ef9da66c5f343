// Goal: a file of one's own becomes a model that answers rightly, and bad input ends with its code before anything is trained. Method: the real commands in processes of their own, on a task of colours that a small network learns in seconds.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/adapters/digest.ts';
import type { NumberEvaluation } from '../../../src/cli/data/evaluate-numbers.ts';
import type { Evaluation } from '../../../src/cli/data/evaluate.ts';
import type { Round } from '../../../src/cli/train/rounds.ts';
import { decodeArtifact } from '../../../src/model/artifact.ts';
import { randomFrom } from '../../../src/support/random.ts';
import { COLOURS, colours, espalierIn } from '../command-line.ts';

const folder = mkdtempSync(join(tmpdir(), 'espalier-train-test-'));
afterAll(() => { rmSync(folder, { recursive: true }); });
const at = (name: string): string => join(folder, name);
const readJson = (name: string): unknown => JSON.parse(readFileSync(at(name), 'utf8'));

const espalier = espalierIn(folder);

beforeAll(() => {
  mkdirSync(at('tmp'));
  writeFileSync(at('colours.csv'), `text,label\n${colours(300, 1).map(([words, colour]) => `"${words.join(' ')}",${colour}`).join('\n')}\n`);
  writeFileSync(at('tagged.jsonl'), colours(800, 2).map(([words]) => JSON.stringify({ words, tags: words.map((word) => (COLOURS.some((colour) => colour === word) ? 'C' : 'O')) })).join('\n'));
  writeFileSync(at('more.jsonl'), [...colours(50, 3).map(([words, colour]) => ({ text: words.join(' '), label: colour })), { text: 'pink a', label: 'pink' }].map((line) => JSON.stringify(line)).join('\n'));
  writeFileSync(at('others.jsonl'), '{"text":"a b","label":"pink"}');
  const random = randomFrom(4), numbers = (length: number, of: (at: number) => number): readonly number[] => Array.from({ length }, (_, i) => of(i));
  const waves = Array.from({ length: 300 }, (_, i) => ({ frames: numbers(4 + (i % 3), () => random() - 0.5).map((x) => [x, i % 2 === 0 ? 0.5 : -0.5]), label: i % 2 === 0 ? 'up' : 'down' }));
  writeFileSync(at('waves.jsonl'), waves.map((line) => JSON.stringify(line)).join('\n'));
  writeFileSync(at('means.jsonl'), waves.map(({ frames }) => JSON.stringify({ frames, values: [frames.reduce((sum, [x]) => sum + x!, 0) / frames.length] })).join('\n'));
  writeFileSync(at('song.txt'), 'row row row your boat '.repeat(150));
});

describe('train and eval', () => {
  it('make a model of texts in CSV, with the report, and find it good on other data, where unknown labels are said', async () => {
    const trained = await espalier('train', '--data', 'colours.csv', '--out', 'colours.espalier', '--units', '16', '--inputs', '8', '--json', 'train.json');
    expect([trained.code, trained.talk]).toEqual([0, expect.stringMatching(/246 sequences|validation accuracy/) as string]);
    const report = readJson('train.json') as { model: string; bytes: number; counts: { test: number }; rounds: readonly Round[]; bestRound: number; test: Evaluation };
    const bytes = readFileSync(at('colours.espalier'));
    const model = decodeArtifact(bytes, sha256);
    expect([report.model, report.bytes]).toEqual([model.id, bytes.length]);
    expect(model).toMatchObject({ shape: { layers: [16], inputs: 8, task: 'classify', state: 'reset' }, labels: ['blue', 'green', 'red'], lineage: { parent: null, anchor: null, density: 1, cycle: 0 } });
    expect(report.test.items).toBe(report.counts.test);
    expect(report.test.accuracy).toBeGreaterThan(0.9);
    expect(report.rounds.filter(({ better }) => better).at(-1)!.round).toBe(report.bestRound);
    expect(trained.out).toContain('worst labels');

    const judged = await espalier('eval', 'colours.espalier', '--data', 'more.jsonl', '--json', 'eval.json');
    expect([judged.code, judged.talk]).toEqual([0, expect.stringContaining('1 labels are unknown to the model: pink') as string]);
    const evaluation = readJson('eval.json') as Evaluation & { readonly unknownLabels: readonly string[] };
    expect(evaluation).toMatchObject({ items: 51, answers: 51, unknown: 1, unknownLabels: ['pink'] });
    expect(evaluation.accuracy).toBeGreaterThan(0.85);
    expect(judged.out).toContain('lane-steps/s');
    expect(readdirSync(folder).filter((name) => name.startsWith('.writing'))).toEqual([]);
  }, 60_000);

  it('make a tagger of JSON lines, whose state is carried through ten lines', async () => {
    const trained = await espalier('train', '--data', 'tagged.jsonl', '--out', 'tagger.espalier', '--units', '16', '--inputs', '8', '--json', 'tagger.json');
    expect(trained.code).toBe(0);
    expect(decodeArtifact(readFileSync(at('tagger.espalier')), sha256).shape).toMatchObject({ task: 'tag', state: 'carry', outputs: 2 });
    expect((readJson('tagger.json') as { test: Evaluation }).test.accuracy).toBeGreaterThan(0.9);
    const judged = await espalier('eval', 'tagger.espalier', '--data', 'more.jsonl');
    expect([judged.code, judged.talk]).toEqual([2, expect.stringContaining('the model is for tag') as string]);
  }, 60_000);

  it('make a stack of GRUs that reads frames in both directions', async () => {
    const trained = await espalier('train', '--data', 'waves.jsonl', '--out', 'waves.espalier', '--cell', 'gru', '--layers', '6,5', '--bidirectional', '--epochs', '10', '--json', 'waves.json');
    expect([trained.code, trained.talk]).toEqual([0, expect.stringContaining('frames of 2 numbers') as string]);
    expect(decodeArtifact(readFileSync(at('waves.espalier')), sha256)).toMatchObject({ shape: { cell: 'gru', vocabulary: 0, inputs: 2, layers: [6, 5], bidirectional: true, task: 'classify', state: 'reset' }, labels: ['down', 'up'] });
    expect((readJson('waves.json') as { test: Evaluation }).test.accuracy).toBeGreaterThan(0.9);
    const judged = await espalier('eval', 'waves.espalier', '--data', 'more.jsonl');
    expect([judged.code, judged.talk]).toEqual([2, expect.stringContaining('it has words, and the model reads frames') as string]);
  }, 60_000);

  it('make a regression, and a language model of characters', async () => {
    const [numbers, song] = await Promise.all([
      espalier('train', '--data', 'means.jsonl', '--out', 'means.espalier', '--cell', 'rnn-tanh', '--units', '8', '--json', 'means.json'),
      espalier('train', '--data', 'song.txt', '--out', 'song.espalier', '--units', '16', '--json', 'song.json'),
    ]);
    expect([numbers.code, song.code]).toEqual([0, 0]);
    expect((readJson('means.json') as { test: NumberEvaluation }).test.r2).toBeGreaterThan(0.5);
    expect(numbers.out).toContain('R²');
    // Ten characters, evenly, would be 3.3 bits.
    expect((readJson('song.json') as { test: { bitsPerToken: number } }).test.bitsPerToken).toBeLessThan(1);
    const judged = await espalier('eval', 'song.espalier', '--data', 'song.txt', '--json', 'sung.json');
    expect([judged.code, judged.out]).toEqual([0, expect.stringContaining('bits per character') as string]);
    expect((readJson('sung.json') as { bitsPerToken: number }).bitsPerToken).toBeLessThan(1);
  }, 60_000);

  it.each([
    [['train', '--data', 'colours.csv'], '[usage]', "required option '--out"],
    [['train', '--data', 'colours.csv', '--out', 'none/x.espalier'], '[usage]', 'there is no folder'],
    [['train', '--data', 'colours.csv', '--out', 'x', '--json', '.'], '[usage]', 'is a folder'],
    [['train', '--data', 'colours.csv', '--out', 'x', '--state', 'carry'], '[usage]', 'tagged steps'],
    [['train', '--data', 'tagged.jsonl', '--out', 'x', '--bidirectional'], '[usage]', 'one answer'],
    [['train', '--data', 'colours.csv', '--out', 'x', '--layers', '8,x'], '[usage]', 'for example 128,64'],
    [['train', '--data', 'colours.csv', '--out', 'x', '--layers', '8', '--units', '8'], '[usage]', 'one of them'],
    [['train', '--data', 'waves.jsonl', '--out', 'x', '--inputs', '3'], '[usage]', 'the frames have 2 numbers'],
    [['train', '--data', 'waves.jsonl', '--out', 'x', '--tokens', 'words'], '[usage]', 'running text'],
    [['train', '--data', 'song.txt', '--out', 'x', '--state', 'reset'], '[usage]', 'running text'],
    [['train', '--data', 'colours.csv', '--out', 'x', '--units', '0'], '[usage]', 'whole number from 1'],
    [['train', '--data', 'absent.csv', '--out', 'x'], '[data-unreadable]', 'absent.csv'],
    [['train', '--data', 'others.jsonl', '--out', 'x'], '[data-unreadable]', 'others.jsonl: Too little data: 1 sequences'],
    [['eval', 'colours.csv', '--data', 'more.jsonl'], '[artifact-', 'error'],
    [['eval', 'colours.espalier', '--data', 'others.jsonl'], '[data-unreadable]', "one of the model's"],
  ])('%j ends with %s', async (args, code, what) => {
    const { code: exit, out, talk } = await espalier(...args);
    expect(exit).toBeGreaterThan(0);
    expect(out).toBe('');
    expect(talk).toContain(code);
    expect(talk).toContain(what);
    expect(existsSync(at('x'))).toBe(false);
  });
});
