// The official archive of libtensorflow: the one that the install script of @tensorflow/tfjs-node downloads.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SetupError, run, withHeartbeat } from '../world.mjs';
import { demandSha256 } from './library.mjs';
import { OFFICIAL, PLATFORM } from './pins.mjs';

const PROBE_MS = 8000;
const DOWNLOAD_MS = 15 * 60_000;
/** `TFJS_NODE_CDN_STORAGE` names a mirror, as it does for the package's own script. */
const host = () => (process.env.TFJS_NODE_CDN_STORAGE ?? 'https://storage.googleapis.com/').replace(/\/?$/, '/');
const proxied = () => ['https_proxy', 'http_proxy'].some((name) => process.env[name] ?? process.env[name.toUpperCase()]);

async function answers(url) {
  try {
    const reply = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(PROBE_MS) });
    return reply.ok ? undefined : `its server answers ${reply.status}`;
  } catch (error) { return `its server does not answer (${error.cause?.code ?? error.name})`; }
}

/** Node's fetch knows nothing of proxies; curl does, and is asked where one is set. */
async function download(url, file) {
  const got = proxied()
    ? await run('curl', ['-fsSL', '--connect-timeout', String(PROBE_MS / 1000), '-o', file, url], { limitMs: DOWNLOAD_MS })
    : undefined;
  if (got !== undefined) {
    if (!got.ok) throw new SetupError(`curl could not fetch it through the proxy: ${got.out.trim()}`, 'Check the proxy.');
    return;
  }
  const reply = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_MS) });
  if (!reply.ok || reply.body === null) throw new SetupError(`its server answers ${reply.status}`, 'Try again later.');
  await pipeline(Readable.fromWeb(reply.body), fs.createWriteStream(file));
}

const pin = OFFICIAL[PLATFORM];

export const official = pin && {
  name: 'official',
  version: pin.version,
  gigabytes: 1,
  async fetch(into, say) {
    const url = host() + pin.path;
    const silent = proxied() ? undefined : await answers(url);
    if (silent !== undefined) throw new SetupError(silent, 'Check the network.');
    const file = path.join(into, path.basename(url));
    say(`tensorflow: downloading libtensorflow ${pin.version} from ${new URL(url).host}`);
    const megabytes = () => (fs.existsSync(file) ? Math.round(fs.statSync(file).size / 1e6) : 0);
    await withHeartbeat(() => `tensorflow: ${megabytes()} MB`, () => download(url, file));
    await demandSha256(file, process.env.ESPALIER_TENSORFLOW_SHA256 ?? pin.sha256);
    const unpacked = spawnSync('tar', ['-xzf', file, '-C', into], { encoding: 'utf8' });
    if (unpacked.status !== 0) throw new SetupError(`tar failed: ${unpacked.stderr}`, 'Install tar.');
    fs.rmSync(file);
  },
  includes: (folder) => [path.join(folder, 'include')],
  /** The folder of the libraries, and how the linker names them. */
  libraries: (folder) => ({ folder: path.join(folder, 'lib'), link: [`-L${path.join(folder, 'lib')}`, '-ltensorflow', '-ltensorflow_framework'] }),
};
