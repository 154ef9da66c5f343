// Goal: swaps under load lose nothing and double nothing, and the bench says what they cost. Method: a quick run of the real command; no time is asserted.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import type { Latency, SwapBench } from '../../../src/cli/bench/swap.ts';
import { temporaryFolder } from '../../adapters/temporary.ts';

it('writes machine, latencies of the three parts, the account, memory, handles and the time of a swap', () => {
  const file = join(temporaryFolder(), 'swap.json');
  const out = execFileSync(process.execPath, [resolve(import.meta.dirname, '../../../scripts/espalier.mjs'), 'bench', 'swap', '--quick', '--json', file], { encoding: 'utf8' });
  const bench = JSON.parse(readFileSync(file, 'utf8')) as SwapBench & { readonly machine: { readonly cores: number }; readonly engine: string };
  expect(bench.machine.cores).toBeGreaterThan(0);
  expect(bench.engine).toMatch(/^native\//);
  expect(bench).toMatchObject({ swaps: 4, quick: true, lost: 0, doubled: 0, refused: 0 });
  const parts: readonly Latency[] = [bench.before, bench.during, bench.after];
  for (const { requests, p50, p99, max } of parts) {
    expect(requests).toBeGreaterThan(0);
    expect([p50, p99, max]).toEqual([p50, p99, max].sort((a, b) => a - b));
  }
  expect(bench.sent).toBeGreaterThanOrEqual(parts.reduce((sum, { requests }) => sum + requests, 0));
  expect(bench.rssMiB.max).toBeGreaterThanOrEqual(Math.max(bench.rssMiB.after, 1));
  expect(bench.handles.before).toBeGreaterThan(0);
  expect(bench.swapMs.max).toBeGreaterThanOrEqual(bench.swapMs.median);
  expect(bench.swapMs.median).toBeGreaterThan(bench.routeMs.median);
  expect(out).toContain('0 lost, 0 doubled');
}, 60_000);
