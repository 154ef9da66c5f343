/** Chooses the engine of this process: the fastest variant that passes its probe, else the reference, and says why. */
import { availableParallelism } from 'node:os';
import process from 'node:process';
import { ERRORS, EspalierError } from '../../errors.ts';
import type { Engine } from '../../ports.ts';
import { kernelPath, loadAddon } from './addon.ts';
import { NativeEngine } from './native.ts';
import { probe } from './probe.ts';
import { ReferenceEngine } from './reference.ts';

export type EngineKind = 'auto' | 'native' | 'reference';

/** Fastest first, as in the kernel's own table. */
export const KERNEL_VARIANTS = ['avx512', 'avx2', 'portable'] as const;

export interface EngineChoice {
  readonly kind: EngineKind;
  /** Forces a variant; the environment variable ESPALIER_KERNEL does so too. */
  readonly variant?: string | undefined;
  /** Where the addon lies; `kernelPath()` otherwise. */
  readonly file?: string;
  readonly timeoutMs?: number;
  /** Parts of a large call, which run at the same time; `coresHere()` otherwise. */
  readonly cores?: number;
}

/** Threads that can work at the same time: cores, and no more than libuv's pool has (parts.ts). */
export const coresHere = (): number => Math.max(1, Math.min(availableParallelism(), Number(process.env['UV_THREADPOOL_SIZE'] ?? 4) || 4));

export interface ChosenEngine { readonly engine: Engine; readonly variant: string; readonly reason: string }

/**
 * auto: native, else the reference, with reason and remedy. native: throws engine-unavailable rather than to serve slowly.
 * A forced variant is the only one tried.
 */
export async function chooseEngine(choice: EngineChoice): Promise<ChosenEngine> {
  const reference = (reason: string): ChosenEngine => ({ engine: new ReferenceEngine(), variant: 'float64', reason });
  if (choice.kind === 'reference') return reference('the reference engine was asked for');
  const file = choice.file ?? kernelPath();
  const forced = choice.variant ?? process.env['ESPALIER_KERNEL'];
  if (forced !== undefined && forced !== '' && !KERNEL_VARIANTS.some((name) => name === forced)) {
    throw new EspalierError('config-invalid', `There is no kernel variant ${forced}; there are ${KERNEL_VARIANTS.join(', ')}.`);
  }
  const failures: string[] = [];
  for (const variant of forced === undefined || forced === '' ? KERNEL_VARIANTS : [forced]) {
    const result = await probe(file, variant, choice.timeoutMs === undefined ? {} : { timeoutMs: choice.timeoutMs });
    if (!result.ok) {
      if (!failures.includes(result.reason)) failures.push(result.reason);
      continue;
    }
    const reason = `the probe agrees with the reference (${result.parity.toExponential(1)})${failures.length > 0 ? `; not chosen: ${failures.join('; ')}` : ''}`;
    return { engine: new NativeEngine(loadAddon(file), variant, choice.cores ?? coresHere()), variant, reason };
  }
  const why = failures.join('; ');
  if (choice.kind === 'native') throw new EspalierError('engine-unavailable', why);
  return reference(`${why}. ${ERRORS['engine-unavailable'].remedy}`);
}
