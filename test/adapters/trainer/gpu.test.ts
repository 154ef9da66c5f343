// Goal: a GPU is found by any of its three traces, and none is made up. Method: made-up file systems and programs in place of nvidia-smi.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { librariesOf, lookForGpu } from '../../../src/adapters/trainer/gpu.ts';
import { temporaryFolder } from '../temporary.ts';

function rootWith(files: Readonly<Record<string, string>>): string {
  const root = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}
const NVRM = 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\nGCC version:  gcc version 12\n';

function smi(text: string, code = 0): string {
  const file = join(rootWith({ 'nvidia-smi': `#!/bin/sh\necho '${text}'\nexit ${code}\n` }), 'nvidia-smi');
  chmodSync(file, 0o755);
  return file;
}

const nowhere = (): string => '/nowhere/nvidia-smi';

it('finds none, and says where it looked', async () => {
  const found = await lookForGpu(rootWith({}), '/nowhere/nvidia-smi');
  expect(found).toMatchObject({ present: false, gpu: null, driver: null });
  expect(found.lookedAt.join('; ')).toMatch(/nvidia-smi does not run; .*proc\/driver\/nvidia\/version is not there; .*dev\/nvidia0 is not there/);
});

it.each([
  ['nvidia-smi', {}, () => smi('NVIDIA H100 80GB HBM3, 535.104.05'), { gpu: 'NVIDIA H100 80GB HBM3', driver: '535.104.05' }],
  ['the kernel module', { 'proc/driver/nvidia/version': NVRM }, nowhere, { gpu: null, driver: '535.104.05' }],
  ['the device file', { 'dev/nvidia0': '' }, nowhere, { gpu: null, driver: null }],
])('finds one by %s', async (_, files, program, told) => {
  expect(await lookForGpu(rootWith(files), program())).toMatchObject({ present: true, ...told });
});

it('does not believe an nvidia-smi that fails', async () => {
  expect(await lookForGpu(rootWith({}), smi('NVIDIA-SMI has failed', 9))).toMatchObject({ present: false, gpu: null });
});

it('reads the versions of the libraries off the stamp of the set-up', () => {
  const root = rootWith({ 'node_modules/.espalier/tensorflow.json': JSON.stringify({ way: 'gpu', libraries: { cuda: '12.5.82', cudnn: '9.3.0.75' } }) });
  expect(librariesOf(root)).toEqual({ cuda: '12.5.82', cudnn: '9.3.0.75' });
  expect(librariesOf(rootWith({ 'node_modules/.espalier/tensorflow.json': '{"way":"wheel"}' }))).toEqual({ cuda: null, cudnn: null });
  expect(librariesOf(rootWith({}))).toEqual({ cuda: null, cudnn: null });
});
