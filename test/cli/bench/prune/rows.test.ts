// Goal: what the bench of pruning plans, merges and concludes is right. Method: rows made by hand, sums by hand, files in a folder of their own.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { machineOf } from '../../../../src/cli/bench/machine.ts';
import { curveOf, linesOf } from '../../../../src/cli/bench/prune/curve.ts';
import type { Demand } from '../../../../src/cli/bench/prune/demands.ts';
import { DEMANDS, meanOf, verdictOf } from '../../../../src/cli/bench/prune/demands.ts';
import { engineOf, equalWidth, runsOf } from '../../../../src/cli/bench/prune/plan.ts';
import { summaryOf } from '../../../../src/cli/bench/prune/print.ts';
import type { EqualWidth, PruneRow } from '../../../../src/cli/bench/prune/row.ts';
import { keyOf, merged, readFileOf, saveFile } from '../../../../src/cli/bench/prune/row.ts';
import { SETTINGS, quickly, wordsOf } from '../../../../src/cli/bench/prune/settings.ts';
import { temporaryFolder } from '../../../adapters/temporary.ts';

const ROW: PruneRow = {
  task: 'clinc150', cell: 'lstm', hidden: 256, seed: 1, fold: '', method: 'dense', criterion: null, granularity: 'none', density: 1, metric: 'accuracy', value: 0.9, validation: 0.9, dense: null, random: null,
  agreement: 1, engine: 'fp32', laneStepsPerSecond: 1e5, alive: 1, layers: [256], bytes: 1, gzipBytes: 1, steps: 1, seconds: 1, settings: 's',
};
const row = (given: Partial<PruneRow>): PruneRow => ({ ...ROW, ...given });
const cut = (given: Partial<PruneRow>): PruneRow => row({ method: 'pruned', criterion: 'obs', granularity: 'connection', density: 0.1, ...given });
const all = (rows: readonly PruneRow[]): readonly PruneRow[] => rows.reduce<readonly PruneRow[]>(merged, []);

describe('rows', () => {
  it('replace those of the same run, and find their parent and their random cut whatever came first', () => {
    const rows = all([cut({ criterion: 'random', value: 0.7 }), cut({ value: 0.8 }), cut({ value: 0.85 }), cut({ seed: 2, value: 0.6 }), row({})]);
    expect(rows.map(({ value, dense, random }) => [value, dense, random])).toEqual([[0.7, 0.9, 0.7], [0.85, 0.9, 0.7], [0.6, null, null], [0.9, 0.9, null]]);
  });

  it('are the same in whatever order they are merged', () => {
    const made = [row({}), row({ seed: 2 }), cut({}), cut({ criterion: 'random' }), cut({ seed: 2, density: 0.05 })];
    const sorted = (rows: readonly PruneRow[]): readonly PruneRow[] => [...rows].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
    fc.assert(fc.property(fc.shuffledSubarray(made, { minLength: made.length }), (order) => { expect(sorted(all(order))).toEqual(sorted(all(made))); }));
  });

  it('are read back as they were saved, and a run that was killed while writing changed nothing', async () => {
    const folder = temporaryFolder(), json = join(folder, 'rows.json'), file = { machine: machineOf(), quick: false, rows: [ROW], widths: {} };
    expect(await readFileOf(json, false)).toBeNull();
    await saveFile(json, file, ROW);
    writeFileSync(`${json}.1.part`, '{"rows": [');
    expect(await readFileOf(json, false)).toEqual(file);
    await saveFile(json, { ...file, rows: [] }, ROW);
    expect((JSON.parse(readFileSync(json, 'utf8')) as { rows: unknown[] }).rows).toEqual([]);
    expect(readdirSync(folder).sort()).toEqual(['rows.json', 'rows.json.1.part']);
  });

  it('of two tasks that are run at once are all kept', async () => {
    const json = join(temporaryFolder(), 'rows.json'), file = { machine: machineOf(), quick: false, rows: [], widths: {} }, other = row({ task: 'fsdd' });
    await saveFile(json, { ...file, rows: [ROW] }, ROW);
    expect((await saveFile(json, { ...file, rows: [other] }, other)).rows.map(({ task }) => task)).toEqual(['clinc150', 'fsdd']);
    // What a task dropped of its own is gone.
    expect((await saveFile(json, { ...file, rows: [] }, ROW)).rows.map(({ task }) => task)).toEqual(['fsdd']);
  });

  it('of another kind, machine or form are not gone on from', async () => {
    const json = join(temporaryFolder(), 'rows.json');
    await saveFile(json, { machine: machineOf(), quick: true, rows: [], widths: {} }, ROW);
    await expect(readFileOf(json, false)).rejects.toMatchObject({ code: 'usage' });
    writeFileSync(json, JSON.stringify({ machine: { ...machineOf(), cpu: 'another' }, quick: false, rows: [], widths: {} }));
    await expect(readFileOf(json, false)).rejects.toMatchObject({ code: 'usage' });
    for (const text of ['{', '{"machine":{}}']) {
      writeFileSync(json, text);
      await expect(readFileOf(json, false)).rejects.toMatchObject({ code: 'data-unreadable' });
    }
  });
});

