import { assert, EspalierError } from '../../errors.ts';
import type { Clock, Delivery, Log, Topic } from '../../ports.ts';
import { writeBytes, type WriteBytes } from '../files/atomic.ts';
import { storageError } from '../files/storage-error.ts';
import { dispatch, type RecordSource } from './dispatch.ts';
import { HEADER_BYTES } from './frames.ts';
import { groupCommit } from './group-commit.ts';
import { lockFolder } from './lock.ts';
import { readRecord, writeTransaction, type Snapshot, type Transaction } from './payload.ts';
import { makeFolder, openSegments, type Segments } from './segments.ts';
import { recover, type LogState } from './recover.ts';

export interface EmbeddedLogOptions {
  readonly folder: string;
  readonly clock: Clock;
  /** Bytes after which a new segment file begins. */
  readonly segmentBytes?: number;
  /** Bytes of all segments above which the oldest are removed, once every group has settled them. */
  readonly retainBytes?: number;
  /** Bytes of recent frames kept in memory. */
  readonly cacheBytes?: number;
  /** none: what was acknowledged survives the death of the process; always: also a power cut, at one fdatasync a batch. */
  readonly sync?: 'none' | 'always';
  /** How bytes are written, for tests that fill the disk. */
  readonly write?: WriteBytes;
}

export interface EmbeddedLog extends Log {
  /** What was found at the opening; `tornBytes` were cut off the end: a write that was never acknowledged. */
  readonly opened: { readonly segments: number; readonly records: number; readonly tornBytes: number };
}

/**
 * A durable log in a folder of its own, for one process: append-only segment files of checksummed frames. A frame is
 * a whole transaction (records and settled offsets), so a request is settled if and only if its prediction is there.
 * Throws log-locked, log-corrupt, storage-full, storage-failed.
 */
export async function openEmbeddedLog(options: EmbeddedLogOptions): Promise<EmbeddedLog> {
  const { folder, segmentBytes = 64 << 20 } = options;
  assert(segmentBytes <= 2 ** 31, 'segmentBytes is at most 2 GiB: positions are 32 bits, and one batch may exceed it');
  await makeFolder(folder);
  const unlock = lockFolder(folder);
  try {
    const segments = await openSegments({
      folder,
      cacheBytes: options.cacheBytes ?? 16 << 20,
      durable: options.sync === 'always',
      write: options.write ?? writeBytes,
    });
    const { state, records, tornBytes } = await recover(segments);
    const opened = { segments: segments.numbers.length, records, tornBytes };
    return logOf(segments, state, { ...options, segmentBytes, retainBytes: options.retainBytes ?? 2 ** 31 }, opened, unlock);
  } catch (error) {
    unlock();
    throw storageError(error, folder);
  }
}

type Settings = EmbeddedLogOptions & { readonly segmentBytes: number; readonly retainBytes: number };

function logOf(segments: Segments, state: LogState, settings: Settings, opened: EmbeddedLog['opened'], unlock: () => void): EmbeddedLog {
  const source = sourceOf(segments, state);
  const dispatcher = dispatch(source, state.positions);
  const commits = groupCommit(async (transactions, bytes) => {
    if (segments.end + bytes > settings.segmentBytes && segments.end > state.segmentStart) {
      await beginSegment(segments, state);
      await removeSettled(segments, state, settings.retainBytes);
    }
    await write(segments, state, transactions, bytes, settings.clock.now());
    for (const { group, settled } of transactions) dispatcher.settle(group, settled);
    dispatcher.wake();
  });
  let closing: Promise<void> | null = null;

  async function close(): Promise<void> {
    await commits.close();
    dispatcher.close();
    await segments.close().catch((error: unknown) => { throw storageError(error, settings.folder); }).finally(unlock);
  }

  return {
    opened,
    consume: (options) => dispatcher.consume(options),
    read: (topic) => readAll(source, topic),
    append: (records) => commits.submit({ group: '', records, settled: [] }),
    transact: ({ group, records, settled }) => commits.submit({ group, records, settled }),
    close: () => closing ??= close(),
  };
}

/** Writes transactions as one piece; only then are they part of the log. */
async function write(segments: Segments, state: LogState, transactions: readonly Transaction[], bytes: number, timeMs: number): Promise<void> {
  const frames = Buffer.allocUnsafeSlow(bytes);
  const start = segments.end;
  const segment = segments.numbers.at(-1)!;
  const next = new Map<Topic, number>();
  const offsets = (topic: Topic): number => {
    const offset = next.get(topic) ?? state.indexOf(topic).next;
    next.set(topic, offset + 1);
    return offset;
  };
  const written = [];
  for (let at = 0, i = 0; i < transactions.length; i++) {
    const { end, placed } = writeTransaction(frames, at, transactions[i]!, timeMs, offsets);
    written.push({ at, end, placed });
    at = end;
  }
  await segments.append(frames);
  for (const { at, end, placed } of written) {
    for (const record of placed) state.indexOf(record.topic).push({ segment, frame: start + at, record: record.at });
    segments.remember(segment, start + at, frames.subarray(at + HEADER_BYTES, end));
  }
}

async function beginSegment(segments: Segments, state: LogState): Promise<void> {
  const next: Partial<Record<Topic, number>> = {};
  for (const [topic, index] of state.indexes) next[topic] = index.next;
  await segments.begin({ format: 'espalier-log/1', next, positions: state.positions.snapshot() } satisfies Snapshot);
  state.segmentStart = segments.end;
}

/** Removes the oldest segments while there are too many bytes and every group has settled what they hold. */
async function removeSettled(segments: Segments, state: LogState, retainBytes: number): Promise<void> {
  while (segments.bytes > retainBytes && segments.numbers.length > 1) {
    const oldest = segments.numbers[0]!;
    const settled = [...state.indexes].every(([topic, index]) => index.endOf(oldest) <= state.positions.lowestFloor(topic));
    if (!settled) return;
    await segments.removeOldest();
    for (const index of state.indexes.values()) index.drop(oldest);
  }
}

function sourceOf(segments: Segments, state: LogState): RecordSource {
  const deliveryOf = (payload: Buffer, record: number, topic: Topic, offset: number): Delivery => {
    const { key, value, timeMs } = readRecord(payload, record);
    return { topic, partition: 0, offset, key, value, at: timeMs };
  };
  return {
    base: (topic) => state.indexOf(topic).base,
    next: (topic) => state.indexOf(topic).next,
    order: (topic, offset) => {
      const { segment, frame, record } = state.indexOf(topic).find(offset);
      return segment * 2 ** 32 + frame + record;
    },
    fetch: (topic, offset) => {
      const { segment, frame, record } = state.indexOf(topic).find(offset);
      const payload = segments.frame(segment, frame);
      return payload instanceof Promise ? payload.then((read) => deliveryOf(read, record, topic, offset)) : deliveryOf(payload, record, topic, offset);
    },
  };
}

async function* readAll(source: RecordSource, topic: Topic): AsyncGenerator<Delivery> {
  const end = source.next(topic);
  // The base moves when the retention removes the oldest segment on the way.
  for (let offset = source.base(topic); offset < end; offset = Math.max(offset + 1, source.base(topic))) {
    const delivery = await Promise.resolve(source.fetch(topic, offset)).catch((error: unknown) => {
      if (offset < source.base(topic) && error instanceof EspalierError) return null;
      throw error;
    });
    if (delivery !== null) yield delivery;
  }
}
