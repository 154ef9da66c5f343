import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EspalierError } from '../../errors.ts';
import { isAlive, startOf } from '../files/alive.ts';
import { systemCode } from '../files/storage-error.ts';

interface Holder { readonly pid: number; readonly started: string | null }

const held = new Set<string>();

/**
 * Takes a folder for this process and returns how to give it back. A lock whose process has died, or whose number
 * belongs to another process by now, is taken over. Throws log-locked.
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'lock');
  const content = JSON.stringify({ pid: process.pid, started: startOf(process.pid) } satisfies Holder);
  if (!create(path, content)) {
    takeOver(path, folder);
    if (!create(path, content)) throw locked(folder, 'taken by another process just now');
  }
  held.add(path);
  return () => {
    held.delete(path);
    rmSync(path, { force: true });
  };
}

function create(path: string, content: string): boolean {
  try {
    writeFileSync(path, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Moves a stale lock away; where another process replaced it meanwhile, puts that one back. */
function takeOver(path: string, folder: string): void {
  const stale = readLock(path);
  if (stale === null) return;
  const holder = parseHolder(stale);
  if (holder !== null && holds(path, holder)) throw locked(folder, `process ${String(holder.pid)}`);
  const aside = `${path}-${String(process.pid)}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  if (readFileSync(aside, 'utf8') !== stale) linkSync(aside, path);
  rmSync(aside);
}

function readLock(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Null for a lock that was cut off while it was written: its process died. */
function parseHolder(text: string): Holder | null {
  try {
    return JSON.parse(text) as Holder;
  } catch {
    return null;
  }
}

function holds(path: string, { pid, started }: Holder): boolean {
  if (pid === process.pid) return held.has(path);
  return isAlive(pid) && (started === null || startOf(pid) === started);
}

const locked = (folder: string, by: string): EspalierError => new EspalierError('log-locked', `Folder: ${folder} (${by})`);
