/** Chooses the engine of this process: the fastest variant that passes its probe, else the reference, and says why. */
import process from 'node:process';
import { ERRORS, EspalierError } from '../../errors.ts';
import type { Engine } from '../../ports.ts';
import type { Precision } from './addon.ts';
import { kernelPath, loadAddon, precisionOf } from './addon.ts';
import { NativeEngine } from './native.ts';
import { probe } from './probe.ts';
import { ReferenceEngine } from './reference.ts';

export type EngineKind = 'auto' | 'native' | 'reference';

/** Fastest first, as in the kernel's own table. */
export const KERNEL_VARIANTS = ['avx512', 'avx2', 'portable'] as const;
/** Those that work in int8; never chosen unless asked for, as they answer a little differently. */
export const G4_VARIANTS = ['avx512-vnni-g4', 'avx-vnni-g4', 'avx2-g4', 'portable-g4'] as const;
const VARIANTS: Readonly<Record<Precision, readonly string[]>> = { 'fp32': KERNEL_VARIANTS, 'int8-g4': G4_VARIANTS };

export interface EngineChoice {
  readonly kind: EngineKind;
  /** Forces a variant; the environment variable ESPALIER_KERNEL does so too. */
  readonly variant?: string | undefined;
  /** Takes variants of this precision only; where left out, of fp32 unless one is forced. */
  readonly precision?: Precision;
  /** Where the addon lies; `kernelPath()` otherwise. */
  readonly file?: string;
  readonly timeoutMs?: number;
}

export interface ChosenEngine { readonly engine: Engine; readonly variant: string; readonly reason: string }

/**
 * auto: native, else the reference, with reason and remedy. native: throws engine-unavailable rather than to serve slowly.
 * A forced variant is the only one tried.
 */
export async function chooseEngine(choice: EngineChoice): Promise<ChosenEngine> {
  const reference = (reason: string): ChosenEngine => ({ engine: new ReferenceEngine(), variant: 'float64', reason });
  if (choice.kind === 'reference') return reference('the reference engine was asked for');
  const file = choice.file ?? kernelPath();
  const wanted = choice.variant ?? process.env['ESPALIER_KERNEL'] ?? '', all = [...KERNEL_VARIANTS, ...G4_VARIANTS];
  if (wanted !== '' && !all.some((name) => name === wanted)) throw new EspalierError('config-invalid', `There is no kernel variant ${wanted}; there are ${all.join(', ')}.`);
  const forced = wanted !== '' && precisionOf(wanted) === (choice.precision ?? precisionOf(wanted));
  const failures: string[] = [];
  for (const variant of forced ? [wanted] : VARIANTS[choice.precision ?? 'fp32']) {
    const result = await probe(file, variant, choice.timeoutMs === undefined ? {} : { timeoutMs: choice.timeoutMs });
    if (!result.ok) {
      if (!failures.includes(result.reason)) failures.push(result.reason);
      continue;
    }
    const reason = `the probe agrees with the reference (${result.parity.toExponential(1)})${failures.length > 0 ? `; not chosen: ${failures.join('; ')}` : ''}`;
    return { engine: new NativeEngine(loadAddon(file), variant), variant, reason };
  }
  const why = failures.join('; ');
  if (choice.kind === 'native') throw new EspalierError('engine-unavailable', why);
  return reference(`${why}. ${ERRORS['engine-unavailable'].remedy}`);
}
