/** One training process: started, spoken to, ended. What it says and how it ends goes to its listener. */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { setPriority } from 'node:os';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { FromProcess, ToProcess, TrainingSetup } from './protocol.ts';

export interface ProcessOptions {
  readonly setup: TrainingSetup;
  /** Threads of TensorFlow; 0 leaves it to TensorFlow. */
  readonly threads: number;
  /** Nice level, 0 to 19: how far the process stands back behind serving. */
  readonly priority: number;
  /** Program of the process. */
  readonly entry?: string;
  /** Time to end by itself before it is killed, milliseconds. */
  readonly graceMs: number;
}

export interface TrainingProcess {
  readonly pid: number | undefined;
  send(message: ToProcess): void;
  /** Kills it at once. */
  kill(): void;
  /** Lets it end, and kills it after the grace; resolves when it is gone. */
  end(): Promise<void>;
}

export interface Listener {
  heard(message: FromProcess): void;
  /** Once, with how it ended and its last words. */
  gone(how: string): void;
}

const STDERR_CHARACTERS_MAX = 2000;
const ENTRY = fileURLToPath(new URL(`../../cli/train-process${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url));

/** TensorFlow reads these when it is loaded. */
function environmentOf(threads: number): NodeJS.ProcessEnv {
  const number = String(threads);
  return {
    // On a GPU: take memory as it is needed, not all of it, so that several workers share one.
    TF_CPP_MIN_LOG_LEVEL: '2', TF_FORCE_GPU_ALLOW_GROWTH: 'true', ...process.env,
    ...(threads === 0 ? {} : { OMP_NUM_THREADS: number, TF_NUM_INTRAOP_THREADS: number, TF_NUM_INTEROP_THREADS: '1' }),
  };
}

function start({ entry = ENTRY, threads, priority }: ProcessOptions): ChildProcess {
  const typescript = entry.endsWith('.ts');
  const child = fork(entry, [], {
    execArgv: typescript ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href] : [],
    env: environmentOf(threads), stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  // Where the system does not allow it, training competes with serving; that is slower, not wrong.
  try { if (child.pid !== undefined) setPriority(child.pid, priority); } catch { /* not allowed here */ }
  return child;
}

export function startTrainingProcess(options: ProcessOptions, listener: Listener): TrainingProcess {
  const child = start(options);
  let words = '', over = false;
  const ended = new Promise<void>((resolve) => {
    const goneOnce = (how: string): void => {
      if (over) return;
      over = true;
      listener.gone(`${how}${words === '' ? '' : `; its last words: ${words.trim()}`}`);
      resolve();
    };
    // Not `close`: Node does not emit it after a disconnect from this side. The last words come before the pipe closes.
    child.once('exit', (code, signal) => {
      const tell = (): void => { goneOnce(signal === null ? `it ended with code ${code ?? 'unknown'}` : `it ended by ${signal}`); };
      if (child.stderr!.closed) tell(); else child.stderr!.once('close', tell);
    });
    child.on('error', (error) => { if (child.pid === undefined) goneOnce(`it could not be started: ${error.message}`); });
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => { words = (words + text).slice(-STDERR_CHARACTERS_MAX); });
  child.on('message', (message) => { listener.heard(message as FromProcess); });
  const send = (message: ToProcess): void => {
    // A send may lose against the end of the process, which `gone` reports.
    if (child.connected) child.send(message, () => undefined);
  };
  send({ kind: 'setup', setup: options.setup });
  return {
    pid: child.pid,
    send,
    kill: () => { child.kill('SIGKILL'); },
    end: async () => {
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => { child.kill('SIGKILL'); }, options.graceMs);
      await ended;
      clearTimeout(timer);
    },
  };
}
