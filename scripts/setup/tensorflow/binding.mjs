// The addon of @tensorflow/tfjs-node: one compiler call over the package's own, unmodified sources, and its place.
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SetupError, errorLine, firstThatRuns, run, seconds } from '../world.mjs';
import { folderOf } from './library.mjs';

const CHECK = fileURLToPath(new URL('./check.mjs', import.meta.url));

/** The folder of @tensorflow/tfjs-node, or undefined where it is not installed. */
export function packageFolder(root) {
  try { return path.dirname(createRequire(path.join(root, 'package.json')).resolve('@tensorflow/tfjs-node/package.json')); } catch { return undefined; }
}
export const bindingFile = (root) => path.join(packageFolder(root) ?? path.join(root, 'node_modules', '@tensorflow', 'tfjs-node'),
  'lib', 'napi-v8', 'tfjs_binding.node');

/** Whether the placed binding loads and computes: { ok, detail, device }, detail being the version of TensorFlow, or why not; device cpu or gpu. */
export async function checkBinding(root) {
  const done = await run(process.execPath, [CHECK, root], { cwd: root, limitMs: 60_000, env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2', TF_FORCE_GPU_ALLOW_GROWTH: 'true' } });
  const [, version, device] = /CHECK-OK (\S+) (\S+)/.exec(done.out) ?? [];
  return done.ok && version !== undefined ? { ok: true, detail: version, device } : { ok: false, detail: errorLine(done.out) };
}

function headersFolder(root) {
  try { return createRequire(path.join(root, 'package.json'))('node-api-headers').include_dir; } catch { /* not installed: a production install */ }
  const found = [path.join(path.dirname(process.execPath), '..', 'include', 'node'), '/usr/include/node']
    .find((folder) => fs.existsSync(path.join(folder, 'node_api.h')));
  if (found === undefined) throw new SetupError('node_api.h was not found', 'npm install node-api-headers');
  return found;
}

/** The compiled binding of a way, whether it is there or not. */
function compiledFile(way, root) {
  const { version } = JSON.parse(fs.readFileSync(path.join(packageFolder(root), 'package.json'), 'utf8'));
  return path.join(folderOf(way), `tfjs_binding-${version}-napi8.node`);
}

/** Whether the placed binding is the one compiled for this way. */
export function isPlaced(way, root) {
  const file = compiledFile(way, root);
  return fs.existsSync(file) && fs.existsSync(bindingFile(root)) && fs.readFileSync(file).equals(fs.readFileSync(bindingFile(root)));
}

/** A C++ compiler, asked for before anything large is downloaded. Throws SetupError. */
function compilerOf() {
  const compiler = firstThatRuns([['c++'], ['g++'], ['clang++'], ['python3', '-m', 'ziglang', 'c++']]);
  if (compiler === undefined) throw new SetupError('a C++ compiler is needed', 'Install one (Debian: apt-get install g++; macOS: xcode-select --install).');
  return compiler;
}

/** Throws SetupError where the binding of a way is not there and cannot be compiled either. */
export function demandCompilable(way, root) {
  if (fs.existsSync(compiledFile(way, root))) return;
  compilerOf();
  headersFolder(root);
}

/** Compiles the binding against the library of a way, once; answers with the file in the cache. */
async function compiled(way, root, say) {
  const source = packageFolder(root);
  const file = compiledFile(way, root);
  if (fs.existsSync(file)) return file;
  const compiler = compilerOf();
  const started = Date.now();
  say('tensorflow: compiling the binding');
  const { folder, link } = way.libraries(folderOf(way));
  const made = `${file}.${process.pid}`;
  const done = await run(compiler[0], [...compiler.slice(1), '-std=c++17', '-O1', '-w', '-fPIC', '-shared', '-DNAPI_VERSION=8',
    ...(process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : []),
    `-I${headersFolder(root)}`, ...way.includes(folderOf(way)).map((include) => `-I${include}`), `-I${source}`,
    path.join(source, 'binding', 'tfjs_backend.cc'), path.join(source, 'binding', 'tfjs_binding.cc'),
    '-o', made, ...link, `-Wl,-rpath,${folder}`]);
  if (!done.ok) throw new SetupError(`the binding does not compile: ${errorLine(done.out)}`, 'Report it with the version of the compiler.');
  fs.renameSync(made, file);
  say(`tensorflow: compiled in ${seconds(started)}`);
  return file;
}

/** Puts the binding of a way into node_modules. By rename: another process may have the old file mapped. */
export async function placeBinding(way, root, say) {
  const from = await compiled(way, root, say);
  const target = bindingFile(root);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.copyFileSync(from, `${target}.${process.pid}`);
  fs.renameSync(`${target}.${process.pid}`, target);
}
