// One set-up at a time for each checkout: a lock file with the holder's process id.
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { cacheFolder, say } from './world.mjs';

const LOOK_EVERY_MS = 200;
const CLEARING_MS_MAX = 10_000;
/** A lock without a process id is being written; after so many looks its writer is taken for dead. */
const UNREADABLE_MAX = 20;

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

function alive(pid) {
  try { process.kill(pid, 0); return true; } catch (error) { return error.code === 'EPERM'; }
}

/** Takes the lock, or says who has it: a process id, 0 where it was just being written, undefined when taken. */
function take(file) {
  try {
    fs.writeFileSync(file, String(process.pid), { flag: 'wx' });
    return undefined;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    try { return Number(fs.readFileSync(file, 'utf8')) || 0; } catch { return 0; }
  }
}

/**
 * Removes the lock of a holder that is dead. Only one process at a time looks again and removes (the file beside it says
 * which), or else a slow one could remove the lock that a quick one has taken meanwhile.
 */
function clearAway(file) {
  const clearing = `${file}.clearing`;
  try {
    fs.writeFileSync(clearing, '', { flag: 'wx' });
  } catch {
    try { if (Date.now() - fs.statSync(clearing).mtimeMs > CLEARING_MS_MAX) fs.rmSync(clearing, { force: true }); } catch { /* it is gone */ }
    return;
  }
  try {
    const holder = Number(fs.readFileSync(file, 'utf8'));
    if (!(holder > 0 && alive(holder))) fs.rmSync(file, { force: true });
  } catch { /* it is gone */ } finally { fs.rmSync(clearing, { force: true }); }
}

/**
 * Runs `work` while no other process does work under the same name. A holder that died leaves a stale file, which is
 * removed. The steps inside also place their results by rename, so that even a lock stolen across containers (whose
 * process ids mean nothing to one another) harms nothing but time.
 */
export async function withLock(name, work) {
  const folder = path.join(cacheFolder(), 'locks');
  fs.mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${createHash('sha256').update(name).digest('hex').slice(0, 16)}.pid`);
  let told = false;
  let unreadable = 0;
  for (;;) {
    const holder = take(file);
    if (holder === undefined) break;
    unreadable = holder === 0 ? unreadable + 1 : 0;
    if (unreadable > UNREADABLE_MAX || (holder !== 0 && !alive(holder))) {
      clearAway(file);
      unreadable = 0;
    }
    if (!told && holder !== 0) say(`waiting for another set-up (process ${holder})`);
    told ||= holder !== 0;
    await pause(LOOK_EVERY_MS);
  }
  try { return await work(); } finally { fs.rmSync(file, { force: true }); }
}
