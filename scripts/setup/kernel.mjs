// Builds the native kernel (src/kernel) into build/kernel/espalier_kernel.node. Idempotent: a stamp beside the binary
// holds a hash of the sources, of the Node ABI and of the compiler; where it fits, nothing is done (a few milliseconds).
// node-gyp comes first; where it cannot work (no Python, no headers and no network) the compiler is called directly
// with the headers of the package node-api-headers. Both take sources and flags from binding.gyp.
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { hashOf, sourcesOf, targetsOf } from '../kernel/targets.mjs';

const NAME = 'espalier_kernel';
const GYP_MS_MAX = 240_000;
const TAIL_BYTES = 4000;
const REMEDY = 'install a C compiler (Debian, Ubuntu: apt install build-essential; Fedora: dnf install gcc make; macOS: xcode-select --install) and run `npm run setup` again';

/** The kernel could not be built; `remedy` says what to install. espalier then serves with the slow reference engine. */
export class KernelBuildError extends Error {
  constructor(message) {
    super(`${message}; ${REMEDY}`);
    this.name = 'KernelBuildError';
    this.remedy = REMEDY;
  }
}

/**
 * Builds the addon where it is missing or stale.
 * @param {{ root: string, say?: (line: string) => void, force?: boolean }} options root: folder of package.json
 * @returns {Promise<{ built: boolean, path: string, ms: number }>} built: whether there was anything to do
 * @throws {KernelBuildError} no compiler, or it failed
 */
export async function buildKernel({ root, say = () => {}, force = false }) {
  const started = performance.now();
  const folder = path.join(root, 'build', 'kernel');
  const binary = path.join(folder, `${NAME}.node`);
  const stamp = path.join(folder, 'stamp');
  const compiler = process.env.CC ?? 'cc';
  const wanted = stampOf(path.join(root, 'src', 'kernel'), compiler);
  if (!force && existsSync(binary) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) {
    return { built: false, path: binary, ms: performance.now() - started };
  }
  say('native kernel: compiling src/kernel (about ten seconds)');
  const work = path.join(folder, `work-${process.pid}-${Date.now()}`);
  mkdirSync(work, { recursive: true });
  try {
    for (const name of sourcesOf(path.join(root, 'src', 'kernel'))) copyFileSync(path.join(root, 'src', 'kernel', name), path.join(work, name));
    let made = path.join(work, 'build', 'Release', `${NAME}.node`);
    const gyp = await byNodeGyp(root, work);
    if (gyp !== null || !existsSync(made)) {
      say(`native kernel: node-gyp did not work (${gyp ?? 'no binary'}); calling the compiler directly`);
      made = await byCompiler(root, work, compiler);
    }
    // Renaming is atomic: a process that has the old binary loaded keeps it, and two builds at once end well.
    renameSync(made, binary);
    writeFileSync(`${stamp}.${process.pid}`, wanted);
    renameSync(`${stamp}.${process.pid}`, stamp);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  const ms = performance.now() - started;
  say(`native kernel: built in ${(ms / 1000).toFixed(1)} s`);
  return { built: true, path: binary, ms };
}

const stampOf = (folder, compiler) => hashOf(sourcesOf(folder).map((name) => path.join(folder, name)), [process.platform, process.arch, process.versions.modules, process.versions.napi, compiler]);

/** null where it worked, else why not. */
async function byNodeGyp(root, work) {
  let script;
  try {
    script = createRequire(path.join(root, 'package.json')).resolve('node-gyp/bin/node-gyp.js');
  } catch {
    return 'the package node-gyp is not installed';
  }
  const args = [script, 'rebuild', '--directory', work];
  const headers = process.env.npm_config_nodedir ?? path.dirname(path.dirname(process.execPath));
  if (existsSync(path.join(headers, 'include', 'node', 'node_api.h'))) args.push(`--nodedir=${headers}`);
  const { code, tail } = await run(process.execPath, args, work, GYP_MS_MAX);
  return code === 0 ? null : lastError(tail) || `exit code ${code}`;
}

/** Path of the binary. */
async function byCompiler(root, work, compiler) {
  const include = path.join(root, 'node_modules', 'node-api-headers', 'include');
  const objects = [];
  for (const { name, sources, cflags, defines } of targetsOf(work, process.arch)) {
    for (const source of sources) {
      const object = `${name}-${source}.o`;
      await compile(compiler, [...cflags, ...defines, `-I${include}`, '-c', source, '-o', object], work);
      objects.push(object);
    }
  }
  const undefinedLater = process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : [];
  await compile(compiler, ['-shared', ...undefinedLater, '-o', `${NAME}.node`, ...objects, '-lm'], work);
  return path.join(work, `${NAME}.node`);
}

async function compile(compiler, args, work) {
  const { code, tail } = await run(compiler, args, work, GYP_MS_MAX);
  if (code === 'ENOENT') throw new KernelBuildError(`no C compiler found (\`${compiler}\`)`);
  if (code !== 0) throw new KernelBuildError(`the C compiler failed: ${lastError(tail) || `exit code ${code}`}`);
}

const lastError = (tail) => tail.split('\n').filter((line) => /error|ERR!.*(find|not|fail)/i.test(line)).map((line) => line.replace(/^.*ERR!\s*/, '').trim()).filter(Boolean)[0] ?? '';

function run(command, args, cwd, msMax) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: msMax });
    let tail = '';
    const keep = (chunk) => { tail = (tail + String(chunk)).slice(-TAIL_BYTES); };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => resolve({ code: error.code ?? 'failed', tail: error.message }));
    child.on('close', (code, signal) => resolve({ code: code ?? signal, tail }));
  });
}
