// Goal: the kernel bench runs every contestant at batch 1 and at its best, and writes figures and ratios that fit together. Method: a quick run of the real command; no time is asserted.
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { expect, it } from 'vitest';
import type { KernelRatio, KernelRow } from '../../src/cli/bench/kernel/plan.ts';

it('writes machine, versions, rows and ratios', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'espalier-bench-'));
  try {
    const file = path.join(folder, 'kernel.json');
    const out = execFileSync(process.execPath, [path.resolve(import.meta.dirname, '../../scripts/espalier.mjs'), 'bench', 'kernel', '--quick', '--json', file], { encoding: 'utf8' });
    const { machine, versions, rows, ratios } = JSON.parse(fs.readFileSync(file, 'utf8')) as { machine: { cores: number }; versions: string; rows: readonly KernelRow[]; ratios: readonly KernelRatio[] };
    expect(machine.cores).toBeGreaterThan(0);
    expect(versions).toMatch(/^onnxruntime \d/);
    for (const cell of ['lstm', 'gru']) {
      for (const batch of [1, 'best']) {
        const own = rows.filter((row) => row.cell === cell && row.batch === batch);
        for (const density of [1, 0.1]) expect(own.filter(({ engine, density: d }) => engine === 'fp32' && d === density)).toHaveLength(1);
        expect(own.filter(({ engine }) => engine === 'int8-g4')).toHaveLength(2);
        expect(own.filter(({ engine }) => engine === 'onnxruntime-fp32')).toHaveLength(1);
        expect(own.filter(({ engine }) => engine === 'onnxruntime-int8')).toHaveLength(cell === 'lstm' ? 1 : 0);
      }
    }
    for (const { laneStepsPerSecond, batch, bestBatch } of rows) {
      expect(laneStepsPerSecond).toBeGreaterThan(0);
      expect(batch === 'best' ? [1, 32] : [undefined]).toContain(bestBatch);
    }
    expect(ratios.length).toBeGreaterThan(0);
    for (const { ours, peer, ratio, ...at } of ratios) {
      const rate = (engine: string, density: number): number => rows.find((row) => row.engine === engine && row.density === density && row.cell === at.cell && row.batch === at.batch)!.laneStepsPerSecond;
      expect(ratio).toBeCloseTo(rate(ours, at.density) / rate(peer, 1), 6);
    }
    expect(out).toContain('x onnxruntime-fp32');
  } finally { fs.rmSync(folder, { recursive: true }); }
});
