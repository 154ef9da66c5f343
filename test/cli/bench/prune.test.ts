// Goal: the bench of pruning writes every row it promises, and refuses other data by code. Method: a tiny data set of the same form.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readClinc } from '../../../src/cli/bench/clinc.ts';
import { runPruneBench } from '../../../src/cli/bench/prune.ts';
import { temporaryFolder } from '../../adapters/temporary.ts';

const SENTENCES = { pay: 'please pay my bill', play: 'play some loud Music', sleep: 'wake me at seven' };

function folderWith(content: unknown): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'clinc150'));
  writeFileSync(join(folder, 'clinc150', 'data_full.json'), typeof content === 'string' ? content : JSON.stringify(content));
  return folder;
}
const pairs = (count: number): [string, string][] => Array.from({ length: count }, (_, at) => Object.entries(SENTENCES)[at % 3]!).map(([intent, text]) => [text, intent]);
const data = { train: pairs(90), val: pairs(9), test: [...pairs(12), ['something UNHEARD of', 'pay']] };

describe('bench prune', () => {
  it('measures every criterion, density and way, and says on which machine', async () => {
    const json = join(temporaryFolder(), 'prune.json'), lines: string[] = [];
    await runPruneBench({ data: folderWith(data), json, seed: 1, quick: true, say: (line) => { lines.push(line); } });
    const written = JSON.parse(readFileSync(json, 'utf8')) as { machine: Record<string, unknown>; dense: { accuracy: number }; rows: Record<string, unknown>[] };
    expect(written.machine).toMatchObject({ node: process.version, device: 'cpu' });
    expect(written.dense.accuracy).toBeGreaterThanOrEqual(0);
    expect(written.rows.map(({ density, criterion, reconstruct, finetune }) => [density, criterion, reconstruct, finetune])).toEqual(
      ['random', 'obs'].flatMap((criterion) => [[0.2, criterion, false, false], [0.2, criterion, true, false], [0.2, criterion, false, true]]));
    for (const row of written.rows) for (const field of ['accuracy', 'agreement', 'validation']) expect(row[field]).toBeGreaterThanOrEqual(0);
    expect(lines.some((line) => line.startsWith('dense: test'))).toBe(true);
  });

  it('refuses to run without data, or on data of another form', async () => {
    const say = (): void => undefined;
    await expect(runPruneBench({ seed: 1, say })).rejects.toMatchObject({ code: 'usage' });
    for (const bad of ['{', {}, { ...data, val: [['one']] }, { ...data, test: [] }]) {
      await expect(runPruneBench({ data: folderWith(bad), seed: 1, say })).rejects.toMatchObject({ code: 'data-unreadable' });
    }
    await expect(runPruneBench({ data: temporaryFolder(), seed: 1, say })).rejects.toMatchObject({ code: 'data-unreadable' });
  });
});

it('reads words in lower case, and gives all unknown ones the last id', async () => {
  const { train, test, vocabulary, labels } = await readClinc(folderWith(data));
  expect(labels).toEqual(['pay', 'play', 'sleep']);
  expect(vocabulary).toBe(4 + 4 + 4 + 1);
  expect([...train[1]!.inputs]).toEqual([4, 5, 6, 7]);
  expect([...test.at(-1)!.inputs]).toEqual([12, 12, 12]);
  expect(test.at(-1)!.targets).toEqual(Int32Array.of(0));
});
