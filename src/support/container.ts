/**
 * A file of named tensors, the frame of every binary format of the program:
 *
 *   magic, 7 ASCII characters | version, 1 byte | header length, u32 | header, JSON in UTF-8 | zeros to a multiple of 64
 *   | tensors, raw and little-endian, each from a multiple of 64 bytes, zeros between | trailer of the format's choice
 *
 * The header's last field, `tensors`, lists name, dtype, shape, offset (from the first tensor) and bytes of each.
 * There is one way to write a content, and every other is refused: the header must read as JSON.stringify writes it,
 * tensors lie without gaps, padding is zero. Reading copies nothing and believes no number before it is checked.
 */
import type { ErrorCode } from '../errors.ts';
import { EspalierError } from '../errors.ts';
import type { Refuse } from './fields.ts';
import { choiceOf, integerOf, listOf, recordOf, textOf } from './fields.ts';

/** Bits are packed from the lowest of each byte, spare bits zero. */
export type Dtype = 'f32' | 'f64' | 'i32' | 'bits';

export interface Tensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Little-endian bytes. */
  readonly data: Uint8Array;
}

export interface ContainerFormat {
  /** 7 ASCII characters. */
  readonly magic: string;
  /** 1 to 255. */
  readonly version: number;
  /** Bytes after the last tensor. */
  readonly trailerBytes: number;
  readonly truncated: ErrorCode;
  readonly tooLarge: ErrorCode;
  readonly invalid: ErrorCode;
}

export interface ContainerLimits {
  readonly bytesMax: number;
  readonly headerBytesMax: number;
  readonly tensorsMax: number;
}

export interface Container {
  /** The header without its tensors; unchecked. */
  readonly header: Readonly<Record<string, unknown>>;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

const ALIGN = 64;
const PREFIX_BYTES = 12;
const BITS: Readonly<Record<Dtype, number>> = { f32: 32, f64: 64, i32: 32, bits: 1 };

const aligned = (at: number): number => Math.ceil(at / ALIGN) * ALIGN;

/** Bytes of a tensor; not finite or too large where the shape is absurd. */
export const bytesOf = (dtype: Dtype, shape: readonly number[]): number =>
  Math.ceil(shape.reduce((product, side) => product * side, 1) * BITS[dtype] / 8);

/** The file without the content of its trailer, which is left zero for the caller to fill. */
export function writeContainer(format: ContainerFormat, header: Readonly<Record<string, unknown>>, tensors: readonly Tensor[]): Uint8Array<ArrayBuffer> {
  let end = 0;
  const entries = tensors.map(({ name, dtype, shape, data }) => {
    const offset = aligned(end);
    end = offset + data.length;
    return { name, dtype, shape, offset, bytes: data.length };
  });
  const text = new TextEncoder().encode(JSON.stringify({ ...header, tensors: entries }));
  const dataAt = aligned(PREFIX_BYTES + text.length);
  const file = new Uint8Array(dataAt + aligned(end) + format.trailerBytes);
  file.set(new TextEncoder().encode(format.magic));
  file[7] = format.version;
  new DataView(file.buffer).setUint32(8, text.length, true);
  file.set(text, PREFIX_BYTES);
  tensors.forEach((tensor, at) => file.set(tensor.data, dataAt + entries[at]!.offset));
  return file;
}

interface Head {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly tensors: readonly (Omit<Tensor, 'data'> & { readonly offset: number; readonly bytes: number })[];
  readonly dataAt: number;
  /** What the whole file must measure. */
  readonly fileBytes: number;
}

/** The number of bytes that a file must have by its own header. Throws the format's codes. */
export const fileBytesOf = (format: ContainerFormat, file: Uint8Array, limits: ContainerLimits): number => readHead(format, file, limits).fileBytes;

/** The content of a file, its tensors as views of the file's bytes. Throws the format's codes. */
export function readContainer(format: ContainerFormat, file: Uint8Array, limits: ContainerLimits): Container {
  const head = readHead(format, file, limits);
  const refuse = refusal(format.invalid);
  if (file.length < head.fileBytes) throw new EspalierError(format.truncated, `${file.length} of ${head.fileBytes} bytes.`);
  if (file.length > head.fileBytes) refuse(`${file.length - head.fileBytes} bytes follow after the end`);
  const tensors = new Map<string, Tensor>();
  let end = head.dataAt;
  for (const { name, dtype, shape, offset, bytes } of head.tensors) {
    const from = head.dataAt + offset;
    checkZeros(file, end, from, refuse);
    end = from + bytes;
    tensors.set(name, { name, dtype, shape, data: file.subarray(from, end) });
  }
  checkZeros(file, end, head.fileBytes - format.trailerBytes, refuse);
  return { header: head.fields, tensors };
}

function readHead(format: ContainerFormat, file: Uint8Array, limits: ContainerLimits): Head {
  const refuse = refusal(format.invalid);
  if (file.length > limits.bytesMax) throw new EspalierError(format.tooLarge, `${file.length} bytes, at most ${limits.bytesMax} are allowed.`);
  for (let at = 0; at < Math.min(7, file.length); at++) {
    if (file[at] !== format.magic.charCodeAt(at)) refuse(`it does not begin with ${format.magic}`);
  }
  if (file.length < PREFIX_BYTES) throw new EspalierError(format.truncated, `${file.length} bytes are no header.`);
  if (file[7] !== format.version) refuse(`format version ${file[7]}, this program reads ${format.version}`);
  const headerBytes = new DataView(file.buffer, file.byteOffset, file.length).getUint32(8, true);
  if (headerBytes > limits.headerBytesMax) throw new EspalierError(format.tooLarge, `A header of ${headerBytes} bytes, at most ${limits.headerBytesMax} are allowed.`);
  const headerEnd = PREFIX_BYTES + headerBytes;
  if (file.length < headerEnd) throw new EspalierError(format.truncated, 'It ends within the header.');
  const { tensors: list, ...fields } = parseCanonical(file.subarray(PREFIX_BYTES, headerEnd), refuse);
  const dataAt = aligned(headerEnd);
  if (file.length >= dataAt) checkZeros(file, headerEnd, dataAt, refuse);
  const tensors = checkTensors(list, limits.tensorsMax, refuse);
  const last = tensors.at(-1);
  return { fields, tensors, dataAt, fileBytes: dataAt + aligned(last === undefined ? 0 : last.offset + last.bytes) + format.trailerBytes };
}

function parseCanonical(bytes: Uint8Array, refuse: Refuse): Readonly<Record<string, unknown>> {
  let value: unknown, canonical: boolean;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
    canonical = JSON.stringify(value) === text;
  } catch {
    return refuse('the header is not JSON in UTF-8');
  }
  if (!canonical) return refuse('the header is not in canonical form');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse('the header is not an object');
  if (Object.hasOwn(value, '__proto__')) return refuse('the header has the unknown field "__proto__"');
  return value as Readonly<Record<string, unknown>>;
}