const WIDTHS: readonly EqualWidth[] = [
  { granularity: 'connection', density: 0.1, engine: 'fp32', sparse: 9e5, hidden: 80, small: 8e5 }, { granularity: 'g4', density: 0.1, engine: 'int8', sparse: 9e5, hidden: 120, small: 8e5 },
];

describe('the plan', () => {
  it('begins every stage with all seeds, names no run twice, and has each rival width once', () => {
    for (const settings of SETTINGS) {
      const runs = runsOf(settings, 'lstm', [{ seed: 1, fold: 'a' }, { seed: 2, fold: 'a' }], WIDTHS), keys = runs.map(keyOf);
      expect(new Set(keys).size).toBe(keys.length);
      expect(runs[0]!.method).toBe('dense');
      expect(runs.filter(({ method, seed }) => method === 'small' && seed === 1).map(({ hidden }) => hidden)).toEqual([80, 120]);
      // A parent comes before all that needs it.
      for (const [at, run] of runs.entries()) expect(runs.findIndex(({ method, seed }) => method === 'dense' && seed === run.seed)).toBeLessThanOrEqual(at);
    }
  });

  it('judges what stands beside groups of four in int8, as they are served', () => {
    const run = { method: 'small', hidden: 120, granularity: 'none', density: 1 } as const;
    expect([engineOf(run, WIDTHS), engineOf({ ...run, hidden: 80 }, WIDTHS), engineOf({ ...run, method: 'units', hidden: 256, density: 120 / 256 }, WIDTHS), engineOf({ ...run, method: 'pruned', granularity: 'g4', density: 0.1, hidden: 256 }, WIDTHS), engineOf({ ...run, method: 'dense' }, WIDTHS)])
      .toEqual(['int8', 'fp32', 'int8', 'int8', 'fp32']);
  });

  it('takes the narrowest dense network that is not faster', () => {
    // Speed goes with 1 / width²: 16 units 100, 64 units 6.25.
    const speeds = [{ hidden: 16, laneStepsPerSecond: 100 }, { hidden: 64, laneStepsPerSecond: 6.25 }];
    expect(equalWidth(25.01, speeds)).toMatchObject({ hidden: 32 });
    expect(equalWidth(24, speeds).hidden).toBe(40);
    expect(equalWidth(1, speeds)).toEqual({ hidden: 64, small: 6.25 });
    fc.assert(fc.property(fc.double({ min: 1, max: 200, noNaN: true }), (sparse) => {
      const { hidden, small } = equalWidth(sparse, speeds);
      expect(hidden % 8).toBe(0);
      expect(small <= sparse || hidden === 64).toBe(true);
    }));
  });

  it('tells settings apart that give other models', () => {
    const [settings] = SETTINGS as [typeof SETTINGS[number]], dense = { method: 'dense', criterion: null } as const, pruned = { method: 'pruned', criterion: 'magnitude' } as const;
    const other = { ...settings, cut: { ...settings.cut, passes: 99 } };
    expect(wordsOf(other, dense)).toBe(wordsOf(settings, dense));
    expect(wordsOf(other, pruned)).not.toBe(wordsOf(settings, pruned));
    expect(wordsOf(quickly(settings), dense)).not.toBe(wordsOf(settings, dense));
  });
});

