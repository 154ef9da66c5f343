import { mkdirSync } from 'node:fs';
import { open, readdir, readFile, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { EspalierError } from '../../errors.ts';
import { removeLeftovers, syncFolder, writeAtomically, type WriteBytes } from '../files/atomic.ts';
import { storageError } from '../files/storage-error.ts';
import { lookAtFrame, scanFrames, type Scan } from './frames.ts';
import { snapshotFrame, type Snapshot } from './payload.ts';

/** Bytes read at once where a value is no longer in memory; the frames behind the wanted one are kept too. */
const READ_AHEAD_BYTES = 256 << 10;

export interface SegmentOptions {
  readonly folder: string;
  readonly cacheBytes: number;
  readonly durable: boolean;
  readonly write: WriteBytes;
}

/** The segment files of a log: append to the newest, read any frame, remove the oldest. */
export interface Segments {
  /** Numbers of the segments, ascending. */
  readonly numbers: readonly number[];
  /** Bytes of all segments, and of the newest one: the position of the next frame. */
  readonly bytes: number;
  readonly end: number;
  /** Reads and checks a whole segment. Throws log-corrupt, save for a torn end of the newest, which is cut off and said. */
  load(number: number): Promise<{ readonly scan: Scan; readonly tornBytes: number }>;
  /** Begins a new segment with a snapshot; the one before is made durable first. */
  begin(snapshot: Snapshot): Promise<void>;
  /** Appends frames at `end`, all or none. Throws storage-full, storage-failed. */
  append(frames: Buffer): Promise<void>;
  /** Remembers a frame that was written just now. */
  remember(segment: number, frame: number, payload: Buffer): void;
  /** The payload of a frame: at once where it is in memory. */
  frame(segment: number, position: number): Buffer | Promise<Buffer>;
  removeOldest(): Promise<number>;
  close(): Promise<void>;
}

export async function openSegments({ folder, cacheBytes, durable, write }: SegmentOptions): Promise<Segments> {
  removeLeftovers(folder);
  const pathOf = (number: number): string => join(folder, `${String(number).padStart(10, '0')}.log`);
  const sizes = new Map<number, number>();
  for (const name of (await readdir(folder)).filter((file) => /^\d{10}\.log$/.test(file)).sort()) {
    sizes.set(parseInt(name, 10), (await stat(join(folder, name))).size);
  }
  const cache = frameCache(cacheBytes);
  let newest = Math.max(-1, ...sizes.keys());
  let file: FileHandle | null = newest < 0 ? null : await open(pathOf(newest), 'r+');
  /** Whether bytes of a failed write may still lie behind the end. */
  let untidy = false;

  async function tidy(): Promise<void> {
    await file!.truncate(sizes.get(newest)!);
    untidy = false;
  }

  async function load(number: number): Promise<{ scan: Scan; tornBytes: number }> {
    const bytes = await readFile(pathOf(number));
    const scan = scanFrames(bytes);
    const tornBytes = bytes.length - scan.end;
    if (scan.damage !== null || scan.frames.length === 0 || (tornBytes > 0 && number !== newest)) {
      throw new EspalierError('log-corrupt', `File: ${pathOf(number)}; ${scan.damage ?? `it ends within a frame at byte ${String(scan.end)}`}`);
    }
    sizes.set(number, scan.end);
    if (tornBytes > 0) await tidy();
    return { scan, tornBytes };
  }

  async function append(frames: Buffer): Promise<void> {
    const end = sizes.get(newest)!;
    try {
      if (untidy) await tidy();
      untidy = true;
      await write(file!, frames, end);
      if (durable) await file!.datasync();
      untidy = false;
      sizes.set(newest, end + frames.length);
    } catch (error) {
      // What cannot be tidied now is tidied before the next write, or cut as a torn end at the next start.
      if (untidy) await tidy().catch(() => undefined);
      throw storageError(error, folder);
    }
  }

  async function begin(snapshot: Snapshot): Promise<void> {
    try {
      if (untidy) await tidy();
      await file?.sync();
      const frame = snapshotFrame(snapshot);
      await writeAtomically(pathOf(newest + 1), frame, write);
      const next = await open(pathOf(newest + 1), 'r+');
      await file?.close();
      file = next;
      newest++;
      sizes.set(newest, frame.length);
    } catch (error) {
      throw storageError(error, folder);
    }
  }

  async function readFrames(segment: number, position: number): Promise<Buffer> {
    const left = sizes.get(segment)! - position;
    let bytes = await readAt(pathOf(segment), position, Math.min(left, READ_AHEAD_BYTES));
    let first = lookAtFrame(bytes, 0);
    if (first.kind === 'cut' && bytes.length < left) {
      bytes = await readAt(pathOf(segment), position, Math.min(left, bytes.length + first.missing));
      first = lookAtFrame(bytes, 0);
    }
    if (first.kind !== 'whole') throw new EspalierError('log-corrupt', `File: ${pathOf(segment)}; frame at byte ${String(position)}`);
    for (let at = 0, look = first; ;) {
      cache.put(segment, position + at, look.payload);
      at = look.end;
      const following = lookAtFrame(bytes, at);
      if (following.kind !== 'whole') return first.payload;
      look = following;
    }
  }

  return {
    get numbers() { return [...sizes.keys()]; },
    get bytes() { return [...sizes.values()].reduce((sum, size) => sum + size, 0); },
    get end() { return sizes.get(newest) ?? 0; },
    load,
    begin,
    append,
    remember: (segment, frame, payload) => { cache.put(segment, frame, payload); },
    frame: (segment, position) => cache.get(segment, position) ?? readFrames(segment, position).catch((error: unknown) => { throw storageError(error, folder); }),
    removeOldest: async () => {
      const oldest = Math.min(...sizes.keys());
      await rm(pathOf(oldest)).catch((error: unknown) => { throw storageError(error, folder); });
      sizes.delete(oldest);
      return oldest;
    },
    close: async () => {
      if (untidy) await tidy().catch(() => undefined);
      await file?.sync();
      await file?.close();
      file = null;
    },
  };
}

/** Makes the folder of a log, durably. Throws storage-full, storage-failed. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    mkdirSync(folder, { recursive: true });
    await syncFolder(folder);
  } catch (error) {
    throw storageError(error, folder);
  }
}

async function readAt(path: string, position: number, length: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const bytes = Buffer.allocUnsafeSlow(length);
    const { bytesRead } = await file.read(bytes, 0, length, position);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** The frames written or read last; the oldest go first when they exceed `bytesMax`. */
function frameCache(bytesMax: number): { put(segment: number, frame: number, payload: Buffer): void; get(segment: number, frame: number): Buffer | undefined } {
  const frames = new Map<number, Buffer>();
  const keyOf = (segment: number, frame: number): number => segment * 2 ** 32 + frame;
  let bytes = 0;
  return {
    put: (segment, frame, payload) => {
      const key = keyOf(segment, frame);
      if (frames.has(key)) return;
      frames.set(key, payload);
      bytes += payload.length;
      for (const [oldest, { length }] of frames) {
        if (bytes <= bytesMax || oldest === key) break;
        frames.delete(oldest);
        bytes -= length;
      }
    },
    get: (segment, frame) => frames.get(keyOf(segment, frame)),
  };
}
