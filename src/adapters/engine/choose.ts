/** Chooses the engine of this process: the fastest variant that passes its probe, else WebAssembly, else the reference, and says why. */
import { availableParallelism } from 'node:os';
import process from 'node:process';
import { ERRORS, EspalierError } from '../../errors.ts';
import type { Engine } from '../../ports.ts';
import type { Precision } from './addon.ts';
import { kernelPaths, loadAddon, precisionOf } from './addon.ts';
import { NativeEngine } from './native.ts';
import { OnnxThread, onnxVersion } from './onnx-thread.ts';
import { OnnxEngine } from './onnx.ts';
import { probe } from './probe.ts';
import { ReferenceEngine } from './reference.ts';
import type { Candidate } from './router.ts';
import { RoutedEngine } from './router.ts';
import { probedWasm, WASM_VARIANT } from './wasm.ts';

export type EngineKind = 'auto' | 'native' | 'onnxruntime' | 'reference';

/** Fastest first, as in the kernel's own table. */
export const KERNEL_VARIANTS = ['avx512', 'avx2', 'portable'] as const;
/** Those that work in int8; never chosen unless asked for, as they answer a little differently. */
export const G4_VARIANTS = ['avx512-vnni-g4', 'avx-vnni-g4', 'avx2-g4', 'portable-g4'] as const;
const VARIANTS: Readonly<Record<Precision, readonly string[]>> = { 'fp32': KERNEL_VARIANTS, 'int8-g4': G4_VARIANTS };
const ALL: readonly string[] = [...KERNEL_VARIANTS, ...G4_VARIANTS, WASM_VARIANT];

export interface EngineChoice {
  readonly kind: EngineKind;
  /** Forces a variant; the environment variable ESPALIER_KERNEL does so too. */
  readonly variant?: string | undefined;
  /** Takes variants of this precision only; where left out, of fp32 unless one is forced. */
  readonly precision?: Precision;
  /** Where the addon lies; `kernelPaths()` otherwise. */
  readonly file?: string;
  /** Where the WebAssembly module lies; `WASM_FILE` otherwise. */
  readonly wasm?: URL;
  readonly timeoutMs?: number;
  /** auto: whether onnxruntime stands by for dense models, where it is installed. */
  readonly dense?: boolean;
  /** auto: whether int8 may serve a model that it runs faster. */
  readonly int8?: boolean;
  /** Parts of a large call, which run at the same time; `coresHere()` otherwise. */
  readonly cores?: number;
}

/** Threads that can work at the same time: cores, and no more than libuv's pool has (parts.ts). */
export const coresHere = (): number => Math.max(1, Math.min(availableParallelism(), Number(process.env['UV_THREADPOOL_SIZE'] ?? 4) || 4));

export interface ChosenEngine { readonly engine: Engine; readonly variant: string; readonly reason: string }

/** Below this density the sparse kernel won on every machine and size that was measured. */
const DENSE_FROM = 0.3;

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** onnxruntime, where it is installed and loads; else why not. */
async function onnxruntime(): Promise<Candidate | string> {
  const version = onnxVersion();
  if (version === null) return 'it is not installed';
  return OnnxThread.start().then((thread) => ({ engine: new OnnxEngine(thread), densityMin: DENSE_FROM }), reasonOf);
}

/** The native engine, with those beside it that are wanted: int8, and onnxruntime for dense models. */
async function withOthers(native: ChosenEngine, choice: EngineChoice): Promise<ChosenEngine> {
  const candidates: Candidate[] = [{ engine: native.engine, densityMin: 0 }], said = [native.reason];
  if (choice.int8 === true) {
    const int8 = await chooseEngine({ ...choice, kind: 'native', precision: 'int8-g4' }).catch(reasonOf);
    if (typeof int8 === 'string') said.push(`without int8: ${int8}`);
    else candidates.push({ engine: int8.engine, densityMin: 0 });
  }
  if (choice.dense === true) {
    const dense = await onnxruntime();
    if (typeof dense === 'string') said.push(`without onnxruntime: ${dense}`);
    else candidates.push(dense);
  }
  if (candidates.length === 1) return { ...native, reason: said.join('; ') };
  return { ...native, engine: new RoutedEngine(candidates), reason: [...said, 'each model runs where it is measured to be fastest'].join('; ') };
}

/** What a choice names: one variant, or all of a precision. Throws config-invalid where there is no such variant. */
function wantedOf(choice: EngineChoice): { readonly forced: boolean; readonly natives: readonly string[] } {
  const named = choice.variant ?? process.env['ESPALIER_KERNEL'] ?? '';
  if (named !== '' && !ALL.includes(named)) throw new EspalierError('config-invalid', `There is no kernel variant ${named}; there are ${ALL.join(', ')}.`);
  if (named === WASM_VARIANT) return { forced: true, natives: [] };
  const forced = named !== '' && precisionOf(named) === (choice.precision ?? precisionOf(named));
  return { forced, natives: forced ? [named] : VARIANTS[choice.precision ?? 'fp32'] };
}

/**
 * auto: native (this machine's build, else a prebuilt one), else WebAssembly, else the reference, with reason and remedy.
 * native: throws engine-unavailable rather than to serve slowly. A forced variant is the only one tried.
 */
export async function chooseEngine(choice: EngineChoice): Promise<ChosenEngine> {
  const reference = (reason: string): ChosenEngine => ({ engine: new ReferenceEngine(), variant: 'float64', reason });
  if (choice.kind === 'reference') return reference('the reference engine was asked for');
  if (choice.kind === 'onnxruntime') return { engine: new OnnxEngine(await OnnxThread.start()), variant: 'fp32', reason: 'onnxruntime was asked for' };
  const files = choice.file === undefined ? kernelPaths() : [choice.file], { forced, natives } = wantedOf(choice);
  const failures: string[] = [];
  for (const [file, variant] of files.flatMap((one) => natives.map((name) => [one, name] as const))) {
    const result = await probe(file, variant, choice.timeoutMs === undefined ? {} : { timeoutMs: choice.timeoutMs });
    if (!result.ok) {
      if (!failures.includes(result.reason)) failures.push(result.reason);
      continue;
    }
    const reason = `the probe agrees with the reference (${result.parity.toExponential(1)})${failures.length > 0 ? `; not chosen: ${failures.join('; ')}` : ''}`;
    const native: ChosenEngine = { engine: new NativeEngine(loadAddon(file), variant, choice.cores ?? coresHere()), variant, reason };
    return choice.kind === 'auto' && !forced ? withOthers(native, choice) : native;
  }
  if (choice.kind === 'native') throw new EspalierError('engine-unavailable', natives.length === 0 ? 'the variant wasm is not native' : failures.join('; '));
  if (!forced || natives.length === 0) {
    const wasm = await probedWasm(choice.wasm);
    const instead = forced ? '' : `; not chosen: ${failures.join('; ')}. ${ERRORS['engine-unavailable'].remedy}`;
    if (wasm.ok) return { engine: wasm.engine, variant: WASM_VARIANT, reason: `the probe agrees with the reference (${wasm.parity.toExponential(1)})${instead}` };
    failures.push(wasm.reason);
  }
  return reference(`${failures.join('; ')}. ${ERRORS['engine-unavailable'].remedy}`);
}
