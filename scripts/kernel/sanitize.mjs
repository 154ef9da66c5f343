#!/usr/bin/env node
// The kernel without Node under the address and undefined-behaviour sanitizers: builds test/kernel/native into
// build/sanitized (again only where a source changed). From the shell: sanitize.mjs [SECONDS [SEED]] builds and runs both.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { ROOT, run } from '../setup/world.mjs';
import { hashOf, sourcesOf, targetsOf } from './targets.mjs';

export const SANITIZERS = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer', '-g1'];
const COMPILE_MS_MAX = 240_000;
const JOBS = 2;

/** The compiler that CC names, else the first of gcc and clang (and cc, which is one of them). Throws where there is none. */
export function sanitizingCompiler() {
  const names = process.env.CC ? [process.env.CC] : ['gcc', 'clang', 'cc'];
  const found = names.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
  if (found === undefined) throw new Error(`no C compiler (${names.join(', ')}): the sanitizers were not run; install gcc or clang, or set CC`);
  return found;
}

/**
 * Builds both programs.
 * @returns {Promise<{ check: string, fuzz: string, compiler: string }>} paths of the programs
 */
export async function buildSanitized({ root = ROOT } = {}) {
  const compiler = sanitizingCompiler();
  const kernel = path.join(root, 'src', 'kernel'), tests = path.join(root, 'test', 'kernel', 'native'), folder = path.join(root, 'build', 'sanitized');
  const made = { check: path.join(folder, 'kernel-check'), fuzz: path.join(folder, 'fuzz-load'), compiler };
  const stamp = path.join(folder, 'stamp');
  const inputs = [...sourcesOf(kernel).map((name) => path.join(kernel, name)), ...readdirSync(tests).sort().map((name) => path.join(tests, name)), fileURLToPath(import.meta.url)];
  const wanted = hashOf(inputs, [compiler, process.arch]);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return made;
  const work = path.join(folder, `work-${process.pid}`);
  mkdirSync(work, { recursive: true });
  try {
    const common = ['-std=gnu11', '-Wall', '-Wextra', '-Wno-unused-function', '-O1', ...SANITIZERS];
    const objects = [], jobs = [];
    const object = (name, args) => {
      const file = path.join(work, `${name}.o`);
      jobs.push([...common, ...args, '-c', '-o', file]);
      return file;
    };
    for (const { name, sources, cflags, defines } of targetsOf(kernel, process.arch)) {
      const flags = cflags.filter((flag) => !/^-(O\d|W|std)/.test(flag));
      for (const source of sources.filter((one) => one !== 'addon.c')) {
        objects.push(object(`${name}-${source}`, [...flags, ...defines, '-include', path.join(tests, 'allocations.h'), path.join(kernel, source)]));
      }
    }
    const headers = ['-DNAPI_VERSION=8', `-I${path.join(root, 'node_modules', 'node-api-headers', 'include')}`];
    const check = object('kernel-check', [path.join(tests, 'kernel-check.c')]);
    const fuzz = ['fuzz-load', 'fuzz-driver'].map((name) => object(name, [...headers, path.join(tests, `${name}.c`)]));
    await Promise.all(Array.from({ length: JOBS }, async () => { for (let args = jobs.shift(); args !== undefined; args = jobs.shift()) await compile(compiler, args); }));
    await compile(compiler, [...SANITIZERS, '-o', made.check, check, ...objects, '-lm', '-lpthread']);
    await compile(compiler, [...SANITIZERS, '-o', made.fuzz, ...fuzz, ...objects, '-lm', '-lpthread']);
    writeFileSync(stamp, wanted);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return made;
}

/**
 * Builds the addon itself, for what is checked through Node. gcc only: its run-time libraries can be loaded before Node's.
 * @returns {Promise<{ addon: string, preload: string }>} preload: for LD_PRELOAD
 */
export async function buildSanitizedAddon({ root = ROOT } = {}) {
  const compiler = sanitizingCompiler(), kernel = path.join(root, 'src', 'kernel'), folder = path.join(root, 'build', 'sanitized'), addon = path.join(folder, 'espalier_kernel.node');
  const libraryOf = (name) => spawnSync(compiler, [`-print-file-name=${name}`], { encoding: 'utf8' }).stdout.trim();
  const preload = ['libasan.so', 'libubsan.so'].map(libraryOf).join(':');
  const stamp = path.join(folder, 'stamp-addon'), wanted = hashOf([...sourcesOf(kernel).map((name) => path.join(kernel, name)), fileURLToPath(import.meta.url)], [compiler, process.arch]);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return { addon, preload };
  const work = path.join(folder, `work-addon-${process.pid}`);
  mkdirSync(work, { recursive: true });
  try {
    const jobs = targetsOf(kernel, process.arch).flatMap(({ name, sources, cflags, defines }) => sources.map((source) => {
      const flags = cflags.filter((flag) => !/^-(O\d|W)/.test(flag)), object = path.join(work, `${name}-${source}.o`);
      return { object, args: [...flags, '-O1', ...SANITIZERS, ...defines, `-I${path.join(root, 'node_modules', 'node-api-headers', 'include')}`, '-c', path.join(kernel, source), '-o', object] };
    }));
    const waiting = [...jobs];
    await Promise.all(Array.from({ length: JOBS }, async () => { for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) await compile(compiler, job.args); }));
    await compile(compiler, ['-shared', ...SANITIZERS, '-o', addon, ...jobs.map(({ object }) => object), '-lm']);
    writeFileSync(stamp, wanted);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return { addon, preload };
}

async function compile(compiler, args) {
  const { ok, out } = await run(compiler, args, { limitMs: COMPILE_MS_MAX });
  if (!ok) throw new Error(`${compiler} ${args.at(-3)}: ${out}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [seconds = '10', seed = '1'] = process.argv.slice(2);
  const { check, fuzz } = await buildSanitized();
  for (const program of [check, fuzz]) process.exitCode ||= spawnSync(program, [seconds, seed], { stdio: 'inherit' }).status ?? 1;
}
