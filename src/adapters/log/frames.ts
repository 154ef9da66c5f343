/**
 * Frames, the unit in which the log is written and read: [length u32, CRC-32 of the payload u32, CRC-32 of those eight
 * bytes u32, payload], little-endian. The header has a checksum of its own, since a damaged length would otherwise
 * look like a frame that the death of the process cut off, and everything after it would be cut away as well.
 */
import { crc32 } from 'node:zlib';

export const HEADER_BYTES = 12;

/** Writes the header of the frame whose payload is at `position + HEADER_BYTES`, [length]. */
export function sealFrame(bytes: Buffer, position: number, length: number): void {
  const start = position + HEADER_BYTES;
  bytes.writeUInt32LE(length, position);
  bytes.writeUInt32LE(crc32(bytes.subarray(start, start + length)), position + 4);
  bytes.writeUInt32LE(crc32(bytes.subarray(position, position + 8)), position + 8);
}

export type FrameLook =
  | { readonly kind: 'whole'; readonly payload: Buffer; readonly end: number }
  /** The bytes end before the frame does. `missing` bytes would complete it, or its header where that is cut. */
  | { readonly kind: 'cut'; readonly missing: number }
  | { readonly kind: 'damaged'; readonly what: string };

/** Looks at the frame at a position of the bytes. */
export function lookAtFrame(bytes: Buffer, position: number): FrameLook {
  const left = bytes.length - position;
  if (left < HEADER_BYTES) return { kind: 'cut', missing: HEADER_BYTES - left };
  if (crc32(bytes.subarray(position, position + 8)) !== bytes.readUInt32LE(position + 8)) return { kind: 'damaged', what: 'header' };
  const length = bytes.readUInt32LE(position);
  const start = position + HEADER_BYTES;
  if (left < HEADER_BYTES + length) return { kind: 'cut', missing: HEADER_BYTES + length - left };
  const payload = bytes.subarray(start, start + length);
  if (crc32(payload) !== bytes.readUInt32LE(position + 4)) return { kind: 'damaged', what: 'payload' };
  return { kind: 'whole', payload, end: start + length };
}

export interface Scan {
  readonly frames: readonly { readonly position: number; readonly payload: Buffer }[];
  /** Where the whole frames end; below the length of the bytes only where the last one is torn. */
  readonly end: number;
  /** What is damaged before the end, and so no torn write; null where all is well. */
  readonly damage: string | null;
}

/**
 * All frames of a segment. A process that dies while it writes leaves a prefix of the last write; a power cut may
 * leave zeros in its place, or the last frame in full length with blocks missing: all three are a torn end.
 */
export function scanFrames(bytes: Buffer): Scan {
  const frames: { position: number; payload: Buffer }[] = [];
  let position = 0;
  while (position < bytes.length) {
    const look = lookAtFrame(bytes, position);
    if (look.kind === 'cut') break;
    if (look.kind === 'damaged') {
      const last = look.what === 'payload' && position + HEADER_BYTES + bytes.readUInt32LE(position) === bytes.length;
      const damage = last || isZero(bytes.subarray(position)) ? null : `${look.what} of the frame at byte ${String(position)}`;
      return { frames, end: position, damage };
    }
    frames.push({ position, payload: look.payload });
    position = look.end;
  }
  return { frames, end: position, damage: null };
}

const isZero = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0);
