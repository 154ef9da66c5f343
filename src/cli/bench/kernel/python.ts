/** Engines of Python as contestants: a process that runs one batch after the other when it is told to. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { EspalierError } from '../../../errors.ts';
import type { Contestant } from './contestant.ts';
import type { EngineName } from './plan.ts';

export interface PythonEngines {
  /** Those whose packages the interpreter has, with versions in words. */
  readonly names: readonly EngineName[];
  readonly versions: string;
  contestant(engine: EngineName, cell: 'lstm' | 'gru', hidden: number): Contestant;
  close(): void;
}

interface Answer { readonly engines?: readonly EngineName[]; readonly versions?: string; readonly ms?: number; readonly error?: string }

/** Throws usage where the interpreter does not run. */
export async function pythonEngines(python: string): Promise<PythonEngines> {
  const child = spawn(python, [fileURLToPath(new URL('./peers.py', import.meta.url))], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1' } });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const failed = new Promise<never>((_, reject) => { child.once('error', (error) => { reject(new EspalierError('usage', `--python ${python}: ${error.message}`, error)); }); });
  failed.catch(() => undefined);
  const next = async (): Promise<Answer> => {
    const line = await Promise.race([lines.next(), failed]);
    if (line.done === true) throw new EspalierError('usage', `--python ${python}: the peers' process ended.`);
    const answer = JSON.parse(line.value) as Answer;
    if (answer.error !== undefined) throw new EspalierError('usage', `--python ${python}: ${answer.error}`);
    return answer;
  };
  const { engines = [], versions = '' } = await next();
  return {
    names: engines, versions,
    contestant: (engine, cell, hidden) => ({
      engine, density: 1, pads: true,
      run: async (lengths) => {
        child.stdin.write(`${JSON.stringify({ engine, cell, hidden, lanes: lengths.length, steps: Math.max(...lengths) })}\n`);
        return (await next()).ms!;
      },
      close: () => Promise.resolve(),
    }),
    close: () => { child.kill(); },
  };
}
