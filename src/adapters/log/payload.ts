/**
 * What the frames hold. A transaction: [1 u8, time f64, name of the group (u16, bytes), settled (u32, of topic u8 and
 * offset f64), records (u32, of topic u8, offset f64, length of key u32, of value u32, key, value)], little-endian.
 * A snapshot, the first frame of each segment: [2 u8, JSON], so that older segments can be removed.
 */
import type { LogRecord, Topic } from '../../ports.ts';
import { HEADER_BYTES, sealFrame } from './frames.ts';
import type { PositionsSnapshot } from './positions.ts';

/** Numbers of the topics in the files: only ever append here. */
const TOPICS = ['requests', 'labels', 'predictions', 'refused', 'states', 'evidence', 'jobs', 'journal', 'roster'] as const satisfies readonly Topic[];
const NUMBERS = new Map<Topic, number>(TOPICS.map((topic, i) => [topic, i]));
const TRANSACTION = 1;
const SNAPSHOT = 2;
const TRANSACTION_HEAD = 1 + 8 + 2 + 4 + 4;
const SETTLED_BYTES = 9;
const RECORD_HEAD = 17;

export interface Settled { readonly topic: Topic; readonly offset: number }

export interface Transaction {
  /** Empty where nothing is settled. */
  readonly group: string;
  readonly records: readonly LogRecord[];
  readonly settled: readonly Settled[];
}

/** Where a record lies; `at` is its byte position within the payload. */
export interface PlacedRecord { readonly topic: Topic; readonly offset: number; readonly at: number }

export interface DecodedTransaction {
  readonly group: string;
  readonly settled: readonly Settled[];
  readonly records: readonly PlacedRecord[];
}

/** Bytes of the frame of a transaction, header included. */
export function frameBytes({ group, records, settled }: Transaction): number {
  let bytes = HEADER_BYTES + TRANSACTION_HEAD + Buffer.byteLength(group) + settled.length * SETTLED_BYTES;
  for (const { key, value } of records) bytes += RECORD_HEAD + Buffer.byteLength(key) + value.length;
  return bytes;
}

/**
 * Writes the frame of a transaction into `into`, where `frameBytes` are free from `position`.
 * @param timeMs time of the append, milliseconds since the epoch
 * @param offsets called once for each record, in order: the offset it gets
 */
export function writeTransaction(into: Buffer, position: number, transaction: Transaction, timeMs: number, offsets: (topic: Topic) => number): { readonly end: number; readonly placed: readonly PlacedRecord[] } {
  const start = position + HEADER_BYTES;
  let at = into.writeUInt8(TRANSACTION, start);
  at = into.writeDoubleLE(timeMs, at);
  const groupBytes = into.write(transaction.group, at + 2);
  at = into.writeUInt16LE(groupBytes, at) + groupBytes;
  at = into.writeUInt32LE(transaction.settled.length, at);
  for (const { topic, offset } of transaction.settled) {
    at = into.writeUInt8(NUMBERS.get(topic)!, at);
    at = into.writeDoubleLE(offset, at);
  }
  at = into.writeUInt32LE(transaction.records.length, at);
  const placed: PlacedRecord[] = [];
  for (const { topic, key, value } of transaction.records) {
    const offset = offsets(topic);
    placed.push({ topic, offset, at: at - start });
    into.writeUInt8(NUMBERS.get(topic)!, at);
    into.writeDoubleLE(offset, at + 1);
    const keyBytes = into.write(key, at + RECORD_HEAD);
    into.writeUInt32LE(keyBytes, at + 9);
    into.writeUInt32LE(value.length, at + 13);
    at += RECORD_HEAD + keyBytes;
    into.set(value, at);
    at += value.length;
  }
  sealFrame(into, position, at - start);
  return { end: at, placed };
}

/** Reads what is settled and where the records lie; null where the payload is no transaction. */
export function readTransaction(payload: Buffer): DecodedTransaction | null {
  if (payload[0] !== TRANSACTION) return null;
  let at = 9;
  const groupBytes = payload.readUInt16LE(at);
  const group = payload.toString('utf8', at + 2, at + 2 + groupBytes);
  at += 2 + groupBytes;
  const settled: Settled[] = [];
  const settledCount = payload.readUInt32LE(at);
  at += 4;
  for (let i = 0; i < settledCount; i++, at += SETTLED_BYTES) settled.push({ topic: TOPICS[payload[at]!]!, offset: payload.readDoubleLE(at + 1) });
  const records: PlacedRecord[] = [];
  const recordCount = payload.readUInt32LE(at);
  at += 4;
  for (let i = 0; i < recordCount; i++) {
    records.push({ topic: TOPICS[payload[at]!]!, offset: payload.readDoubleLE(at + 1), at });
    at += RECORD_HEAD + payload.readUInt32LE(at + 9) + payload.readUInt32LE(at + 13);
  }
  return { group, settled, records };
}

/** Reads the record at a byte position of a payload. The value is a view of the payload, not a copy. */
export function readRecord(payload: Buffer, at: number): { readonly key: string; readonly value: Uint8Array; readonly timeMs: number } {
  const keyEnd = at + RECORD_HEAD + payload.readUInt32LE(at + 9);
  return {
    key: payload.toString('utf8', at + RECORD_HEAD, keyEnd),
    value: new Uint8Array(payload.buffer, payload.byteOffset + keyEnd, payload.readUInt32LE(at + 13)),
    timeMs: payload.readDoubleLE(1),
  };
}

/** State of the log at the start of a segment. */
export interface Snapshot {
  readonly format: 'espalier-log/1';
  /** The offset that the next record of each topic gets; 0 where a topic is not named. */
  readonly next: Readonly<Partial<Record<Topic, number>>>;
  readonly positions: PositionsSnapshot;
}

export function snapshotFrame(snapshot: Snapshot): Buffer {
  const json = Buffer.from(JSON.stringify(snapshot));
  const frame = Buffer.alloc(HEADER_BYTES + 1 + json.length);
  frame[HEADER_BYTES] = SNAPSHOT;
  frame.set(json, HEADER_BYTES + 1);
  sealFrame(frame, 0, 1 + json.length);
  return frame;
}

/** Reads a snapshot; null where the payload is none of this format. */
export function readSnapshot(payload: Buffer): Snapshot | null {
  if (payload[0] !== SNAPSHOT) return null;
  const snapshot = JSON.parse(payload.toString('utf8', 1)) as Snapshot;
  return (snapshot.format as string) === 'espalier-log/1' ? snapshot : null;
}
