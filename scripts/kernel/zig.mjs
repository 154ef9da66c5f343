// zig as a C compiler for every target, from PyPI: pinned, checked, unpacked once into the cache.
import * as fs from 'node:fs';
import * as path from 'node:path';
import process from 'node:process';
import { withLock } from '../setup/lock.mjs';
import { demandSha256 } from '../setup/tensorflow/library.mjs';
import { unzip } from '../setup/tensorflow/unzip.mjs';
import { SetupError, cacheFolder, errorLine, firstThatRuns, run, say, withHeartbeat } from '../setup/world.mjs';

export const ZIG_VERSION = '0.15.2';
const MEGABYTES = 94;
/** pip's name of the platform, and the wheel's SHA-256. */
const WHEELS = {
  'linux-x64': ['manylinux_2_12_x86_64', '806316453d1ede7174ed3fefb8e5348154629089c3bb5fe812dfd0e172fac130'],
  'linux-arm64': ['manylinux_2_17_aarch64', 'edc0aa60ec964a4cf462d40f68d7de242ddf37fd9a80f2afaee6397059463230'],
  'darwin-x64': ['macosx_12_0_x86_64', '47af4f85e3e59bd672126cc026d3a01b516cad24b9a9ea075abfe8532f4c6bc1'],
  'darwin-arm64': ['macosx_12_0_arm64', 'acae2a9ce67ed249ad68d42c21bc73b5f9d51a33ba5ea42f609f78683e8d9bb7'],
  'win32-x64': ['win_amd64', 'ca80dc9c70dbdfdd9ee51d000de3501a95d33d9782ab9ab9b56f700484ebcd83'],
};

const folderOfZig = () => path.join(cacheFolder(), `zig-${ZIG_VERSION}`);
const programOfZig = () => path.join(folderOfZig(), 'ziglang', process.platform === 'win32' ? 'zig.exe' : 'zig');

/** Path of the program where it is in the cache already, else undefined. */
export const zigAtHand = () => (fs.existsSync(programOfZig()) ? programOfZig() : undefined);

/** Path of the program; downloads it where it is missing. Throws SetupError. */
export async function ensureZig() {
  if (zigAtHand() === undefined) await withLock('zig', fetchZig);
  return programOfZig();
}

async function fetchZig() {
  if (zigAtHand() !== undefined) return;
  const [platform, sha256] = WHEELS[`${process.platform}-${process.arch}`] ?? [];
  if (platform === undefined) throw new SetupError(`no zig is pinned for ${process.platform}-${process.arch}`, `There are ${Object.keys(WHEELS).join(', ')}.`);
  const pip = firstThatRuns([['python3', '-m', 'pip'], ['python', '-m', 'pip'], ['pip3'], ['pip']]);
  if (pip === undefined) throw new SetupError('pip is needed to fetch zig', 'Install it (Debian: apt-get install python3-pip).');
  const work = `${folderOfZig()}.${process.pid}`;
  fs.mkdirSync(work, { recursive: true });
  try {
    say(`zig: downloading ziglang ${ZIG_VERSION}, ${MEGABYTES} MB`);
    const done = await withHeartbeat(() => 'zig: still downloading', () => run(pip[0], [...pip.slice(1), 'download', '--no-deps', '--only-binary=:all:', '--no-cache-dir',
      '--platform', platform, '-d', work, `ziglang==${ZIG_VERSION}`], { limitMs: 20 * 60_000 }));
    const wheel = fs.readdirSync(work).find((file) => file.endsWith('.whl'));
    if (!done.ok || wheel === undefined) throw new SetupError(`pip could not fetch zig: ${errorLine(done.out)}`, 'Check the network and the package index.');
    await demandSha256(path.join(work, wheel), sha256);
    await unzip(path.join(work, wheel), (name) => name.startsWith('ziglang/'), work);
    fs.rmSync(path.join(work, wheel));
    fs.chmodSync(path.join(work, 'ziglang', path.basename(programOfZig())), 0o755);
    fs.renameSync(work, folderOfZig());
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

/** Runs zig; its own cache lies beside it. Throws an Error with what the compiler said. */
export async function zig(program, args, { cwd } = {}) {
  const cache = path.join(cacheFolder(), `zig-${ZIG_VERSION}-cache`);
  const { ok, out } = await run(program, args, { cwd, env: { ...process.env, ZIG_GLOBAL_CACHE_DIR: cache, ZIG_LOCAL_CACHE_DIR: cache }, limitMs: 10 * 60_000 });
  if (!ok) throw new Error(`zig ${args.join(' ').slice(0, 200)}: ${out}`);
  return out;
}
