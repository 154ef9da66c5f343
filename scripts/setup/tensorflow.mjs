// Makes @tensorflow/tfjs-node usable: what is placed already, the cache, the official archive, the Python wheel, in this order.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { withLock } from './lock.mjs';
import { bindingFile, checkBinding, demandCompilable, isPlaced, packageFolder, placeBinding } from './tensorflow/binding.mjs';
import { folderOf, isKept, obtain } from './tensorflow/library.mjs';
import { official } from './tensorflow/official.mjs';
import { PLATFORM } from './tensorflow/pins.mjs';
import { wheel } from './tensorflow/wheel.mjs';
import { SetupError, seconds } from './world.mjs';

const stampFile = (root) => path.join(root, 'node_modules', '.espalier', 'tensorflow.json');

/** What the last successful check depended on; loading TensorFlow again for each start would cost a second. */
function key(root) {
  try {
    const { size, mtimeMs } = fs.statSync(bindingFile(root));
    return `${size} ${mtimeMs} ${process.version} ${PLATFORM}`;
  } catch { return undefined; }
}

/** The last successful check, { way, version }, as long as nothing that it depended on has changed. */
export function stampOf(root) {
  try {
    const stamp = JSON.parse(fs.readFileSync(stampFile(root), 'utf8'));
    const libraryThere = stamp.library === null || fs.existsSync(stamp.library);
    return stamp.key === key(root) && libraryThere ? stamp : undefined;
  } catch { return undefined; }
}

/** `way` null: the binding was there before this set-up, brought by another. */
function writeStamp(root, way, version) {
  fs.mkdirSync(path.dirname(stampFile(root)), { recursive: true });
  const part = `${stampFile(root)}.${process.pid}`;
  fs.writeFileSync(part, JSON.stringify({ key: key(root), way: way?.name ?? 'found', version, library: way === null ? null : path.join(folderOf(way), 'complete') }));
  fs.renameSync(part, stampFile(root));
}

function waysInOrder() {
  const forced = process.env.ESPALIER_TENSORFLOW;
  const ways = [official, wheel].filter((way) => way !== undefined && (forced === undefined || way.name === forced));
  if (ways.length === 0) {
    throw new SetupError(`libtensorflow is not known for ${forced ?? PLATFORM}`,
      'Linux and macOS on x64 and arm64 are known (ESPALIER_TENSORFLOW: official or wheel); elsewhere run the install script of @tensorflow/tfjs-node by hand.');
  }
  return [...ways.filter(isKept), ...ways.filter((way) => !isKept(way))];
}

async function tryWay(way, root, say) {
  demandCompilable(way, root);
  await obtain(way, say);
  await placeBinding(way, root, say);
  const state = await checkBinding(root);
  if (!state.ok) throw new SetupError(`the binding does not load: ${state.detail}`, 'Report it with the output of `espalier doctor --json`.');
  return state.detail;
}

async function bring(root, say) {
  const started = Date.now();
  if (fs.existsSync(bindingFile(root)) && process.env.ESPALIER_TENSORFLOW === undefined) {
    const state = await checkBinding(root);
    if (state.ok) return { way: [official, wheel].find((way) => way !== undefined && isPlaced(way, root)) ?? null, version: state.detail, started };
    say(`tensorflow: the binding that is there does not load: ${state.detail}`);
  }
  let last;
  for (const way of waysInOrder()) {
    try { return { way, version: await tryWay(way, root, say), started }; } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      last = error;
      say(`tensorflow: not the ${way.name} way: ${error.message}`);
    }
  }
  throw last;
}

/** Answers with { way, version } of the TensorFlow that loads. Throws SetupError. */
export async function ensureTensorflow({ root, say }) {
  const known = stampOf(root);
  if (known !== undefined) return known;
  if (packageFolder(root) === undefined) throw new SetupError('@tensorflow/tfjs-node is not installed', 'npm install @tensorflow/tfjs-node@4.22.0 --ignore-scripts');
  return withLock('tensorflow', async () => {
    const made = stampOf(root);
    if (made !== undefined) return made;
    const { way, version, started } = await bring(root, say);
    writeStamp(root, way, version);
    say(`tensorflow: ${version} loads and agrees with known values (${seconds(started)})`);
    return stampOf(root);
  });
}
