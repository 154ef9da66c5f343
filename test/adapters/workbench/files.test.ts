// Goal: the workbench of files keeps the contract, cleans up, and says what went wrong. Method: the check list, files set back in time, a folder that cannot be.
import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { filesWorkbench } from '../../../src/adapters/workbench/files.ts';
import { checkWorkbench } from '../../checks/workbench.ts';
import { temporaryFolder } from '../temporary.ts';

checkWorkbench('of files', () => filesWorkbench(join(temporaryFolder(), 'made', 'by', 'it')));

it('gives up work that nobody took up for a day, and touches no other file', async () => {
  const folder = temporaryFolder(), bench = filesWorkbench(folder), [old, young] = ['a'.repeat(64), 'b'.repeat(64)] as const;
  for (const name of [old, 'notes.txt']) {
    writeFileSync(join(folder, name), 'old');
    utimesSync(join(folder, name), 1, Date.now() / 1000 - 25 * 3600);
  }
  await bench.write(young, Uint8Array.of(1));
  expect(readdirSync(folder).sort()).toEqual([young, 'notes.txt']);
});

it('shares its folder with another process, and loses what a dead one wrote by half', async () => {
  const folder = temporaryFolder(), name = 'c'.repeat(64);
  await filesWorkbench(folder).write(name, Uint8Array.of(7));
  writeFileSync(join(folder, '.writing-999999999-0'), 'half');
  expect(await filesWorkbench(folder).read(name)).toEqual(Uint8Array.of(7));
  expect(readdirSync(folder)).toEqual([name]);
});

it('says storage-failed for a folder that cannot be', () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'file'), '');
  expect(() => filesWorkbench(join(folder, 'file'))).toThrow(expect.objectContaining({ code: 'storage-failed' }) as Error);
});