function checkTensors(list: unknown, tensorsMax: number, refuse: Refuse): Head['tensors'] {
  const names = new Set<string>();
  let end = 0;
  return listOf(list, tensorsMax, 'tensors', refuse).map((item, at) => {
    const where = `tensors[${at}]`;
    const entry = recordOf(item, ['name', 'dtype', 'shape', 'offset', 'bytes'], where, refuse);
    const name = textOf(entry.name, 100, `${where}.name`, refuse);
    if (names.has(name)) refuse(`the tensor ${name} is listed twice`);
    names.add(name);
    const dtype = choiceOf(entry.dtype, ['f32', 'f64', 'i32', 'bits'], `${where}.dtype`, refuse);
    const shape = listOf(entry.shape, 4, `${where}.shape`, refuse).map((side) => integerOf(side, 0, 2 ** 40, `${where}.shape`, refuse));
    const bytes = integerOf(entry.bytes, 0, 2 ** 40, `${where}.bytes`, refuse);
    if (bytes !== bytesOf(dtype, shape)) refuse(`${name} has ${bytes} bytes, its shape needs ${bytesOf(dtype, shape)}`);
    const offset = integerOf(entry.offset, aligned(end), aligned(end), `${where}.offset`, refuse);
    end = offset + bytes;
    return { name, dtype, shape, offset, bytes };
  });
}

function checkZeros(file: Uint8Array, from: number, to: number, refuse: Refuse): void {
  for (let at = from; at < to; at++) if (file[at] !== 0) refuse(`the padding at byte ${at} is not zero`);
}

export function refusal(code: ErrorCode): Refuse {
  return (what) => { throw new EspalierError(code, `${what.charAt(0).toUpperCase()}${what.slice(1)}.`); };
}

/** The data of the tensor of this name; refused where it is not of this dtype and shape. */
export function tensorData(container: Container, name: string, dtype: Dtype, shape: readonly number[], refuse: Refuse): Uint8Array {
  const tensor = container.tensors.get(name);
  if (tensor === undefined) return refuse(`the tensor ${name} is missing`);
  if (tensor.dtype !== dtype || tensor.shape.length !== shape.length || tensor.shape.some((side, at) => side !== shape[at])) {
    return refuse(`${name} is ${tensor.dtype} [${tensor.shape.join(', ')}], ${dtype} [${shape.join(', ')}] was expected`);
  }
  return tensor.data;
}
