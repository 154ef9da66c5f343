// Goal: the vault of files keeps the contract, notices altered files, cleans up, and stops cleanly on a full disk. Method: the check list, damage done by hand, a real ENOSPC from /dev/full.
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesVault } from '../../../src/adapters/vault/files.ts';
import { checkVault } from '../../checks/vault.ts';
import { temporaryFolder } from '../temporary.ts';

checkVault('of files', () => filesVault(join(temporaryFolder(), 'made', 'by', 'it')));

describe('the vault of files', () => {
  it('refuses an altered file, and putting the content again repairs it', async () => {
    const folder = temporaryFolder();
    const vault = filesVault(folder);
    const bytes = Uint8Array.of(1, 2, 3);
    const ref = await vault.put(bytes);
    writeFileSync(join(folder, ref), Uint8Array.of(1, 2, 4));
    await expect(vault.get(ref)).rejects.toMatchObject({ code: 'vault-altered' });
    await vault.put(bytes);
    expect(await vault.get(ref)).toEqual(bytes);
  });

  it('shares its folder with another process that has it open', async () => {
    const folder = temporaryFolder();
    const ref = await filesVault(folder).put(Uint8Array.of(5));
    expect(await filesVault(folder).get(ref)).toEqual(Uint8Array.of(5));
  });

  it('removes half-written files of dead processes when it is opened, and only those', () => {
    const folder = temporaryFolder();
    const dead = join(folder, '.writing-999999999-0');
    const own = join(folder, `.writing-${String(process.pid)}-77`);
    const living = join(folder, `.writing-${String(process.ppid)}-0`);
    for (const path of [dead, own, living]) writeFileSync(path, 'half');
    filesVault(folder);
    expect([dead, own, living].map((path) => existsSync(path))).toEqual([false, false, true]);
  });

  if (existsSync('/dev/full')) it('says storage-full and where, and leaves nothing behind', async () => {
    const folder = temporaryFolder();
    const vault = filesVault(folder, async (file, bytes) => {
      await file.write(bytes, 0, Math.min(1, bytes.length), 0);
      const full = await open('/dev/full', 'w');
      await full.write(bytes).finally(() => full.close());
    });
    await expect(vault.put(Uint8Array.of(1, 2))).rejects.toMatchObject({ code: 'storage-full', retryable: true, details: expect.stringContaining(folder) as string });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('says storage-failed for a folder that cannot be', () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'file'), '');
    expect(() => filesVault(join(folder, 'file'))).toThrow(expect.objectContaining({ code: 'storage-failed' }) as Error);
  });
});
