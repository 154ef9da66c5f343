// The npm packages of the lock file, without their install scripts.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { withLock } from './lock.mjs';
import { SetupError, errorLine, run, seconds, withHeartbeat } from './world.mjs';

const json = (file) => JSON.parse(fs.readFileSync(file, 'utf8'));

/**
 * Whether node_modules holds what the lock file names. npm writes node_modules/.package-lock.json at the end of every
 * installation; it is compared entry by entry, so that a half-finished installation, an older lock file or a package
 * added by hand are told apart. Optional packages are for other platforms.
 */
export function packagesComplete(root) {
  const wanted = path.join(root, 'package-lock.json');
  if (!fs.existsSync(wanted)) return true; // installed from a registry: npm has placed everything
  const placed = path.join(root, 'node_modules', '.package-lock.json');
  if (!fs.existsSync(placed)) return false;
  const installed = json(placed).packages;
  return Object.entries(json(wanted).packages).every(([where, entry]) => where === '' || entry.optional === true
    || (installed[where]?.version === entry.version && installed[where]?.integrity === entry.integrity
      && fs.existsSync(path.join(root, where, 'package.json'))));
}

/** Runs `npm ci` where it is needed. Throws SetupError. */
export async function ensurePackages({ root, say }) {
  if (packagesComplete(root)) return;
  await withLock(`packages ${root}`, async () => {
    if (packagesComplete(root)) return;
    const started = Date.now();
    say('packages: npm ci, without install scripts');
    const done = await withHeartbeat(() => 'packages: still installing', () => run('npm',
      ['ci', '--ignore-scripts', '--no-audit', '--no-fund'],
      { cwd: root, limitMs: 15 * 60_000, shell: process.platform === 'win32' }));
    if (!done.ok || !packagesComplete(root)) {
      throw new SetupError(`npm ci failed: ${done.timedOut ? 'no result in 15 minutes' : errorLine(done.out)}`,
        'Check the network and the npm registry (`npm ping`), then start again; an interrupted installation is repeated.');
    }
    say(`packages: installed in ${seconds(started)}`);
  });
}
