// Makes @tensorflow/tfjs-node usable: what is placed already, the cache, the wheels for the GPU where there is one, the
// official archive, the Python wheel, in this order.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { gpuTrace } from './gpu.mjs';
import { withLock } from './lock.mjs';
import { bindingFile, checkBinding, demandCompilable, isPlaced, packageFolder, placeBinding } from './tensorflow/binding.mjs';
import { gpu } from './tensorflow/gpu.mjs';
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
function writeStamp(root, wish, way, version) {
  fs.mkdirSync(path.dirname(stampFile(root)), { recursive: true });
  const part = `${stampFile(root)}.${process.pid}`;
  fs.writeFileSync(part, JSON.stringify({ key: key(root), wish, way: way?.name ?? 'found', version, libraries: way?.brings ?? null, library: way === null ? null : path.join(folderOf(way), 'complete') }));
  fs.renameSync(part, stampFile(root));
}

const CPU = [official, wheel];
const WAYS = { cpu: CPU, gpu: [gpu], official: [official], wheel: [wheel] };

/** What ESPALIER_TENSORFLOW demands; without it gpu where a GPU and libraries for it are to be had, else cpu. `trace` is for tests. */
export function wishOf(trace = gpuTrace) {
  return process.env.ESPALIER_TENSORFLOW ?? (gpu !== undefined && trace() !== undefined ? 'gpu' : 'cpu');
}

/** Whether what an earlier set-up brought is what is wished now. One that could not have the GPU's libraries is not asked again until they are demanded. */
export function suits(stamp, wish) {
  const forced = process.env.ESPALIER_TENSORFLOW;
  if (forced === undefined) return (stamp.wish ?? 'cpu') === wish;
  return forced === 'cpu' ? stamp.way !== 'gpu' : stamp.way === forced;
}

/** Where a GPU is only found, and not demanded, the libraries for the CPU are better than nothing. */
export function waysInOrder(wish) {
  const optional = wish === 'gpu' && process.env.ESPALIER_TENSORFLOW === undefined ? CPU : [];
  const kept = (ways) => [...ways.filter(isKept), ...ways.filter((way) => !isKept(way))];
  const known = (ways) => ways.filter((way) => way !== undefined);
  const ways = [...kept(known(WAYS[wish] ?? [])), ...kept(known(optional))];
  if (ways.length === 0) {
    throw new SetupError(`libtensorflow is not known for ${PLATFORM} by ${wish}`,
      'Linux and macOS on x64 and arm64 are known, for GPUs Linux on x64 (ESPALIER_TENSORFLOW: cpu, gpu, official or wheel); elsewhere run the install script of @tensorflow/tfjs-node by hand.');
  }
  return ways;
}

async function tryWay(way, root, say) {
  demandCompilable(way, root);
  await obtain(way, say);
  await placeBinding(way, root, say);
  const state = await checkBinding(root);
  if (!state.ok) throw new SetupError(`the binding does not load: ${state.detail}`, 'Report it with the output of `espalier doctor --json`.');
  if (way === gpu && state.device !== 'gpu') say('tensorflow: the libraries for the GPU load, but TensorFlow finds no GPU that it can use; it computes on the CPU (`espalier doctor` shows the driver)');
  return state.detail;
}

async function bring(root, wish, say) {
  const started = Date.now();
  const keeps = wish === 'cpu' || (gpu !== undefined && isPlaced(gpu, root));
  if (fs.existsSync(bindingFile(root)) && process.env.ESPALIER_TENSORFLOW === undefined && keeps) {
    const state = await checkBinding(root);
    if (state.ok) return { way: [official, wheel, gpu].find((way) => way !== undefined && isPlaced(way, root)) ?? null, version: state.detail, started };
    say(`tensorflow: the binding that is there does not load: ${state.detail}`);
  }
  let last;
  for (const way of waysInOrder(wish)) {
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
  const wish = wishOf(), known = stampOf(root);
  if (known !== undefined && suits(known, wish)) return known;
  if (packageFolder(root) === undefined) throw new SetupError('@tensorflow/tfjs-node is not installed', 'npm install @tensorflow/tfjs-node@4.22.0 --ignore-scripts');
  return withLock('tensorflow', async () => {
    const made = stampOf(root);
    if (made !== undefined && suits(made, wish)) return made;
    const { way, version, started } = await bring(root, wish, say);
    writeStamp(root, wish, way, version);
    say(`tensorflow: ${version} loads and agrees with known values (${seconds(started)})`);
    return stampOf(root);
  });
}
