// Goal: native code that is missing, corrupt, wrong, hanging or lethal costs a child process only, and the choice says
// why. Method: real child processes on broken binaries; small addons compiled here do the harm.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { kernelPath, precisionOf } from '../../../src/adapters/engine/addon.ts';
import { chooseEngine, G4_VARIANTS, KERNEL_VARIANTS } from '../../../src/adapters/engine/choose.ts';
import { probe } from '../../../src/adapters/engine/probe.ts';
import { codeOf } from '../../../src/errors.ts';
import { builtAddon, supportedVariants } from './built.ts';

const addon = await builtAddon();
const variants = supportedVariants(addon);
let folder: string;
beforeAll(() => { folder = mkdtempSync(path.join(os.tmpdir(), 'espalier-engine-')); vi.stubEnv('ESPALIER_KERNEL', undefined); });
afterAll(() => { rmSync(folder, { recursive: true, force: true }); vi.unstubAllEnvs(); });

/** An addon whose load runs `harm`. */
function harmful(name: string, harm: string): string {
  const source = path.join(folder, `${name}.c`), file = path.join(folder, `${name}.node`);
  writeFileSync(source, `#include <stdlib.h>\n#include <unistd.h>\nvoid *napi_register_module_v1(void *env, void *exports) { (void)env; ${harm}; return exports; }\n`);
  execFileSync(process.env['CC'] ?? 'cc', ['-shared', '-fPIC', '-o', file, source]);
  return file;
}

describe('probe', () => {
  it.each(variants)('%s agrees with the reference', async (variant) => {
    expect(await probe(kernelPath(), variant)).toMatchObject({ ok: true, parity: expect.toSatisfy((parity: number) => parity < 1e-6) });
  });

  it.each(supportedVariants(addon, 'int8-g4'))('%s agrees with the quantised reference', async (variant) => {
    expect(await probe(kernelPath(), variant)).toMatchObject({ ok: true, parity: expect.toSatisfy((parity: number) => parity < 0.01) });
  });

  it('says what is wrong', async () => {
    expect(await probe(path.join(folder, 'none.node'), 'avx2')).toMatchObject({ ok: false, reason: expect.stringContaining('does not exist') });
    expect(await probe(kernelPath(), 'mmx')).toMatchObject({ ok: false, reason: 'the kernel has no variant mmx' });
    expect(await probe(harmful('trap', '__builtin_trap()'), 'portable')).toMatchObject({ ok: false, reason: expect.stringMatching(/died \((SIGILL|SIGTRAP)/) });
    expect(await probe(harmful('exit', '_exit(7)'), 'portable')).toMatchObject({ ok: false, reason: expect.stringContaining('exit code 7') });
    expect(await probe(harmful('hang', 'for (;;) pause()'), 'portable', { timeoutMs: 300 })).toMatchObject({ ok: false, reason: expect.stringContaining('within 300 ms') });
  });
});

describe('chooseEngine', () => {
  it('auto takes the fastest variant of this machine', async () => {
    const { engine, variant, reason } = await chooseEngine({ kind: 'auto' });
    expect([engine.name, variant]).toEqual([`native/${variants[0]!}`, variants[0]]);
    expect(reason).toContain('agrees');
  });

  it('ESPALIER_KERNEL forces a variant, an option more so; a wrong name is a config error', async () => {
    vi.stubEnv('ESPALIER_KERNEL', 'portable');
    expect((await chooseEngine({ kind: 'auto' })).variant).toBe('portable');
    expect((await chooseEngine({ kind: 'native', variant: variants[0] })).variant).toBe(variants[0]);
    vi.stubEnv('ESPALIER_KERNEL', 'sse9');
    await expect(chooseEngine({ kind: 'auto' })).rejects.toSatisfy((error) => codeOf(error) === 'config-invalid');
    vi.stubEnv('ESPALIER_KERNEL', undefined);
  });

  it('int8 is taken only where it is asked for: by precision, or by the name of a variant', async () => {
    expect((await chooseEngine({ kind: 'native', precision: 'int8-g4' })).variant).toBe(supportedVariants(addon, 'int8-g4')[0]);
    vi.stubEnv('ESPALIER_KERNEL', 'portable-g4');
    expect((await chooseEngine({ kind: 'native' })).engine).toMatchObject({ name: 'native/portable-g4', precision: 'int8-g4' });
    expect((await chooseEngine({ kind: 'native', precision: 'fp32' })).variant).toBe(variants[0]);
    vi.stubEnv('ESPALIER_KERNEL', undefined);
  });

  it('the table of variants is that of the kernel', () => {
    expect(addon.variants().map(({ name, precision }) => [name, precision])).toEqual(addon.variants().map(({ name }) => [name, precisionOf(name)]));
    const known: readonly string[] = [...G4_VARIANTS, ...KERNEL_VARIANTS];
    expect(known.filter((name) => addon.variants().some((entry) => entry.name === name))).toEqual(addon.variants().map(({ name }) => name));
  });

  it('the reference serves where it is asked for', async () => {
    expect((await chooseEngine({ kind: 'reference' })).engine.name).toBe('reference');
  });

  it('missing or corrupt: auto falls back to WebAssembly with reason and remedy, native throws engine-unavailable', async () => {
    const corrupt = path.join(folder, 'corrupt.node');
    writeFileSync(corrupt, readFileSync(kernelPath()));
    truncateSync(corrupt, 5000);
    const garbage = path.join(folder, 'garbage.node');
    writeFileSync(garbage, 'not a binary');
    for (const file of [path.join(folder, 'none.node'), corrupt, garbage]) {
      const { engine, variant, reason } = await chooseEngine({ kind: 'auto', file });
      expect([engine.name, variant]).toEqual(['wasm', 'wasm']);
      expect(reason).toMatch(/agrees.*(does not exist|died|too short|invalid ELF|not a valid|file)/);
      expect(reason).toContain('npm run setup');
      await expect(chooseEngine({ kind: 'native', file })).rejects.toSatisfy((error) => codeOf(error) === 'engine-unavailable');
    }
  });

  it('no native code and no WebAssembly: the reference serves, and says why', async () => {
    const { engine, reason } = await chooseEngine({ kind: 'auto', file: path.join(folder, 'none.node'), wasm: pathToFileURL(path.join(folder, 'none.wasm')) });
    expect(engine.name).toBe('reference');
    expect(reason).toMatch(/none\.node does not exist.*wasm: ENOENT.*npm run setup/);
  });

  it('wasm can be forced, by ESPALIER_KERNEL too, and is not native', async () => {
    vi.stubEnv('ESPALIER_KERNEL', 'wasm');
    expect((await chooseEngine({ kind: 'auto' })).engine.name).toBe('wasm');
    await expect(chooseEngine({ kind: 'native' })).rejects.toSatisfy((error) => codeOf(error) === 'engine-unavailable');
    vi.stubEnv('ESPALIER_KERNEL', undefined);
  });

  it('a forced native variant that does not work is not replaced by WebAssembly', async () => {
    expect((await chooseEngine({ kind: 'auto', variant: 'portable', file: path.join(folder, 'none.node') })).engine.name).toBe('reference');
  });
});
