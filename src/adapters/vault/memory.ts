import { EspalierError } from '../../errors.ts';
import type { Vault } from '../../ports.ts';
import { sha256 } from '../digest.ts';
import { checkReference } from './reference.ts';

/** A vault that lives as long as the process. Bytes are copied on the way in and out: nobody can change what is stored. */
export function memoryVault(): Vault {
  const contents = new Map<string, Uint8Array>();
  return {
    put: (bytes) => {
      const ref = sha256(bytes);
      if (!contents.has(ref)) contents.set(ref, Uint8Array.from(bytes));
      return Promise.resolve(ref);
    },
    get: async (ref) => {
      checkReference(ref);
      const bytes = contents.get(ref);
      if (bytes === undefined) throw new EspalierError('vault-missing', `Reference: ${ref}`);
      return Promise.resolve(Uint8Array.from(bytes));
    },
    list: () => Promise.resolve([...contents.keys()].sort()),
    remove: async (ref) => {
      checkReference(ref);
      contents.delete(ref);
      return Promise.resolve();
    },
  };
}
