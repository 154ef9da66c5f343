#!/usr/bin/env node
// Builds prebuilds/<platform>-<arch>/espalier.node for every platform (npm run prebuild), by cross compiling with zig out of
// binding.gyp, for those who install without a C compiler. Not committed: it is run before a release. Names are those of
// node-gyp-build; what this machine built itself comes first (src/adapters/engine/addon.ts).
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../setup/world.mjs';
import { targetsOf } from './targets.mjs';
import { ensureZig, zig } from './zig.mjs';

/** Platform as Node names it: the target as zig names it, and the architecture as binding.gyp does. */
export const PLATFORMS = {
  'linux-x64': { target: 'x86_64-linux-gnu.2.17', arch: 'x64' },
  'linux-arm64': { target: 'aarch64-linux-gnu.2.17', arch: 'arm64' },
  'darwin-x64': { target: 'x86_64-macos', arch: 'x64' },
  'darwin-arm64': { target: 'aarch64-macos', arch: 'arm64' },
  'win32-x64': { target: 'x86_64-windows-gnu', arch: 'x64' },
};

/** Functions of Node-API stay open until Node loads the addon; Windows wants to know in whose file they will be. */
async function linkArguments(program, platform, work) {
  if (platform.startsWith('darwin')) return ['-undefined', 'dynamic_lookup'];
  if (!platform.startsWith('win32')) return ['-lm'];
  const library = path.join(work, 'node_api.lib');
  await zig(program, ['dlltool', '-m', 'i386:x86-64', '-D', 'node.exe', '-d', path.join(ROOT, 'node_modules', 'node-api-headers', 'def', 'node_api.def'), '-l', library], { cwd: work });
  return [library];
}

/** Builds one; returns its path. Throws SetupError without zig, Error with what the compiler said. */
export async function prebuild(platform, into = path.join(ROOT, 'prebuilds')) {
  const { target, arch } = PLATFORMS[platform], program = await ensureZig();
  const folder = path.join(ROOT, 'src', 'kernel'), include = path.join(ROOT, 'node_modules', 'node-api-headers', 'include');
  const work = mkdtempSync(path.join(os.tmpdir(), 'espalier-prebuild-'));
  try {
    const objects = [];
    for (const { name, sources, cflags, defines } of targetsOf(folder, arch)) {
      // clang asks for the width of 512 bits by name, which gcc takes for granted.
      const flags = [...cflags.filter((flag) => flag !== '-fPIC' || !platform.startsWith('win32')), ...(cflags.includes('-mavx512f') ? ['-mevex512'] : [])];
      for (const source of sources) {
        const object = path.join(work, `${name}-${source}.o`);
        await zig(program, ['cc', '-target', target, '-fno-sanitize=undefined', ...flags, ...defines, `-I${include}`, '-c', source, '-o', object], { cwd: folder });
        objects.push(object);
      }
    }
    mkdirSync(path.join(into, platform), { recursive: true });
    const linked = path.join(work, 'espalier.node'), made = path.join(into, platform, 'espalier.node');
    await zig(program, ['cc', '-target', target, '-shared', '-s', '-o', linked, ...objects, ...await linkArguments(program, platform, work)], { cwd: work });
    copyFileSync(linked, made);
    return made;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = process.argv.slice(2), unknown = wanted.find((name) => !Object.hasOwn(PLATFORMS, name));
  if (unknown !== undefined) {
    console.error(`There is no platform ${unknown}; there are ${Object.keys(PLATFORMS).join(', ')}.`);
    process.exit(2);
  }
  for (const platform of wanted.length > 0 ? wanted : Object.keys(PLATFORMS)) {
    const made = await prebuild(platform);
    console.log(`${path.relative(ROOT, made)}: ${statSync(made).size} bytes`);
  }
}
