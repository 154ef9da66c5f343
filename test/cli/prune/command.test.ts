// Goal: a model becomes smaller on a file of one's own, labelled or not, words, frames or running text, by each of the three targets, and bad input ends with its code before anything is trained. Method: the real commands in processes of their own, on tiny networks.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/adapters/digest.ts';
import { untrained } from '../../../src/cli/data/dense.ts';
import { vocabularyFrom } from '../../../src/cli/data/items.ts';
import { decodeArtifact, encodeArtifact } from '../../../src/model/artifact.ts';
import type { Model } from '../../../src/model/model.ts';
import { tokenizerOf } from '../../../src/model/tokenize.ts';
import { randomFrom } from '../../../src/support/random.ts';
import { colours, espalierIn } from '../command-line.ts';

const folder = mkdtempSync(join(tmpdir(), 'espalier-prune-test-'));
afterAll(() => { rmSync(folder, { recursive: true }); });
const at = (name: string): string => join(folder, name);
const modelIn = (name: string): Model => decodeArtifact(readFileSync(at(name)), sha256);

interface Report {
  readonly labelled: boolean; readonly why: string; readonly counts: { readonly test: number };
  readonly attempts: readonly { readonly kind: string; readonly accepted: boolean; readonly why: string; readonly times: number }[];
  readonly result: { readonly id: string; readonly density: number; readonly times: number; readonly lossPoints: number };
  readonly test: { readonly original: { readonly accuracy: number } | null; readonly agreement: number };
  readonly speeds: readonly { readonly engine: string; readonly model: string; readonly laneStepsPerSecond: number; readonly memoryBytes: number }[];
  readonly bytes: { readonly original: { readonly fileBytes: number }; readonly result: { readonly fileBytes: number; readonly gzipBytes: number } };
}
const reportIn = (name: string): Report => JSON.parse(readFileSync(at(name), 'utf8')) as Report;

const espalier = espalierIn(folder);

const write = (name: string, lines: readonly object[]): void => { writeFileSync(at(name), lines.map((line) => JSON.stringify(line)).join('\n')); };

beforeAll(() => {
  mkdirSync(at('tmp'));
  const lines = colours(300, 1), words = lines.map(([own, colour]) => ({ words: own, tags: [colour] })), random = randomFrom(3);
  writeFileSync(at('colours.csv'), `text,label\n${lines.map(([own, colour]) => `"${own.join(' ')}",${colour}`).join('\n')}\n`);
  writeFileSync(at('texts.csv'), `text\n${lines.map(([own]) => own.join(' ')).join('\n')}\n`);
  write('waves.jsonl', Array.from({ length: 80 }, (_, i) => ({ frames: Array.from({ length: 5 }, () => [random(), random()]), ...(i % 2 === 0 ? { values: [i % 4] } : {}) })));
  write('frame.jsonl', [{ frames: [[1, 2]], label: 'red' }]);
  write('few.jsonl', [{ text: 'a red', label: 'red' }]);
  writeFileSync(at('song.txt'), 'row row row your boat '.repeat(60));
  const own = (cell: 'lstm' | 'gru', layers: readonly number[]) => ({ cell, layers, inputs: 8, state: 'reset' as const });
  const save = (name: string, draft: Parameters<typeof encodeArtifact>[0]): void => { writeFileSync(at(name), encodeArtifact(draft, sha256).bytes); };
  save('raw.espalier', untrained(vocabularyFrom(words), { ...own('lstm', [16]), task: 'classify' }, 5));
  save('waves.espalier', untrained({ tokenizer: { kind: 'none', words: [], suffixes: [], foldCase: false }, labels: [], outputs: 1 }, { ...own('gru', [8, 6]), inputs: 2, bidirectional: true, task: 'regress' }, 5));
  const tokenizer = tokenizerOf([[...'row your boat']], { kind: 'characters', countMin: 1, wordsMax: 100, suffixes: [], foldCase: false });
  save('song.espalier', untrained({ tokenizer, labels: [], outputs: tokenizer.words.length + 1 }, { ...own('lstm', [12]), state: 'carry', task: 'next' }, 5));
});

