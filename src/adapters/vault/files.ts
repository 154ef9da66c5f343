import { mkdirSync } from 'node:fs';
import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EspalierError } from '../../errors.ts';
import type { Vault } from '../../ports.ts';
import { sha256 } from '../digest.ts';
import { removeLeftovers, writeAtomically, writeBytes, type WriteBytes } from '../files/atomic.ts';
import { storageError, systemCode } from '../files/storage-error.ts';
import { checkReference, isReference } from './reference.ts';

/**
 * A vault of files, each named by the SHA-256 of its content. A file is there as a whole or not at all, is never
 * changed, and is compared with its name whenever it is read; so several processes may share the folder.
 * Throws storage-failed where the folder cannot be made.
 */
export function filesVault(folder: string, write: WriteBytes = writeBytes): Vault {
  const pathOf = (ref: string): string => join(folder, ref);
  try {
    mkdirSync(folder, { recursive: true });
    removeLeftovers(folder);
  } catch (error) {
    throw storageError(error, folder);
  }

  async function put(bytes: Uint8Array): Promise<string> {
    const ref = sha256(bytes);
    try {
      // What is there already stays, unless it was altered: then putting the content again repairs it.
      const present = await readFile(pathOf(ref)).catch(() => null);
      if (present === null || sha256(present) !== ref) await writeAtomically(pathOf(ref), bytes, write);
      return ref;
    } catch (error) {
      throw storageError(error, folder);
    }
  }

  async function get(ref: string): Promise<Uint8Array> {
    checkReference(ref);
    const bytes = await readFile(pathOf(ref)).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') throw new EspalierError('vault-missing', `Reference: ${ref}; folder: ${folder}`, error);
      throw storageError(error, folder);
    });
    if (sha256(bytes) !== ref) throw new EspalierError('vault-altered', `File: ${pathOf(ref)}`);
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  async function list(): Promise<readonly string[]> {
    const names = await readdir(folder).catch((error: unknown) => { throw storageError(error, folder); });
    return names.filter(isReference).sort();
  }

  async function remove(ref: string): Promise<void> {
    checkReference(ref);
    await rm(pathOf(ref), { force: true }).catch((error: unknown) => { throw storageError(error, folder); });
  }

  return { put, get, list, remove };
}
