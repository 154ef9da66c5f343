import { readdirSync, rmSync } from 'node:fs';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isAlive } from './alive.ts';

/** Writes bytes at a position of an open file, all of them or it throws. An argument, so that tests can fill the disk. */
export type WriteBytes = (file: FileHandle, bytes: Uint8Array, position: number) => Promise<void>;

export const writeBytes: WriteBytes = async (file, bytes, position) => {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
};

const TEMPORARY = /^\.writing-(\d+)-\d+$/;
const mine = new Set<string>();
let count = 0;

/** Writes a file so that it is there as a whole or not at all, also after a power cut: temporary name, fsync, rename, fsync of the folder. */
export async function writeAtomically(path: string, bytes: Uint8Array, write: WriteBytes = writeBytes): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.writing-${String(process.pid)}-${String(count++)}`);
  mine.add(temporary);
  try {
    const file = await open(temporary, 'wx');
    try {
      await write(file, bytes, 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    mine.delete(temporary);
  }
}

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes what a process that died left half written; files that a living process writes now stay. Returns how many. */
export function removeLeftovers(folder: string): number {
  let removed = 0;
  for (const name of readdirSync(folder)) {
    const pid = Number(TEMPORARY.exec(name)?.[1] ?? 0);
    if (pid === 0) continue;
    const path = join(folder, name);
    const inUse = pid === process.pid ? mine.has(path) : isAlive(pid);
    if (inUse) continue;
    rmSync(path, { force: true });
    removed++;
  }
  return removed;
}
