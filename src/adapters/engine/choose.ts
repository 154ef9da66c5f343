/** Chooses the engine of this process: the fastest variant that passes its probe, else the reference, and says why. */
import { availableParallelism } from 'node:os';
import process from 'node:process';
import { ERRORS, EspalierError } from '../../errors.ts';
import type { Engine } from '../../ports.ts';
import { kernelPath, loadAddon } from './addon.ts';
import { NativeEngine } from './native.ts';
import { OnnxThread, onnxVersion } from './onnx-thread.ts';
import { OnnxEngine } from './onnx.ts';
import { probe } from './probe.ts';
import { ReferenceEngine } from './reference.ts';
import { RoutedEngine } from './router.ts';

export type EngineKind = 'auto' | 'native' | 'onnxruntime' | 'reference';

/** Fastest first, as in the kernel's own table. */
export const KERNEL_VARIANTS = ['avx512', 'avx2', 'portable'] as const;

export interface EngineChoice {
  readonly kind: EngineKind;
  /** Forces a variant; the environment variable ESPALIER_KERNEL does so too. */
  readonly variant?: string | undefined;
  /** Where the addon lies; `kernelPath()` otherwise. */
  readonly file?: string;
  readonly timeoutMs?: number;
  /** auto: whether onnxruntime stands by for dense models, where it is installed. */
  readonly dense?: boolean;
  /** Parts of a large call, which run at the same time; `coresHere()` otherwise. */
  readonly cores?: number;
}

/** Threads that can work at the same time: cores, and no more than libuv's pool has (parts.ts). */
export const coresHere = (): number => Math.max(1, Math.min(availableParallelism(), Number(process.env['UV_THREADPOOL_SIZE'] ?? 4) || 4));

export interface ChosenEngine { readonly engine: Engine; readonly variant: string; readonly reason: string }

/** Below this density the sparse kernel won on every machine and size that was measured. */
const DENSE_FROM = 0.3;

/** The native engine, with onnxruntime beside it where that is wanted, installed and loads. */
async function withDense(native: ChosenEngine, { kind, dense = false }: EngineChoice, forced: string | undefined): Promise<ChosenEngine> {
  const version = onnxVersion();
  if (kind !== 'auto' || !dense || version === null || (forced !== undefined && forced !== '')) return native;
  try {
    const onnx = new OnnxEngine(await OnnxThread.start());
    return { ...native, engine: new RoutedEngine([{ engine: native.engine, densityMin: 0 }, { engine: onnx, densityMin: DENSE_FROM }]), reason: `${native.reason}; onnxruntime ${version} for dense models that it runs faster` };
  } catch (error) {
    return { ...native, reason: `${native.reason}; without onnxruntime: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/**
 * auto: native, else the reference, with reason and remedy. native: throws engine-unavailable rather than to serve slowly.
 * A forced variant is the only one tried.
 */
export async function chooseEngine(choice: EngineChoice): Promise<ChosenEngine> {
  const reference = (reason: string): ChosenEngine => ({ engine: new ReferenceEngine(), variant: 'float64', reason });
  if (choice.kind === 'reference') return reference('the reference engine was asked for');
  if (choice.kind === 'onnxruntime') return { engine: new OnnxEngine(await OnnxThread.start()), variant: 'fp32', reason: 'onnxruntime was asked for' };
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
    return withDense({ engine: new NativeEngine(loadAddon(file), variant, choice.cores ?? coresHere()), variant, reason }, choice, forced);
  }
  const why = failures.join('; ');
  if (choice.kind === 'native') throw new EspalierError('engine-unavailable', why);
  return reference(`${why}. ${ERRORS['engine-unavailable'].remedy}`);
}
