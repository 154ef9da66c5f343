/** Numbers to little-endian bytes and back, on hosts of either byte order. Always copies. */

const HOST_IS_LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

export function bytesOfNumbers(numbers: Float32Array | Float64Array | Int32Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(numbers.byteLength);
  bytes.set(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
  return HOST_IS_LITTLE ? bytes : reverseEach(bytes, numbers.BYTES_PER_ELEMENT);
}

const bufferOf = (bytes: Uint8Array, width: number): ArrayBuffer => {
  const copy = Uint8Array.from(bytes);
  return HOST_IS_LITTLE ? copy.buffer : reverseEach(copy, width).buffer;
};

export const float32Of = (bytes: Uint8Array): Float32Array<ArrayBuffer> => new Float32Array(bufferOf(bytes, 4));
export const float64Of = (bytes: Uint8Array): Float64Array<ArrayBuffer> => new Float64Array(bufferOf(bytes, 8));
export const int32Of = (bytes: Uint8Array): Int32Array<ArrayBuffer> => new Int32Array(bufferOf(bytes, 4));

/** Reverses each group of `width` bytes in place. */
export function reverseEach<B extends Uint8Array>(bytes: B, width: number): B {
  for (let at = 0; at < bytes.length; at += width) bytes.subarray(at, at + width).reverse();
  return bytes;
}

/** Zeros and ones packed into bits, the first in the lowest bit: [ceil(length / 8)]. */
export function bitsOf(flags: Uint8Array): Uint8Array<ArrayBuffer> {
  const bits = new Uint8Array(Math.ceil(flags.length / 8));
  for (let at = 0; at < flags.length; at++) bits[at >> 3]! |= (flags[at]! & 1) << (at & 7);
  return bits;
}

/** The inverse of `bitsOf`; null where a spare bit is set. */
export function flagsOf(bits: Uint8Array, length: number): Uint8Array<ArrayBuffer> | null {
  const flags = new Uint8Array(length);
  for (let at = 0; at < length; at++) flags[at] = (bits[at >> 3]! >> (at & 7)) & 1;
  const spare = length % 8;
  return spare !== 0 && bits.at(-1)! >> spare !== 0 ? null : flags;
}
