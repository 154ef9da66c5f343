// Goal: the training bench measures every cell beside its rival and whether memory grows, and refuses an interpreter that does not do. Method: quick runs of the real command; the rival is a program that answers as keras-side.py does; no time is asserted.
import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startKeras } from '../../../src/cli/bench/keras.ts';
import type { TrainBench } from '../../../src/cli/bench/train.ts';
import { batchesOf } from '../../../src/tuning/batches.ts';
import { temporaryFolder } from '../../adapters/temporary.ts';
import { classifyShape, randomItems } from '../../tuning/samples.ts';

const COMMAND = resolve(import.meta.dirname, '../../../scripts/espalier.mjs');
const bench = (...args: string[]) => spawnSync(process.execPath, [COMMAND, 'bench', 'train', '--quick', ...args], { encoding: 'utf8' });

/** An interpreter: it gets the program as its argument, and does `answer` with each line of JSON. */
function interpreter(answer: string): string {
  const file = join(temporaryFolder(), 'python');
  writeFileSync(file, `#!${process.execPath}
const say = (value) => process.stdout.write(JSON.stringify(value) + '\\n');
say({ tensorflow: 'none' });
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => { const message = JSON.parse(line); ${answer} });
`);
  chmodSync(file, 0o755);
  return file;
}

/** Counts parameters by Keras' formulae; a run takes one second. */
const RIVAL = `
if (message.open === undefined) say({ tokens: 1000, seconds: 1, cpuSeconds: 1 });
else {
  const { cell, units, inputs, vocabulary, outputs } = message.open, gates = { 'lstm': 4, 'gru': 3, 'gru-before': 3 }[cell] ?? 1;
  say({ parameters: vocabulary * inputs + gates * units * (inputs + units + (cell === 'gru' ? 2 : 1)) + (units + 1) * outputs });
}`;

describe('bench train', () => {
  it('writes machine, one row for each cell and batch, and memory over 5,000 steps', () => {
    const file = join(temporaryFolder(), 'train.json');
    const { status, stdout } = bench('--json', file, '--python', interpreter(RIVAL));
    expect(status).toBe(0);
    const { machine, rows, memory } = JSON.parse(readFileSync(file, 'utf8')) as TrainBench;
    expect(machine).toMatchObject({ tensorflow: expect.stringMatching(/^2\./) as string, kerasTensorflow: 'none' });
    expect(rows.map(({ cell, batch }) => `${cell} ${batch}`)).toEqual(['lstm', 'gru', 'gru-before', 'rnn-tanh', 'rnn-relu'].flatMap((cell) => [`${cell} 4`, `${cell} 8`]));
    for (const { tokensPerSecond, keras, ratio, cpus } of rows) {
      expect(tokensPerSecond).toBeGreaterThan(0);
      expect(keras).toBe(1000);
      expect(ratio).toBeCloseTo(tokensPerSecond / 1000);
      expect(cpus.ours).toBeGreaterThan(0);
    }
    expect(memory.samples.map(({ step }) => step)).toEqual(Array.from({ length: 21 }, (_, at) => 250 * at));
    expect(memory.grownMiB).toBeCloseTo(memory.at5000MiB - memory.at1000MiB);
    expect(memory.grownMiB).toBeLessThan(20);
    expect(new Set(memory.samples.slice(1).map(({ tensors }) => tensors)).size).toBe(1);
    expect(stdout).toContain('ratio');
  }, 60_000);

  it('says before it measures that an interpreter does not run, or has no tensorflow', () => {
    const { status, stderr } = bench('--python', join(temporaryFolder(), 'none'));
    expect(status).toBe(2);
    expect(stderr).toContain('ENOENT');
    expect(stderr).not.toContain('step 0');
  });
});

describe('startKeras', () => {
  it('sends ids time-major, labels and lengths of each batch', async () => {
    const shape = classifyShape, items = randomItems(shape, 6, 2, 4, 1);
    const batches = [...batchesOf(shape, items, { lanes: 3, window: 1, epochs: 1, random: null, rowsMax: 100 })];
    const keras = await startKeras(interpreter('const { batches } = message.open; say({ parameters: batches.map(({ ids, labels, lengths, steps, lanes }) => [ids.length === steps * lanes, labels.length, lengths].flat()) });'));
    const { parameters } = await keras.open({ shape, learningRate: 1, normMax: 1, batches });
    expect(parameters).toEqual(batches.map(({ lengths }) => [true, 3, ...lengths]));
    await keras.close();
  });

  it('names the last words of an interpreter that ends', async () => {
    const keras = await startKeras(interpreter('process.stderr.write("first\\nno such layer\\n"); process.exitCode = 1; process.stdin.destroy();'));
    await expect(keras.run()).rejects.toMatchObject({ code: 'usage', details: expect.stringContaining('no such layer') as string });
    await keras.close();
  });
});
