// Goal: the gate's table is complete, honest in shape and the same for the same seed. Method: a small run into a file of its own folder.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { expect, it } from 'vitest';
import { runGateBench } from '../../../src/cli/bench/gate.ts';

it('says and writes one row for each loss and kind of sessions', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'espalier-gate-'));
  try {
    const lines: string[] = [];
    const json = path.join(folder, 'gate.json');
    const rows = await runGateBench({ seed: 5, runs: 3, say: (line) => { lines.push(line); }, json });
    expect(rows).toHaveLength(18);
    expect(lines).toHaveLength(21);
    for (const { certified, harmful, undecided } of rows) expect(certified + harmful + undecided).toBeCloseTo(1, 12);
    expect(rows.filter(({ points }) => points === 0).every(({ certified }) => certified === 1)).toBe(true);
    expect(rows.filter(({ points }) => points >= 2).every(({ harmful }) => harmful === 1)).toBe(true);
    expect(JSON.parse(await readFile(json, 'utf8'))).toMatchObject({ seed: 5, runs: 3, margin: 0.01, rows });
    expect(await runGateBench({ seed: 5, runs: 3, say: () => undefined })).toEqual(rows);
  } finally {
    await rm(folder, { recursive: true });
  }
});
