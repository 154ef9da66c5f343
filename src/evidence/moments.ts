/** Second moments of live activity. See `accumulate` and `mergeMoments`. */
import type { ModelId } from '../model/model.ts';
import { bytesOfNumbers, float64Of } from '../support/bytes.ts';
import type { ContainerFormat, ContainerLimits } from '../support/container.ts';
import { readContainer, refusal, tensorData, writeContainer } from '../support/container.ts';
import { integerOf, recordOf, textOf } from '../support/fields.ts';

/**
 * Sums over sampled steps of a aᵀ, a = [x(t); h(t−1); 1] in the order of the kernel's rows, then the constant.
 * The means are the last row, so they need no array of their own.
 */
export interface Moments {
  readonly model: ModelId;
  readonly layer: number;
  /** inputs + units + 1 */
  readonly size: number;
  /** Number of sampled vectors. */
  readonly vectors: number;
  /** Σ a aᵀ, packed upper triangle by rows: [size · (size + 1) / 2], float64. */
  readonly second: Float64Array;
}

/** Moments that are being collected: the engine's `gram` adds to `second`, its caller the rows to `vectors`. */
export interface MomentsAccumulator extends Omit<Moments, 'vectors'> {
  vectors: number;
}

export const packedLength = (size: number): number => size * (size + 1) / 2;

/** Nothing collected yet; the zero of `mergeMoments`. */
export const emptyMoments = (model: ModelId, layer: number, size: number): MomentsAccumulator =>
  ({ model, layer, size, vectors: 0, second: new Float64Array(packedLength(size)) });

/** A report that later collecting does not change. */
export const snapshot = ({ model, layer, size, vectors, second }: MomentsAccumulator): Moments =>
  ({ model, layer, size, vectors, second: Float64Array.from(second) });

/** Σ a_row a_column. */
export function momentAt({ second, size }: Moments, row: number, column: number): number {
  const low = Math.min(row, column), high = Math.max(row, column);
  return second[low * size - low * (low - 1) / 2 + high - low]!;
}

/**
 * Adds vectors [rows, columns], row-major, columns = size − 1, to the accumulator, and returns it: the reference in
 * float64 for `Engine.gram`. Throws evidence-invalid where the sizes do not fit.
 */
export function accumulate(moments: MomentsAccumulator, values: Float32Array, rows: number, columns: number): MomentsAccumulator {
  const { size, second } = moments;
  if (columns !== size - 1 || values.length !== rows * columns) refuse(`vectors of ${columns} do not fit moments of ${size}`);
  const vector = new Float64Array(size);
  vector[columns] = 1;
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < columns; i++) vector[i] = values[row * columns + i]!;
    let cell = 0;
    for (let i = 0; i < size; i++) {
      const left = vector[i]!;
      if (left === 0) cell += size - i;
      else for (let j = i; j < size; j++) second[cell++]! += left * vector[j]!;
    }
  }
  moments.vectors += rows;
  return moments;
}

/** The sum of two reports: commutative, and associative up to rounding. Throws evidence-invalid where model, layer or size differ. */
export function mergeMoments(a: Moments, b: Moments): Moments {
  if (a.model !== b.model || a.layer !== b.layer || a.size !== b.size) {
    refuse(`moments of ${a.model.slice(0, 12)} layer ${a.layer} [${a.size}] and of ${b.model.slice(0, 12)} layer ${b.layer} [${b.size}] do not add up`);
  }
  return { ...a, vectors: a.vectors + b.vectors, second: a.second.map((sum, cell) => sum + b.second[cell]!) };
}

/** G = E[a aᵀ], row-major [size, size], both triangles. Throws evidence-invalid where nothing was collected. */
export function dense({ size, vectors, second }: Moments): Float64Array {
  if (vectors === 0) refuse('there are no vectors');
  const full = new Float64Array(size * size);
  let cell = 0;
  for (let i = 0; i < size; i++) {
    for (let j = i; j < size; j++) full[i * size + j] = full[j * size + i] = second[cell++]! / vectors;
  }
  return full;
}

/** E[a], [size]; the last is 1. Throws evidence-invalid where nothing was collected. */
export function means(moments: Moments): Float64Array {
  if (moments.vectors === 0) refuse('there are no vectors');
  return Float64Array.from({ length: moments.size }, (_, k) => momentAt(moments, k, moments.size - 1) / moments.vectors);
}

const FORMAT: ContainerFormat = {
  magic: 'ESPMOMT', version: 1, trailerBytes: 0,
  truncated: 'evidence-invalid', tooLarge: 'evidence-invalid', invalid: 'evidence-invalid',
};
const refuse: (what: string) => never = refusal('evidence-invalid');

/** Moments of some 5,000 sources fit. */
export const MOMENTS_LIMITS: ContainerLimits = { bytesMax: 128 * 2 ** 20, headerBytesMax: 65_536, tensorsMax: 1 };

/** As bytes for the vault, whose name for them is their checksum. */
export const encodeMoments = ({ model, layer, size, vectors, second }: Moments): Uint8Array<ArrayBuffer> =>
  writeContainer(FORMAT, { model, layer, size, vectors }, [{ name: 'second', dtype: 'f64', shape: [packedLength(size)], data: bytesOfNumbers(second) }]);

/** Throws evidence-invalid for whatever is not moments as `encodeMoments` writes them. */
export function decodeMoments(bytes: Uint8Array, limits: ContainerLimits = MOMENTS_LIMITS): Moments {
  const container = readContainer(FORMAT, bytes, limits);
  const fields = recordOf(container.header, ['model', 'layer', 'size', 'vectors'], 'the header', refuse);
  const model = textOf(fields.model, 64, 'model', refuse);
  const layer = integerOf(fields.layer, 0, 63, 'layer', refuse);
  const size = integerOf(fields.size, 1, 2 ** 20, 'size', refuse);
  const vectors = integerOf(fields.vectors, 0, Number.MAX_SAFE_INTEGER, 'vectors', refuse);
  const second = float64Of(tensorData(container, 'second', 'f64', [packedLength(size)], refuse));
  const moments = { model, layer, size, vectors, second };
  if (second.some((sum) => !Number.isFinite(sum))) refuse('a second moment is not finite');
  for (let k = 0; k < size; k++) if (momentAt(moments, k, k) < 0) refuse('a square is negative');
  if (momentAt(moments, size - 1, size - 1) !== vectors) refuse('the constant was not counted once for each vector');
  return moments;
}
