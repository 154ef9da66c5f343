// Goal: files are there as a whole or not at all, and errors of the system get the right code. Method: writes that fail on the way, real errors of the system, this process and ones that cannot exist.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isAlive, startOf } from '../../../src/adapters/files/alive.ts';
import { removeLeftovers, writeAtomically, writeBytes } from '../../../src/adapters/files/atomic.ts';
import { isFull, storageError, systemCode } from '../../../src/adapters/files/storage-error.ts';
import { EspalierError } from '../../../src/errors.ts';
import { temporaryFolder } from '../temporary.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('writing atomically', () => {
  it('replaces a file, and leaves nothing beside it', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'file');
    await writeAtomically(path, bytesOf('one'));
    await writeAtomically(path, bytesOf('two'));
    expect(readFileSync(path, 'utf8')).toBe('two');
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('keeps the old file when the write fails in the middle', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'file');
    await writeAtomically(path, bytesOf('old'));
    const half = writeAtomically(path, bytesOf('new content'), async (file, bytes) => {
      await writeBytes(file, bytes.subarray(0, 3), 0);
      throw new Error('stopped');
    });
    await expect(half).rejects.toThrow('stopped');
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('leaves alone what it writes itself at this moment when leftovers are removed', async () => {
    const folder = temporaryFolder();
    let removed = -1;
    await writeAtomically(join(folder, 'file'), bytesOf('x'), async (file, bytes, position) => {
      removed = removeLeftovers(folder);
      await writeBytes(file, bytes, position);
    });
    expect([removed, existsSync(join(folder, 'file'))]).toEqual([0, true]);
    writeFileSync(join(folder, `.writing-${String(process.pid)}-0`), 'left');
    expect(removeLeftovers(folder)).toBe(1);
  });
});

describe('errors of the system', () => {
  it('are storage-full where there is no room, else storage-failed, with the place and the cause', () => {
    for (const code of ['ENOSPC', 'EDQUOT']) {
      const cause = Object.assign(new Error(code), { code });
      expect(isFull(cause)).toBe(true);
      expect(storageError(cause, '/data')).toMatchObject({ code: 'storage-full', details: 'Folder: /data', cause });
    }
    expect(storageError('odd', '/data').code).toBe('storage-failed');
    const ours = new EspalierError('vault-missing');
    expect(storageError(ours, '/data')).toBe(ours);
  });

  it('keep the code that the system gave', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'inside'));
    const error = await readFile(join(folder, 'inside')).catch((reason: unknown) => reason);
    expect(systemCode(error)).toBe('EISDIR');
    expect(storageError(error, folder)).toMatchObject({ code: 'storage-failed', details: expect.stringContaining('EISDIR') as string });
  });
});

it('tells a living process from one that cannot be, and its start stays the same', () => {
  expect([isAlive(process.pid), isAlive(999_999_999)]).toEqual([true, false]);
  expect(startOf(process.pid)).toBe(startOf(process.pid));
  expect(startOf(999_999_999)).toBeNull();
});
