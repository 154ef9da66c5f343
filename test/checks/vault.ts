// Check list of the port Vault: what every vault must do.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/adapters/digest.ts';
import type { Vault } from '../../src/ports.ts';

export function checkVault(name: string, open: () => Vault | Promise<Vault>): void {
  describe(`the vault ${name}`, () => {
    it('gives back any bytes under their SHA-256', async () => {
      const vault = await open();
      await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (bytes) => {
        const ref = await vault.put(bytes);
        expect(ref).toBe(sha256(bytes));
        expect(await vault.get(ref)).toEqual(bytes);
      }), { numRuns: 20 });
    });

    it('stores the same content once, also when it is put at the same time', async () => {
      const vault = await open();
      const bytes = Uint8Array.of(1, 2, 3);
      const refs = await Promise.all([vault.put(bytes), vault.put(bytes), vault.put(Uint8Array.of(4))]);
      expect(refs[0]).toBe(refs[1]);
      expect(await vault.list()).toEqual([...new Set(refs)].sort());
    });

    it('keeps what was put, whatever is done to the array afterwards', async () => {
      const vault = await open();
      const bytes = Uint8Array.of(1, 2, 3);
      const ref = await vault.put(bytes);
      bytes[0] = 9;
      (await vault.get(ref))[1] = 9;
      expect(await vault.get(ref)).toEqual(Uint8Array.of(1, 2, 3));
    });

    it('says vault-missing for what is not there and for what is no reference', async () => {
      const vault = await open();
      for (const ref of ['0'.repeat(64), '../../etc/passwd', 'A'.repeat(64), '', `${'0'.repeat(63)}/`]) {
        await expect(vault.get(ref)).rejects.toMatchObject({ code: 'vault-missing' });
      }
      await expect(vault.remove('../x')).rejects.toMatchObject({ code: 'vault-missing' });
    });

    it('removes content, and does not mind doing it twice', async () => {
      const vault = await open();
      const ref = await vault.put(Uint8Array.of(7));
      await vault.remove(ref);
      await vault.remove(ref);
      expect(await vault.list()).toEqual([]);
      await expect(vault.get(ref)).rejects.toMatchObject({ code: 'vault-missing' });
    });
  });
}
