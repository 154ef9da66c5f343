// A wheel of the Python package index. pip is only the download program; no Python code runs after it.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { SetupError, errorLine, firstThatRuns, run, withHeartbeat } from '../world.mjs';
import { demandSha256 } from './library.mjs';

const megabytesIn = (folder) => Math.round(fs.readdirSync(folder, { withFileTypes: true, recursive: true })
  .reduce((sum, entry) => {
    try { return sum + (entry.isFile() ? fs.statSync(path.join(entry.parentPath ?? entry.path, entry.name)).size : 0); } catch { return sum; }
  }, 0) / 1e6);

/** What ESPALIER_TENSORFLOW_WHEEL names: a wheel, or a folder of wheels, in which that of the pin is looked for. */
function givenWheel({ requirement }) {
  const given = process.env.ESPALIER_TENSORFLOW_WHEEL;
  if (given === undefined || !fs.existsSync(given) || !fs.statSync(given).isDirectory()) return given;
  const [name, version] = requirement.split('==');
  const found = fs.readdirSync(given).find((file) => file.startsWith(`${name.replaceAll('-', '_')}-${version}-`) && file.endsWith('.whl'));
  if (found === undefined) throw new SetupError(`${given} holds no wheel of ${requirement}`, 'Download it into that folder, or unset ESPALIER_TENSORFLOW_WHEEL.');
  return path.join(given, found);
}

let found;

/** How pip is started here; looked for once. Throws SetupError. */
function pipFor(requirement) {
  found ??= firstThatRuns([['python3', '-m', 'pip'], ['python', '-m', 'pip'], ['pip3'], ['pip']]);
  if (found !== undefined) return found;
  throw new SetupError('pip is needed to fetch libtensorflow',
    `Install it (Debian: apt-get install python3-pip), or name a downloaded wheel of ${requirement} in ESPALIER_TENSORFLOW_WHEEL.`);
}

async function byPip({ requirement, platform, megabytes }, into) {
  const pip = pipFor(requirement);
  const done = await withHeartbeat(() => `tensorflow: ${Math.min(megabytes, megabytesIn(into))} of ${megabytes} MB`,
    () => run(pip[0], [...pip.slice(1), 'download', '--no-deps', '--only-binary=:all:', '--no-cache-dir', '--implementation', 'cp',
      '--python-version', '3.11', '--platform', platform, '-d', into, requirement],
    { env: { ...process.env, TMPDIR: into }, limitMs: 20 * 60_000 }));
  const name = fs.readdirSync(into).find((file) => file.endsWith('.whl'));
  if (!done.ok || name === undefined) {
    throw new SetupError(`pip could not fetch ${requirement}: ${done.timedOut ? 'no result in 20 minutes' : errorLine(done.out)}`,
      'Check the network and the package index, or name a downloaded wheel in ESPALIER_TENSORFLOW_WHEEL.');
  }
  return path.join(into, name);
}

/** Fetches a pinned wheel, checks it, and hands it to `use`; a download is removed afterwards. Throws SetupError. */
export async function withWheel(pin, into, use) {
  if (!process.report.getReport().header.glibcVersionRuntime) {
    throw new SetupError('libtensorflow needs glibc, and this system has another C library',
      'Use an image based on Debian, Ubuntu or Fedora (not Alpine).');
  }
  const folder = path.join(into, 'download');
  fs.mkdirSync(folder);
  try {
    const file = givenWheel(pin) ?? await byPip(pin, folder);
    await demandSha256(file, pin.sha256);
    await use(file);
  } finally { fs.rmSync(folder, { recursive: true }); }
}