describe('verdicts', () => {
  const demand = (want: Demand['want'], given: Partial<Demand> = {}): Demand => ({ task: 'clinc150', cell: 'lstm', hidden: 256, method: 'pruned', granularity: 'connection', density: 0.1, want, ...given });
  const rows = all([1, 2, 3].flatMap((seed) => [row({ seed, value: 0.9 }), cut({ seed, value: 0.9 - seed / 1000 })]));

  it('state mean and standard error over seeds', () => {
    expect(meanOf([4])).toEqual({ mean: 4, error: null });
    // Deviation 1 over 3: 1 / √3.
    expect(meanOf([1, 2, 3]).error).toBeCloseTo(0.5774, 4);
    expect(verdictOf(demand({ kind: 'points', most: 0.21 }), rows, [])).toMatchObject({ met: true, rows: 3, found: '0.20 ± 0.06 points lost' });
    expect(verdictOf(demand({ kind: 'points', most: 0.15 }), rows, []).met).toBe(false);
    expect(verdictOf(demand({ kind: 'points', most: 0.15, error: true }), rows, []).met).toBe(true);
    expect(verdictOf(demand({ kind: 'points', most: null }), rows, []).met).toBeNull();
  });

  it('never say met of what was not run', () => {
    for (const each of DEMANDS) expect(verdictOf(each, [], [])).toMatchObject({ met: null, rows: 0, found: 'not run yet' });
    expect(verdictOf(demand({ kind: 'rival' }), rows, WIDTHS)).toMatchObject({ met: null, found: 'the rival is not run yet' });
  });

  it('hold bits against the parent and against the best rival of equal speed', () => {
    const bits = (given: Partial<PruneRow>): PruneRow => row({ task: 'tinyshakespeare', metric: 'bits', hidden: 512, ...given }), at = { task: 'tinyshakespeare', hidden: 512 } as const;
    const text = all([bits({ value: 2 }), bits({ method: 'pruned', criterion: 'obs', granularity: 'connection', density: 0.1, value: 2.03 }), bits({ method: 'small', hidden: 80, value: 2.1 }), bits({ method: 'small-taught', hidden: 80, value: 2.02 }), bits({ method: 'small', hidden: 120, value: 1.9 })]);
    expect(verdictOf(demand({ kind: 'percent', most: 2 }, at), text, WIDTHS)).toMatchObject({ met: true, found: '1.50 % worse' });
    expect(verdictOf(demand({ kind: 'percent', most: 1 }, at), text, WIDTHS).met).toBe(false);
    expect(verdictOf(demand({ kind: 'rival' }, at), text, WIDTHS)).toMatchObject({ met: false, found: '2.0300 against 2.0200 (80 units)' });
    expect(verdictOf(demand({ kind: 'value', most: 2.2 }, { ...at, method: 'dense', granularity: 'none', density: 1 }), text, WIDTHS).met).toBe(true);
  });

  it('are drawn and summed with a line for each way', () => {
    const drawn = all([...rows, row({ method: 'small', hidden: 80, layers: [80], value: 0.88 }), cut({ criterion: 'random', value: 0.7 })]);
    expect(linesOf(drawn).map(({ name, points }) => [name, points.length])).toEqual([['dense parent', 1], ['connections', 1], ['small dense, labels', 1], ['connections, random', 1]]);
    const svg = curveOf('a < b', drawn);
    expect(svg).toContain('a &lt; b');
    expect(svg).not.toMatch(/NaN|Infinity/);
    expect(curveOf('one', [ROW])).not.toMatch(/NaN/);
    expect(summaryOf(drawn).map((line) => line[9])).toEqual(['-', '0.20 ± 0.06', '2.00', '20.00']);
  });
});
