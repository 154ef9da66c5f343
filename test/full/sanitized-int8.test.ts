// Goal: the int8 kernels read and write nothing but their own memory and have no undefined behaviour. Method: the addon built
// with the address and undefined-behaviour sanitizers (a minute or two), which Node runs on random networks.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, it } from 'vitest';
import { builtAddon } from '../adapters/engine/built.ts';
import { ROOT } from '../checks/sources.ts';

const { buildSanitizedAddon } = (await import(path.join(ROOT, 'scripts', 'kernel', 'sanitize.mjs'))) as { buildSanitizedAddon(): Promise<{ readonly addon: string; readonly preload: string }> };

it('every int8 variant, through Node: random networks and ragged batches, with states and sampling', async () => {
  const { addon, preload } = await buildSanitizedAddon();
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', path.join(ROOT, 'test', 'kernel', 'native', 'int8-check.ts'), addon, '40', '1'],
    { cwd: ROOT, encoding: 'utf8', env: { ...process.env, LD_PRELOAD: preload, ASAN_OPTIONS: 'detect_leaks=0' } });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const wanted = (await builtAddon()).variants().filter(({ name, supported }) => supported && name.endsWith('-g4')).map(({ name }) => name);
  expect(stdout.match(/(?<=^checked ).*/gm)).toEqual(wanted);
}, 600_000);
