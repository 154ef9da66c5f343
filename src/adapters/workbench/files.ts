import { mkdirSync } from 'node:fs';
import { readFile, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Workbench } from '../../ports.ts';
import { removeLeftovers, writeAtomically } from '../files/atomic.ts';
import { storageError, systemCode } from '../files/storage-error.ts';

/** Work that nobody took up for so long is given up: a job that was called off leaves its work behind. */
const UNTOUCHED_MS_MAX = 24 * 60 * 60 * 1000;

const NAME = /^[0-9a-f]{64}$/;

/** A workbench of files, each named by its work. Throws storage-failed where the folder cannot be made. */
export function filesWorkbench(folder: string): Workbench {
  try {
    mkdirSync(folder, { recursive: true });
    removeLeftovers(folder);
  } catch (error) {
    throw storageError(error, folder);
  }

  async function removeUntouched(): Promise<void> {
    for (const name of await readdir(folder)) {
      const path = join(folder, name), { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
      if (NAME.test(name) && Date.now() - mtimeMs > UNTOUCHED_MS_MAX) await rm(path, { force: true });
    }
  }

  const guarded = async <T>(work: () => Promise<T>): Promise<T> => work().catch((error: unknown) => { throw storageError(error, folder); });
  return {
    read: (name) => guarded(async () => {
      const bytes = await readFile(join(folder, name)).catch((error: unknown) => { if (systemCode(error) === 'ENOENT') return null; throw error; });
      return bytes === null ? null : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    }),
    write: (name, bytes) => guarded(async () => {
      await writeAtomically(join(folder, name), bytes);
      await removeUntouched();
    }),
    remove: (name) => guarded(() => rm(join(folder, name), { force: true })),
  };
}
