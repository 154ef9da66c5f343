/** Chooses the engine of this process: the fastest variant that passes its probe, else WebAssembly, else the reference, and says why. */
import process from 'node:process';
import { ERRORS, EspalierError } from '../../errors.ts';
import type { Engine } from '../../ports.ts';
import { kernelPaths, loadAddon } from './addon.ts';
import { NativeEngine } from './native.ts';
import { probe } from './probe.ts';
import { ReferenceEngine } from './reference.ts';
import { probedWasm, WASM_VARIANT } from './wasm.ts';

export type EngineKind = 'auto' | 'native' | 'reference';

/** Fastest first, as in the kernel's own table. */
export const KERNEL_VARIANTS = ['avx512', 'avx2', 'portable'] as const;

export interface EngineChoice {
  readonly kind: EngineKind;
  /** Forces a variant; the environment variable ESPALIER_KERNEL does so too. */
  readonly variant?: string | undefined;
  /** Where the addon lies; `kernelPaths()` otherwise. */
  readonly file?: string;
  /** Where the WebAssembly module lies; `WASM_FILE` otherwise. */
  readonly wasm?: URL;
  readonly timeoutMs?: number;
}

export interface ChosenEngine { readonly engine: Engine; readonly variant: string; readonly reason: string }

/**
 * auto: native (this machine's build, else a prebuilt one), else WebAssembly, else the reference, with reason and remedy.
 * native: throws engine-unavailable rather than to serve slowly. A forced variant is the only one tried.
 */
export async function chooseEngine(choice: EngineChoice): Promise<ChosenEngine> {
  const reference = (reason: string): ChosenEngine => ({ engine: new ReferenceEngine(), variant: 'float64', reason });
  if (choice.kind === 'reference') return reference('the reference engine was asked for');
  const files = choice.file === undefined ? kernelPaths() : [choice.file];
  const forced = choice.variant ?? process.env['ESPALIER_KERNEL'];
  if (forced !== undefined && forced !== '' && forced !== WASM_VARIANT && !KERNEL_VARIANTS.some((name) => name === forced)) {
    throw new EspalierError('config-invalid', `There is no kernel variant ${forced}; there are ${[...KERNEL_VARIANTS, WASM_VARIANT].join(', ')}.`);
  }
  const failures: string[] = [];
  const natives = forced === undefined || forced === '' ? KERNEL_VARIANTS : [forced].filter((name) => name !== WASM_VARIANT);
  for (const [file, variant] of files.flatMap((one) => natives.map((name) => [one, name] as const))) {
    const result = await probe(file, variant, choice.timeoutMs === undefined ? {} : { timeoutMs: choice.timeoutMs });
    if (!result.ok) {
      if (!failures.includes(result.reason)) failures.push(result.reason);
      continue;
    }
    const reason = `the probe agrees with the reference (${result.parity.toExponential(1)})${failures.length > 0 ? `; not chosen: ${failures.join('; ')}` : ''}`;
    return { engine: new NativeEngine(loadAddon(file), variant), variant, reason };
  }
  if (choice.kind === 'native') throw new EspalierError('engine-unavailable', natives.length === 0 ? 'the variant wasm is not native' : failures.join('; '));
  if (natives.length !== 1) {
    const wasm = await probedWasm(choice.wasm);
    const instead = natives.length === 0 ? '' : `; not chosen: ${failures.join('; ')}. ${ERRORS['engine-unavailable'].remedy}`;
    if (wasm.ok) return { engine: wasm.engine, variant: WASM_VARIANT, reason: `the probe agrees with the reference (${wasm.parity.toExponential(1)})${instead}` };
    failures.push(wasm.reason);
  }
  const why = failures.join('; ');
  return reference(`${why}. ${ERRORS['engine-unavailable'].remedy}`);
}
