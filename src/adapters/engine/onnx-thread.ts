/** The thread of the ONNX sessions, and the messages to it. */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { EspalierError } from '../../errors.ts';

export type OnnxValues = Float32Array | Int32Array | BigInt64Array;
/** An input of a graph: name, type, values, dimensions. */
export type Feed = readonly [name: string, type: 'float32' | 'int32' | 'int64', values: OnnxValues, dims: readonly number[]];

export interface OnnxRun {
  readonly outputs: readonly OnnxValues[];
  readonly ms: number;
  /** CPU time of the whole process meanwhile. */
  readonly cpuMs: number;
}

interface Waiting { readonly resolve: (result: unknown) => void; readonly reject: (error: Error) => void }

/** Version of the installed onnxruntime-node; null where it is not installed (it is an optional dependency). */
export function onnxVersion(): string | null {
  try {
    return (createRequire(import.meta.url)('onnxruntime-node/package.json') as { readonly version: string }).version;
  } catch { return null; }
}

export class OnnxThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #gone: Error | null = null;

  /** Throws engine-unavailable where the thread does not start: the package is not installed or does not load. */
  static async start(): Promise<OnnxThread> {
    const worker = new Worker(new URL('./onnx-worker.mjs', import.meta.url), { execArgv: [] });
    try {
      await once(worker, 'online');
      const thread = new OnnxThread(worker);
      await thread.#ask('hello', {});
      return thread;
    } catch (error) {
      throw new EspalierError('engine-unavailable', `onnxruntime-node: ${error instanceof Error ? error.message : String(error)}`, error);
    }
  }

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', ({ id, result, error }: { readonly id: number; readonly result?: unknown; readonly error?: string }) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) worker.unref();
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(error));
    });
    worker.on('error', (error: Error) => { this.#end(error); });
    worker.on('exit', (code) => { this.#end(new Error(`the thread ended with ${code}`)); });
  }

  #end(error: Error): void {
    this.#gone ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#gone);
    this.#waiting.clear();
  }

  #ask(action: 'hello' | 'load' | 'run' | 'release', given: object): Promise<unknown> {
    if (this.#gone !== null) return Promise.reject(this.#gone);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      // An answer that somebody waits for keeps the process alive; an idle thread does not.
      this.#worker.ref();
      this.#worker.postMessage({ id, action, ...given });
    });
  }

  async load(model: string, bytes: Uint8Array): Promise<void> { await this.#ask('load', { model, bytes }); }

  /** One padded batch through a graph: the asked outputs in their order, and the times, milliseconds. */
  async run(model: string, feeds: readonly Feed[], fetches: readonly string[]): Promise<OnnxRun> { return await this.#ask('run', { model, feeds, fetches }) as OnnxRun; }

  async release(model: string): Promise<void> { await this.#ask('release', { model }); }

  async close(): Promise<void> { await this.#worker.terminate(); }
}
