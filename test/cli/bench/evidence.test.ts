// Goal: the bench of evidence makes every row and difference it promises, goes on from its file, and its sums are right. Method: a tiny data set with a tiny network and one seed; sums by hand.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { EvidenceBench } from '../../../src/cli/bench/evidence.ts';
import { runEvidenceBench } from '../../../src/cli/bench/evidence.ts';
import { ARMS, SHIFT_ARMS, keyOf, onlyClasses } from '../../../src/cli/bench/evidence/arms.ts';
import type { Scored } from '../../../src/cli/bench/evidence/differences.ts';
import { differencesOf, intervalOf } from '../../../src/cli/bench/evidence/differences.ts';
import { modelOf } from '../../../src/cli/bench/evidence/world.ts';
import { initialWeights } from '../../../src/model/initial.ts';
import { fullMask } from '../../../src/model/mask.ts';
import type { ModelShape } from '../../../src/model/shape.ts';
import { randomFrom } from '../../../src/support/random.ts';
import { temporaryFolder } from '../../adapters/temporary.ts';

const SENTENCES = Object.entries({ pay: 'please pay my bill', play: 'play some loud music', sleep: 'wake me at seven', eat: 'book a table for two', go: 'which bus goes home', ask: 'what do you know' });
const pairs = (count: number): [string, string][] => Array.from({ length: count }, (_, at) => SENTENCES[at % SENTENCES.length]!).map(([intent, text]) => [text, intent]);

function folder(): string {
  const made = temporaryFolder();
  mkdirSync(join(made, 'clinc150'));
  writeFileSync(join(made, 'clinc150', 'data_full.json'), JSON.stringify({ train: pairs(120), val: pairs(12), test: pairs(24) }));
  return made;
}

describe('bench evidence', () => {
  it('measures every arm before and after training, writes what it found, and goes on from it', async () => {
    const data = folder(), json = join(temporaryFolder(), 'evidence.json'), lines: string[] = [];
    const run = (say: string[]): Promise<EvidenceBench> => runEvidenceBench({ data, json, seed: 1, quick: true, say: (line) => { say.push(line); } });
    const { rows, differences, specialising } = await run(lines);
    // Three intents are served, then three others; narrower traffic holds two.
    expect(rows.map(keyOf).sort()).toEqual([
      ...ARMS.flatMap(({ name }) => [`prune|1|3|0.1|${name}|false`, `prune|1|3|0.1|${name}|true`, `prune|1|2|0.1|${name}|false`]),
      ...SHIFT_ARMS.flatMap((arm) => [`shift|1|3|0.1|${arm}|false`, `shift|1|3|0.1|${arm}|true`]),
    ].sort());
    for (const row of rows) for (const share of [row.live, row.asked, row.all, row.validation]) expect(share >= 0 && share <= 1).toBe(true);
    expect(rows.filter(({ arm }) => arm.startsWith('regrown')).every(({ regrown }) => regrown! > 0)).toBe(true);
    expect(differences.find(({ what, measure, trained }) => what.startsWith('regrown - fixed') && measure === 'live' && trained)).toMatchObject({ seeds: 1, low: null, coversZero: null });
    expect(specialising.map(({ intents, words }) => [intents, words])).toEqual([[3, 26], [2, 26]]);
    expect(JSON.parse(readFileSync(json, 'utf8'))).toMatchObject({ machine: { node: process.version }, seeds: [1], rows, differences });
    writeFileSync(json, JSON.stringify({ ...JSON.parse(readFileSync(json, 'utf8')) as EvidenceBench, rows: rows.filter(({ arm }) => arm !== 'fixed') }));
    const again: string[] = [], resumed = await run(again);
    expect(again.filter((line) => line.startsWith('prune') || line.startsWith('shift'))).toHaveLength(2);
    const figures = (of: readonly (typeof rows)[number][]): unknown[] => of.map((row) => ({ ...row, seconds: 0 })).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
    expect(figures(resumed.rows)).toEqual(figures(rows));
  });

  it('refuses to run without data, or to go on from another file', async () => {
    await expect(runEvidenceBench({ seed: 1 })).rejects.toMatchObject({ code: 'usage' });
    const json = join(temporaryFolder(), 'other.json');
    writeFileSync(json, 'no rows');
    await expect(runEvidenceBench({ data: folder(), json, seed: 1, quick: true })).rejects.toMatchObject({ code: 'data-unreadable' });
  });
});

it('states mean and interval over the seeds that both arms have, and whether it covers 0', () => {
  expect(intervalOf([0.02])).toEqual({ mean: 0.02, low: null, high: null, coversZero: null });
  // Deviation 1, root 5: 2.776 / √5 · 1.5811.
  const five = intervalOf([1, 2, 3, 4, 5]);
  expect(five.mean).toBe(3);
  expect(five.high! - five.mean).toBeCloseTo(2.776 * Math.sqrt(2.5) / Math.sqrt(5), 10);
  expect(five.coversZero).toBe(false);
  expect(intervalOf([-1, 1, 0]).coversZero).toBe(true);
  const row = (seed: number, arm: string, live: number): Scored => ({ part: 'prune', seed, intents: 30, density: 0.1, arm, trained: false, live, asked: 0, all: 0 });
  const rows = [row(1, 'a', 0.9), row(2, 'a', 0.8), row(3, 'a', 0.1), row(2, 'b', 0.7), row(1, 'b', 0.7)];
  const [only, ...none] = differencesOf(rows, [{ what: 'a - b', part: 'prune', first: 'a', second: 'b', measure: 'live' }, { what: 'a - c', part: 'prune', first: 'a', second: 'c', measure: 'live' }]);
  expect(only).toMatchObject({ what: 'a - b', seeds: 2, density: 0.1, trained: false });
  expect(only!.mean).toBeCloseTo(0.15, 12);
  expect(none).toEqual([]);
});

it('silences the classes that are not used, and leaves the others as they are', () => {
  const shape: ModelShape = { cell: 'lstm', vocabulary: 5, inputs: 3, layers: [4], task: 'classify', outputs: 3, state: 'reset' };
  const model = modelOf({ train: [], validation: [], test: [], words: [], vocabulary: 5, labels: ['a', 'b', 'c'] }, 'm', { shape, weights: initialWeights(shape, randomFrom(1)) }, fullMask(shape));
  const { weights: { output, outputBias } } = onlyClasses(model, new Set([0, 2]));
  for (let unit = 0; unit < 4; unit++) expect([...output.subarray(unit * 3, unit * 3 + 3)]).toEqual([model.weights.output[unit * 3], 0, model.weights.output[unit * 3 + 2]]);
  expect([...outputBias]).toEqual([model.weights.outputBias[0], -100, model.weights.outputBias[2]]);
});
