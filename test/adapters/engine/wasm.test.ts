// Goal: the WebAssembly engine does what every engine must do, is built from the sources as they stand, gives memory
// back, and does not hold the process. Method: the check list of engines; the hash in the module; rebuilding it where zig
// is at hand; many models enlisted and retired; a child process.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { probedWasm, WASM_FILE, WasmEngine } from '../../../src/adapters/engine/wasm.ts';
import { codeOf } from '../../../src/errors.ts';
import { sampleModel } from '../../../src/model/sample-model.ts';
import { randomFrom } from '../../../src/support/random.ts';
import { engineChecks, sequencesOf, shapeOf, worstDifference } from '../../checks/engine.ts';
import { topChecks } from '../../checks/engine-top.ts';
import { ROOT } from '../../checks/sources.ts';

interface WasmScript { wantedHash(): string; recordedHash(bytes: Uint8Array): string; buildWasm(): Promise<Buffer> }
const script = (await import(path.join(ROOT, 'scripts', 'kernel', 'wasm.mjs'))) as WasmScript;
const { zigAtHand } = (await import(path.join(ROOT, 'scripts', 'kernel', 'zig.mjs'))) as { zigAtHand(): string | undefined };

describe('wasm', () => {
  engineChecks(() => WasmEngine.start());
  topChecks(() => WasmEngine.start());
});

describe('the module', () => {
  it('was built from these sources: else run `npm run kernel:wasm`', () => {
    expect(script.recordedHash(readFileSync(WASM_FILE))).toBe(script.wantedHash());
  });
  // zig is a download of 94 MB, which no test makes; where it is not in the cache, the hash above has to do.
  if (zigAtHand() !== undefined) {
    it('building it again gives the same bytes', { timeout: 240_000 }, async () => {
      expect(Buffer.compare(await script.buildWasm(), readFileSync(WASM_FILE))).toBe(0);
    });
  }
});

it('several calls at once on a batch wider than a block, and every cell by the probe', async () => {
  const probe = await probedWasm();
  if (!probe.ok) throw new Error(probe.reason);
  expect(probe.parity).toBeLessThan(1e-6);
  const model = sampleModel(shapeOf({ units: 150, layers: [150, 40], inputs: 30 }), 0.3, randomFrom(1), 'wide');
  await probe.engine.enlist(model);
  const batches = [1, 2, 3].map((seed) => sequencesOf(model.shape, Array.from({ length: 61 }, (_, at) => 1 + (at * seed) % 23), seed));
  const results = await Promise.all(batches.map((sequences) => probe.engine.infer({ model: 'wide', sequences, sample: { every: 4, phase: 1 } })));
  results.forEach((result, at) => { expect(worstDifference(model, batches[at]!, result)).toBeLessThan(1e-6); });
});

it('retired models give their memory back: the module grows to what is loaded at once, not to what was ever loaded', async () => {
  const engine = await WasmEngine.start();
  const model = sampleModel(shapeOf({ units: 128, inputs: 64, vocabulary: 4000 }), 1, randomFrom(2), 'large');
  const bytes = (await engine.enlist(model)).bytes;
  const before = process.memoryUsage.rss();
  for (let at = 0; at < 60; at++) await engine.enlist(model);
  await engine.retire('large');
  expect(process.memoryUsage.rss() - before).toBeLessThan(40 * bytes);
});

it('what is no module is refused with its code', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'espalier-wasm-test-'));
  const file = path.join(folder, 'garbage.wasm');
  writeFileSync(file, 'not a module');
  for (const wrong of [pathToFileURL(file), pathToFileURL(path.join(folder, 'none.wasm'))]) {
    await expect(WasmEngine.start(wrong)).rejects.toSatisfy((error) => codeOf(error) === 'engine-unavailable');
    expect(await probedWasm(wrong)).toMatchObject({ ok: false, reason: expect.stringContaining('wasm') });
  }
  rmSync(folder, { recursive: true, force: true });
});

it('an idle engine lets the process end', () => {
  const code = `const { probedWasm } = await import(${JSON.stringify(new URL('../../../src/adapters/engine/wasm.ts', import.meta.url).href)}); console.log((await probedWasm()).ok);`;
  expect(execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], { cwd: ROOT, encoding: 'utf8', timeout: 50_000 }).trim()).toBe('true');
});
