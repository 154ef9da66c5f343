/** The addon for tests: built if need be, and the variants that this machine supports. */
import path from 'node:path';
import { kernelPath, loadAddon } from '../../../src/adapters/engine/addon.ts';
import type { Addon, Precision } from '../../../src/adapters/engine/addon.ts';

interface Builder { buildKernel(options: { root: string }): Promise<{ path: string }> }

export async function builtAddon(): Promise<Addon> {
  const root = path.dirname(path.dirname(path.dirname(kernelPath())));
  const script = path.join(root, 'scripts', 'setup', 'kernel.mjs');
  const { buildKernel } = (await import(script)) as Builder;
  return loadAddon((await buildKernel({ root })).path);
}

export const supportedVariants = (addon: Addon, wanted: Precision = 'fp32'): readonly string[] => addon.variants().filter(({ supported, precision }) => supported && precision === wanted).map(({ name }) => name);
