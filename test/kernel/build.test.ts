// Goal: the build works without node-gyp, does nothing twice, and says what is missing. Method: a root of its own that
// has the sources and the headers but no node-gyp; compilers that do not exist or fail.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { kernelPath, loadAddon } from '../../src/adapters/engine/addon.ts';

interface Builder { buildKernel(options: { root: string; say?: (line: string) => void }): Promise<{ built: boolean; path: string; ms: number }> }
const repository = path.dirname(path.dirname(path.dirname(kernelPath())));
const { buildKernel } = (await import(path.join(repository, 'scripts', 'setup', 'kernel.mjs'))) as Builder;

let root: string;
beforeAll(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'espalier-build-'));
  writeFileSync(path.join(root, 'package.json'), '{}');
  mkdirSync(path.join(root, 'src'));
  mkdirSync(path.join(root, 'node_modules'));
  symlinkSync(path.join(repository, 'src', 'kernel'), path.join(root, 'src', 'kernel'));
  symlinkSync(path.join(repository, 'node_modules', 'node-api-headers'), path.join(root, 'node_modules', 'node-api-headers'));
});
afterEach(() => { vi.unstubAllEnvs(); });
afterAll(() => { rmSync(root, { recursive: true, force: true }); });

it.each([['no-such-compiler', /no C compiler found/], ['false', /the C compiler failed/]])('CC=%s: the error has a remedy', async (compiler, message) => {
  vi.stubEnv('CC', compiler);
  const failed = await buildKernel({ root }).catch((error: unknown) => error);
  expect(failed).toMatchObject({ name: 'KernelBuildError', message: expect.stringMatching(message), remedy: expect.stringContaining('install a C compiler') });
});

it('builds directly with the compiler, says so, and does nothing the second time', async () => {
  const said: string[] = [];
  const first = await buildKernel({ root, say: (line) => said.push(line) });
  expect(first).toMatchObject({ built: true, path: path.join(root, 'build', 'kernel', 'espalier_kernel.node') });
  expect(said.join('\n')).toContain('node-gyp did not work (the package node-gyp is not installed)');
  expect(loadAddon(first.path).variants().at(-1)!.name).toBe('portable');
  utimesSync(first.path, 1, 1); // times do not count, contents do
  expect(await buildKernel({ root })).toMatchObject({ built: false, path: first.path });
});
