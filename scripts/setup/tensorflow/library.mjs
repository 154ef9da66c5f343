// Obtains libtensorflow into the cache, by the official archive or out of a Python wheel; both checked against a pin.
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SetupError, cacheFolder, seconds } from '../world.mjs';
import { PLATFORM } from './pins.mjs';

export async function sha256Of(file) {
  const hash = createHash('sha256');
  await pipeline(fs.createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** Compares a download with its pin. Throws SetupError. */
export async function demandSha256(file, pinned) {
  const found = await sha256Of(file);
  if (found !== pinned) {
    throw new SetupError(`${path.basename(file)} has the sha256 ${found}, and not the pinned ${pinned}`,
      'Nothing of it was used. Try again; if it stays so, the server (or a proxy) sends something else than was published.');
  }
}

export const folderOf = (way) => path.join(cacheFolder(), `libtensorflow-${way.name}-${way.version}-${PLATFORM}`);
export const isKept = (way) => fs.existsSync(path.join(folderOf(way), 'complete'));

/**
 * Fills the folder of a way once. The work happens in a folder beside it, which is renamed when it is complete; where
 * another set-up was first, what that one made is used.
 */
export async function obtain(way, say) {
  if (isKept(way)) return;
  const folder = folderOf(way);
  const part = `${folder}.partial-${process.pid}`;
  const started = Date.now();
  fs.mkdirSync(part, { recursive: true });
  try {
    await way.fetch(part, say);
    fs.writeFileSync(path.join(part, 'complete'), `${way.version}\n`);
    try { fs.renameSync(part, folder); } catch (error) { if (!isKept(way)) throw error; }
    say(`tensorflow: libtensorflow ${way.version} (${way.name}) is in the cache, ${seconds(started)}`);
  } catch (error) {
    if (error.code === 'ENOSPC') {
      throw new SetupError(`the disk of ${cacheFolder()} is full`, `Free ${way.gigabytes} GB there, or name another folder in ESPALIER_CACHE.`);
    }
    throw error;
  } finally { fs.rmSync(part, { recursive: true, force: true }); }
}
