/**
 * The kernel as WebAssembly: for machines on which no native binary can be built or loaded. SIMD of 128 bits, no FMA, one
 * thread of its own, so the event loop stays free. A model's memory is reused when it is retired; the module never
 * shrinks.
 */
import { readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { EspalierError } from '../../errors.ts';
import { sampleModel } from '../../model/sample-model.ts';
import type { Cell } from '../../model/shape.ts';
import { randomFrom } from '../../support/random.ts';
import type { Addon, AddonHandle, AddonResult, LoadArguments } from './addon.ts';
import { NativeEngine } from './native.ts';
import { PARITY_MAX } from './parity.ts';

export const WASM_VARIANT = 'wasm';
export const WASM_FILE = new URL('../../kernel/espalier.wasm', import.meta.url);

interface Reply { readonly number: number; readonly result?: object; readonly error?: { readonly code: string; readonly message: string; readonly sequence: number } }
interface Waiting { readonly resolve: (result: object) => void; readonly reject: (error: Error) => void }

/** Questions to the worker and their answers. It keeps the process alive only while one is open. */
class Thread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #number = 0;
  #ended: Error | undefined;

  constructor(module: Uint8Array, ready: (widths: readonly number[]) => void, failed: (error: Error) => void) {
    this.#worker = new Worker(new URL('./wasm-worker.mjs', import.meta.url), { workerData: { module }, execArgv: [] });
    const end = (error: Error): void => {
      this.#ended ??= error;
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
      failed(error);
    };
    this.#worker.on('message', (message: Reply | { readonly widths: readonly number[] }) => {
      if ('widths' in message) { this.#worker.unref(); ready(message.widths); } else this.#settle(message);
    });
    this.#worker.on('error', end);
    this.#worker.on('exit', (code) => { end(new Error(`the thread of the WebAssembly kernel ended with ${code}`)); });
  }

  #settle({ number, result, error }: Reply): void {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (error !== undefined) waiting?.reject(Object.assign(new Error(error.message), error));
    else waiting?.resolve(result!);
  }

  ask(what: 'load' | 'release' | 'infer' | 'gram', id: number, args: readonly unknown[]): Promise<object> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const number = this.#number++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage({ number, what, id, args });
    });
  }
}

type Written = { readonly [name in 'h' | 'c' | 'values' | 'confidence' | 'chances']: Float32Array } & { readonly labels: Int32Array; readonly best: Int32Array; readonly activity: Float64Array };

interface Loaded { readonly id: number; readonly loaded: Promise<object> }

/** What the module keeps of a model: its arrays, and for each connection a byte offset, for each unit where its states begin. */
function bytesOf([, , , , , layers, embedding, output, outputBias]: LoadArguments): number {
  const ofLayers = layers.reduce((sum, [units, , ptr, source, values, bias]) => sum + ptr.byteLength + 2 * source.byteLength + values.byteLength + bias.byteLength + 4 * units, 0);
  return ofLayers + embedding.byteLength + output.byteLength + outputBias.byteLength;
}

/** The module behind the interface of the addon. `load` cannot fail at once: what is wrong rejects the first call. */
function addonOf(thread: Thread, widths: readonly number[]): Addon {
  let id = 0;
  const of = (handle: AddonHandle): Loaded => handle as unknown as Loaded;
  return {
    variants: () => [{ name: WASM_VARIANT, needs: 'WebAssembly with SIMD', precision: 'fp32', supported: true, widths }],
    load(...args) {
      const handle: Loaded = { id: id++, loaded: thread.ask('load', id - 1, args) };
      handle.loaded.catch(() => undefined);
      return [handle as unknown as AddonHandle, bytesOf(args as LoadArguments)];
    },
    release(handle) { void thread.ask('release', of(handle).id, []).catch(() => undefined); },
    async infer(handle, inputs, offsets, h, c, labels, values, confidence, mode, every, phase, top, best, chances, activity) {
      const running = thread.ask('infer', of(handle).id, [inputs, offsets, h, c, labels, values, confidence, mode, every, phase, top, best, chances, activity]);
      running.catch(() => undefined);
      await of(handle).loaded;
      const { written, ...result } = (await running) as AddonResult & { readonly written: Written };
      h.set(written.h);
      c.set(written.c);
      labels.set(written.labels);
      values.set(written.values);
      confidence.set(written.confidence);
      best.set(written.best);
      chances.set(written.chances);
      activity.set(written.activity);
      return result;
    },
    async gram(_variant, values, rows, columns, into) {
      const { written, cpuMs } = (await thread.ask('gram', 0, [values, rows, columns, into])) as { readonly written: { readonly into: Float64Array }; readonly cpuMs: number };
      into.set(written.into);
      return cpuMs;
    },
  };
}

export class WasmEngine extends NativeEngine {
  override readonly name: string = WASM_VARIANT;

  /** Throws engine-unavailable. */
  static async start(file: URL = WASM_FILE): Promise<WasmEngine> {
    try {
      const module = await readFile(file);
      const addon = await new Promise<Addon>((resolve, reject) => {
        const thread: Thread = new Thread(module, (widths) => { resolve(addonOf(thread, widths)); }, reject);
      });
      return new WasmEngine(addon, WASM_VARIANT);
    } catch (error) {
      throw new EspalierError('engine-unavailable', `wasm: ${error instanceof Error ? error.message : String(error)}`, error);
    }
  }
}

const PROBED: readonly Cell[] = ['lstm', 'gru', 'gru-before', 'rnn-tanh', 'rnn-relu'];

export type WasmProbe = { readonly ok: true; readonly engine: WasmEngine; readonly parity: number } | { readonly ok: false; readonly reason: string };

/** Starts the engine and compares each cell with the reference. In this process: a module cannot leave its memory. Never rejects. */
export async function probedWasm(file?: URL): Promise<WasmProbe> {
  try {
    const engine = await WasmEngine.start(file);
    let parity = 0;
    for (const cell of PROBED) {
      const model = sampleModel({ cell, vocabulary: 23, inputs: 7, layers: [19, 13], task: 'tag', outputs: 6, state: 'carry' }, 0.4, randomFrom(11), `probe ${cell}`);
      parity = Math.max(parity, (await engine.enlist(model)).parity);
      await engine.retire(model.id);
    }
    return parity <= PARITY_MAX ? { ok: true, engine, parity } : { ok: false, reason: `wasm differs from the reference by ${parity.toExponential(1)}` };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}
