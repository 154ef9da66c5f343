/** Python Keras as a rival: a child process that runs `keras-side.py`, a line of JSON for each question and answer. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { EspalierError } from '../../errors.ts';
import type { ModelShape } from '../../model/shape.ts';
import type { Batch } from '../../tuning/batches.ts';

/** Not `keras.py`: Python looks into the program's own folder first, so TensorFlow would import that as Keras. */
const PROGRAM = join(import.meta.dirname, 'keras-side.py');
/** Characters of the program's talk that are kept for an error. */
const TALK_MAX = 2000;

export interface KerasJob {
  readonly shape: ModelShape;
  readonly learningRate: number;
  /** Bound on the global norm of a step's gradient. */
  readonly normMax: number;
  readonly batches: readonly Batch[];
}

/** Once through all batches: real steps of time, seconds of the wall and of the processor. */
export interface KerasRun { readonly tokens: number; readonly seconds: number; readonly cpuSeconds: number }

export interface Keras {
  /** Version of its TensorFlow. */
  readonly tensorflow: string;
  /** Takes up a network; returns its number of parameters. */
  open(job: KerasJob): Promise<{ readonly parameters: number }>;
  run(): Promise<KerasRun>;
  close(): Promise<void>;
}

/** Starts an interpreter. This and every call throw usage where it does not run the program (it must have tensorflow). */
export async function startKeras(python: string): Promise<Keras> {
  const child = spawn(python, [PROGRAM], { stdio: ['pipe', 'pipe', 'pipe'] });
  let talk = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => { talk = (talk + text).slice(-TALK_MAX); });
  const closed = new Promise<void>((resolve) => {
    child.once('error', (error) => { talk += error.message; resolve(); });
    child.once('close', () => { resolve(); });
  });
  child.stdin.on('error', () => undefined); // the end of the process says it
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const hear = async (): Promise<unknown> => {
    const { value, done } = await Promise.race([lines.next(), closed.then(() => ({ value: undefined, done: true }))]);
    if (done !== true) return JSON.parse(value as string);
    await closed;
    throw new EspalierError('usage', `${python} does not run the Keras side of the bench: ${talk.trim().split('\n').at(-1) ?? ''}`);
  };
  const ask = (question: object): Promise<unknown> => {
    child.stdin.write(`${JSON.stringify(question)}\n`);
    return hear();
  };
  const { tensorflow } = await hear() as { readonly tensorflow: string };
  return {
    tensorflow,
    open: async ({ shape: { cell, layers, inputs, vocabulary, outputs }, learningRate, normMax, batches }) => await ask({
      open: {
        cell, units: layers[0], inputs, vocabulary, outputs, learningRate, normMax,
        batches: batches.map((batch) => ({ steps: batch.steps, lanes: batch.lanes, ids: [...batch.inputs], labels: [...batch.targets], lengths: [...batch.lengths] })),
      },
    }) as { readonly parameters: number },
    run: async () => await ask({ run: true }) as KerasRun,
    close: async () => {
      child.stdin.end();
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) await once(child, 'close');
    },
  };
}
