// libtensorflow out of the Python wheel of TensorFlow. pip is only the download program; no Python code runs after it.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { SetupError, errorLine, firstThatRuns, run, seconds, withHeartbeat } from '../world.mjs';
import { demandSha256 } from './library.mjs';
import { PLATFORM, WHEELS } from './pins.mjs';
import { unzip } from './unzip.mjs';

const pin = WHEELS[PLATFORM];
const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
const wanted = (name) => LIBRARIES.some((library) => name === `tensorflow/${library}`)
  || (name.startsWith('tensorflow/include/') && name.endsWith('.h') && (name.includes('/c/') || name.includes('/platform/ctstring')));

const megabytesIn = (folder) => Math.round(fs.readdirSync(folder, { withFileTypes: true, recursive: true })
  .reduce((sum, entry) => {
    try { return sum + (entry.isFile() ? fs.statSync(path.join(entry.parentPath ?? entry.path, entry.name)).size : 0); } catch { return sum; }
  }, 0) / 1e6);

async function download(into) {
  const given = process.env.ESPALIER_TENSORFLOW_WHEEL;
  if (given !== undefined) return given;
  const pip = firstThatRuns([['python3', '-m', 'pip'], ['python', '-m', 'pip'], ['pip3'], ['pip']]);
  if (pip === undefined) {
    throw new SetupError('pip is needed to fetch libtensorflow',
      `Install it (Debian: apt-get install python3-pip), or name a downloaded wheel of ${pin.requirement} in ESPALIER_TENSORFLOW_WHEEL.`);
  }
  const done = await withHeartbeat(() => `tensorflow: ${Math.min(pin.megabytes, megabytesIn(into))} of ${pin.megabytes} MB`,
    () => run(pip[0], [...pip.slice(1), 'download', '--no-deps', '--only-binary=:all:', '--no-cache-dir', '--implementation', 'cp',
      '--python-version', '3.11', '--platform', pin.platform, '-d', into, pin.requirement],
    { env: { ...process.env, TMPDIR: into }, limitMs: 20 * 60_000 }));
  const name = fs.readdirSync(into).find((file) => file.endsWith('.whl'));
  if (!done.ok || name === undefined) {
    throw new SetupError(`pip could not fetch ${pin.requirement}: ${done.timedOut ? 'no result in 20 minutes' : errorLine(done.out)}`,
      'Check the network and the package index, or name a downloaded wheel in ESPALIER_TENSORFLOW_WHEEL.');
  }
  return path.join(into, name);
}

export const wheel = pin && {
  name: 'wheel',
  version: pin.version,
  async fetch(into, say) {
    if (!process.report.getReport().header.glibcVersionRuntime) {
      throw new SetupError('libtensorflow needs glibc, and this system has another C library',
        'Use an image based on Debian, Ubuntu or Fedora (not Alpine).');
    }
    const started = Date.now();
    const folder = path.join(into, 'download');
    fs.mkdirSync(folder);
    say(`tensorflow: downloading the wheel ${pin.requirement}, ${pin.megabytes} MB`);
    const file = await download(folder);
    say(`tensorflow: wheel there in ${seconds(started)}; checking and unpacking`);
    await demandSha256(file, pin.sha256);
    await unzip(file, wanted, into);
    fs.rmSync(folder, { recursive: true });
    // Without symbols 383 instead of 517 MB; it works as well with them where strip is missing.
    for (const library of LIBRARIES) spawnSync('strip', ['-s', path.join(into, 'tensorflow', library)], { stdio: 'ignore' });
  },
  includes: (folder) => [path.join(folder, 'tensorflow', 'include')],
  libraries: (folder) => ({
    folder: path.join(folder, 'tensorflow'),
    link: LIBRARIES.map((library) => path.join(folder, 'tensorflow', library)),
  }),
};