describe('prune', () => {
  it('finds the fastest model within the budget: units, then connections, with report and picture; the parts are those of train', async () => {
    expect((await espalier('train', '--data', 'colours.csv', '--out', 'colours.espalier', '--units', '32', '--inputs', '8', '--epochs', '4', '--seed', '7', '--json', 'train.json')).code).toBe(0);
    const pruned = await espalier('prune', 'colours.espalier', '--data', 'colours.csv', '--out', 'small.espalier', '--max-loss', '70', '--epochs', '2', '--minutes', '0.08', '--json', 'small.json', '--picture', 'small.svg');
    expect([pruned.code, pruned.talk]).toEqual([0, expect.stringMatching(/with labels[\s\S]*attempt 1/) as string]);
    const report = reportIn('small.json'), original = modelIn('colours.espalier'), small = modelIn('small.espalier');
    expect(report.test.original!.accuracy).toBe((JSON.parse(readFileSync(at('train.json'), 'utf8')) as { test: { accuracy: number } }).test.accuracy);
    expect(small.shape.layers[0]).toBeLessThan(32);
    expect(report).toMatchObject({ labelled: true, result: { id: small.id, density: small.lineage.density } });
    expect(small.lineage).toMatchObject({ parent: original.id, anchor: original.id, cycle: 1 });
    expect(small.lineage.origins).toHaveLength(small.shape.layers[0]!);
    expect(report.result.lossPoints).toBeLessThanOrEqual(70);
    expect(report.result.times).toBe(Math.max(...report.attempts.filter(({ accepted }) => accepted).map(({ times }) => times)));
    expect(report.speeds.filter(({ engine }) => !engine.startsWith('onnx')).map(({ model }) => model)).toEqual(['original', 'result']);
    for (const { laneStepsPerSecond, memoryBytes } of report.speeds) expect(Math.min(laneStepsPerSecond, memoryBytes)).toBeGreaterThan(0);
    expect(report.bytes.result.fileBytes).toBe(readFileSync(at('small.espalier')).length);
    expect(readFileSync(at('small.svg'), 'utf8')).toMatch(/^<svg .*<\/svg>\n$/s);
    expect(pruned.out).toMatch(/test part[\s\S]*C\(S\)[\s\S]*lane-steps\/s/);
    expect(readdirSync(at('tmp')).filter((name) => name.startsWith('espalier-prune'))).toEqual([]);
    const benched = await espalier('inspect', 'small.espalier', '--bench');
    expect([benched.code, benched.out]).toEqual([0, expect.stringContaining('dense, of the same shape') as string]);
  }, 120_000);

  it('goes straight to a density on texts without labels, and says how far it agrees', async () => {
    const { code, talk } = await espalier('prune', 'raw.espalier', '--data', 'texts.csv', '--out', 'thin.espalier', '--density', '0.25', '--granularity', 'g4', '--jobs', '2', '--epochs', '1', '--criterion', 'magnitude', '--json', 'thin.json');
    expect([code, talk]).toEqual([0, expect.stringContaining('without labels') as string]);
    expect(reportIn('thin.json')).toMatchObject({ labelled: false, test: { original: null }, why: 'the density is reached' });
    expect(modelIn('thin.espalier').lineage).toMatchObject({ density: 0.25, criterion: 'magnitude' });
  }, 120_000);

  it('takes frames, some with values and some without, and units of a stack that reads both ways', async () => {
    const { code, talk } = await espalier('prune', 'waves.espalier', '--data', 'waves.jsonl', '--out', 'halves.espalier', '--density', '0.5', '--granularity', 'unit', '--jobs', '1', '--epochs', '1', '--json', 'halves.json');
    expect([code, talk]).toEqual([0, expect.stringContaining('with labels') as string]);
    expect(modelIn('halves.espalier').shape.layers.reduce((sum, units) => sum + units)).toBe(7);
    expect(reportIn('halves.json').test.original).not.toBeNull();
  }, 120_000);

  it('goes on until a speed is reached on running text; where it is not, the fastest is written and the command fails', async () => {
    const [reached, missed] = await Promise.all([
      espalier('prune', 'song.espalier', '--data', 'song.txt', '--out', 'fast.espalier', '--min-speedup', '1.05', '--epochs', '1', '--json', 'fast.json'),
      espalier('prune', 'song.espalier', '--data', 'song.txt', '--out', 'slow.espalier', '--min-speedup', '9000', '--epochs', '1', '--granularity', 'unit'),
    ]);
    expect([reached.code, reached.talk]).toEqual([0, expect.stringContaining('accepted') as string]);
    expect(reportIn('fast.json').result.times).toBeGreaterThanOrEqual(1.05);
    expect([missed.code, missed.talk]).toEqual([3, expect.stringContaining('[target-missed]') as string]);
    expect(existsSync(at('slow.espalier'))).toBe(true);
  }, 120_000);

  it.each([
    [['raw.espalier', '--data', 'colours.csv'], '[usage]', "required option '--out"],
    [['raw.espalier', '--data', 'colours.csv', '--out', 'none/x'], '[usage]', 'there is no folder'],
    [['raw.espalier', '--data', 'colours.csv', '--out', 'x', '--max-loss', '1', '--density', '0.5'], '[usage]', 'give one of them'],
    [['raw.espalier', '--data', 'colours.csv', '--out', 'x', '--density', '1.5'], '[usage]', 'from 0.001 to 0.999'],
    [['thin.espalier', '--data', 'colours.csv', '--out', 'x', '--density', '0.5'], '[usage]', "the model's density is 0.2500 already"],
    [['raw.espalier', '--data', 'colours.csv', '--out', 'x', '--keep-units', '--granularity', 'unit'], '[usage]', '--keep-units'],
    [['raw.espalier', '--data', 'frame.jsonl', '--out', 'x'], '[data-unreadable]', 'its frames have 2 numbers, and the model reads words'],
    [['raw.espalier', '--data', 'song.txt', '--out', 'x'], '[data-unreadable]', 'the model is for classify'],
    [['raw.espalier', '--data', 'few.jsonl', '--out', 'x'], '[data-unreadable]', '1 sequences'],
  ])('%j ends with %s', async (args, code, what) => {
    const { code: exit, out, talk } = await espalier('prune', ...args);
    expect(exit).toBeGreaterThan(0);
    expect(out).toBe('');
    expect(talk).toContain(code);
    expect(talk).toContain(what);
    expect(existsSync(at('x'))).toBe(false);
  });
});
