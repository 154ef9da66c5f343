// Goal: the kernel bench measures every cell and density and writes its figures. Method: a quick run of the real command; no time is asserted.
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { expect, it } from 'vitest';

it('writes machine, engine and one row for each cell and density', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'espalier-bench-'));
  try {
    const file = path.join(folder, 'kernel.json');
    const out = execFileSync(process.execPath, [path.resolve(import.meta.dirname, '../../scripts/espalier.mjs'), 'bench', 'kernel', '--quick', '--json', file], { encoding: 'utf8' });
    const { machine, engine, rows } = JSON.parse(fs.readFileSync(file, 'utf8')) as {
      machine: { cores: number }; engine: { name: string }; rows: { cell: string; density: number; laneStepsPerSecond: number; timesDense: number; p50Ms: number; p99Ms: number }[];
    };
    expect(machine.cores).toBeGreaterThan(0);
    expect(engine.name).toMatch(/^(native\/|reference)/);
    const densitiesOf = (cell: string): number[] => rows.filter((row) => row.cell === cell).map(({ density }) => density);
    expect(densitiesOf('lstm')).toEqual([1, 0.5, 0.2, 0.1, 0.05]);
    for (const cell of ['gru', 'gru-before', 'rnn-tanh', 'rnn-relu']) expect(densitiesOf(cell)).toEqual([1, 0.2, 0.1]);
    for (const { cell, laneStepsPerSecond, timesDense, p50Ms, p99Ms } of rows) {
      expect(laneStepsPerSecond).toBeGreaterThan(0);
      expect(timesDense).toBeCloseTo(laneStepsPerSecond / rows.find((row) => row.cell === cell)!.laneStepsPerSecond);
      expect(p50Ms).toBeLessThanOrEqual(p99Ms);
    }
    expect(out).toContain('times dense');
  } finally { fs.rmSync(folder, { recursive: true }); }
});
