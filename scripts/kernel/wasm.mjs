#!/usr/bin/env node
// Builds src/kernel/espalier.wasm, the kernel as WebAssembly with SIMD128, out of the same sources (npm run kernel:wasm).
// The file is committed; a section of it holds the hash of the sources that it was built from.
import { readFileSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../setup/world.mjs';
import { hashOf, sourcesOf, targetsOf } from './targets.mjs';
import { ZIG_VERSION, ensureZig, zig } from './zig.mjs';

const SECTION = 'espalier-sources';
const FLAGS = ['-target', 'wasm32-wasi', '-mcpu=generic+simd128+bulk_memory+nontrapping_fptoint+sign_ext', '-O3', '-g0', '-fno-sanitize=undefined', '-mexec-model=reactor', '-Wl,--strip-all', '-Wl,--gc-sections', '-Wl,-z,stack-size=1048576'];
/** Only the portable variant: the others are of processors. */
const NOT_HERE = new Set(['addon.c', 'variants.c']);

/** What the file must have been built from: sources, flags, compiler. */
export function wantedHash(root = ROOT) {
  const folder = path.join(root, 'src', 'kernel');
  return hashOf(sourcesOf(folder).filter((name) => name !== 'addon.c').map((name) => path.join(folder, name)), [ZIG_VERSION, ...FLAGS]);
}

/** The hash that a built file holds; undefined where it holds none. */
export function recordedHash(bytes) {
  const [section] = WebAssembly.Module.customSections(new WebAssembly.Module(bytes), SECTION);
  return section === undefined ? undefined : Buffer.from(section).toString('latin1');
}

/** Custom section: id 0, size, length of the name, name, content; all lengths here are below 128. */
function section(content) {
  const body = [SECTION.length, ...Buffer.from(SECTION + content, 'latin1')];
  return Buffer.from([0, body.length, ...body]);
}

/** The bytes of the module. */
export async function buildWasm(root = ROOT) {
  const program = await ensureZig();
  const folder = path.join(root, 'src', 'kernel'), work = mkdtempSync(path.join(os.tmpdir(), 'espalier-wasm-'));
  try {
    const targets = targetsOf(folder, 'wasm32').filter(({ name }) => name === 'kernel_portable' || name === 'espalier_kernel');
    const objects = [];
    for (const { name, sources, cflags, defines } of targets) {
      const flags = cflags.filter((flag) => flag !== '-fPIC' && !/^-O\d$/.test(flag));
      for (const source of [...sources.filter((one) => !NOT_HERE.has(one)), ...(name === 'espalier_kernel' ? ['wasm.c'] : [])]) {
        const object = path.join(work, `${name}-${source}.o`);
        await zig(program, ['cc', ...FLAGS.filter((flag) => !flag.startsWith('-Wl') && !flag.startsWith('-mexec')), ...flags, ...defines, '-c', source, '-o', object], { cwd: folder });
        objects.push(object);
      }
    }
    const linked = path.join(work, 'linked.wasm');
    await zig(program, ['cc', ...FLAGS, '-o', linked, ...objects], { cwd: work });
    return Buffer.concat([readFileSync(linked), section(wantedHash(root))]);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = path.join(ROOT, 'src', 'kernel', 'espalier.wasm'), bytes = await buildWasm();
  writeFileSync(file, bytes);
  const module = new WebAssembly.Module(bytes);
  process.stdout.write(`${path.relative(ROOT, file)}: ${bytes.length} bytes; imports ${WebAssembly.Module.imports(module).map(({ module: from, name }) => `${from}.${name}`).join(', ') || 'nothing'}\n`);
}
