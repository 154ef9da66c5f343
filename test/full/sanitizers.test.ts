// Goal: the kernel reads and writes nothing but its own memory, leaks nothing, has no undefined behaviour, and agrees
// with a plain network in C. Method: test/kernel/native, built with the address and undefined-behaviour sanitizers
// and run without Node; the same for load() on arbitrary arguments. Where there is no compiler, this fails and says so.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { builtAddon } from '../adapters/engine/built.ts';
import { ROOT } from '../checks/sources.ts';

interface Sanitize {
  readonly SANITIZERS: readonly string[];
  sanitizingCompiler(): string;
  buildSanitized(): Promise<{ readonly check: string; readonly fuzz: string }>;
}
const { SANITIZERS, buildSanitized, sanitizingCompiler } = (await import(path.join(ROOT, 'scripts', 'kernel', 'sanitize.mjs'))) as Sanitize;

const runOf = (program: string, seconds: number, seed: number): string => {
  const { status, stdout, stderr } = spawnSync(program, [String(seconds), String(seed)], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout;
};

it('without a compiler it fails and says so', () => {
  vi.stubEnv('CC', 'no-such-compiler');
  expect(() => sanitizingCompiler()).toThrow(/no C compiler.*the sanitizers were not run/);
  vi.unstubAllEnvs();
});

it.each([
  ['one float too far', 'float *x = malloc(4 * sizeof *x); for (int i = 0; i < n + 4; i++) x[i] = 0; free(x); return 0;', 'heap-buffer-overflow'],
  ['an overflow', 'volatile int most = 2147483647; most += n; return most == 5;', 'signed integer overflow'],
  ['a leak', 'return malloc((size_t)n) == NULL;', 'detected memory leaks'],
])('the sanitizers of this machine see %s', (_, body, expected) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'espalier-sanitize-'));
  const source = path.join(folder, 'wrong.c'), program = path.join(folder, 'wrong');
  writeFileSync(source, `#include <stdlib.h>\nint main(int n, char **v) { (void)v; ${body} }\n`);
  execFileSync(sanitizingCompiler(), [...SANITIZERS, '-o', program, source]);
  const { status, stderr } = spawnSync(program, { encoding: 'utf8' });
  rmSync(folder, { recursive: true, force: true });
  expect(status).not.toBe(0);
  expect(stderr).toContain(expected);
});

describe('sanitized', { timeout: 900_000 }, () => {
  it('every fp32 variant: random networks, ragged batches, second moments, refusals, failing allocations', async () => {
    const { check } = await buildSanitized();
    const out = runOf(check, 6, 1);
    const wanted = (await builtAddon()).variants().filter(({ name, supported }) => supported && !name.endsWith('-g4')).map(({ name }) => name);
    expect(out.match(/(?<=^checked ).*/gm)).toEqual(wanted);
  });

  it('load() on arguments out of random bytes: refused, or safe to run', async () => {
    const { fuzz } = await buildSanitized();
    const [, cases, fp32, int8] = /^(\d+) cases, (\d+) of them loaded and run in fp32, (\d+) in int8$/m.exec(runOf(fuzz, 8, 1))!.map(Number);
    expect(fp32).toBeGreaterThan(100);
    expect(int8).toBeGreaterThan(100);
    expect(cases! - fp32! - int8!).toBeGreaterThan(100);
  });
});
