import { EspalierError } from '../../errors.ts';
import type { Topic } from '../../ports.ts';
import { readSnapshot, readTransaction, type Snapshot } from './payload.ts';
import { positionsFrom, type Positions } from './positions.ts';
import type { Segments } from './segments.ts';
import { topicIndex, type TopicIndex } from './topic-index.ts';

/** What a log knows in memory: where the records lie, and what is settled. */
export interface LogState {
  readonly indexes: ReadonlyMap<Topic, TopicIndex>;
  readonly positions: Positions;
  indexOf(topic: Topic): TopicIndex;
  /** Byte position in the newest segment of its first transaction. */
  segmentStart: number;
}

function logState(snapshot: Snapshot): LogState {
  const indexes = new Map<Topic, TopicIndex>();
  const indexOf = (topic: Topic): TopicIndex => {
    let index = indexes.get(topic);
    if (index === undefined) indexes.set(topic, index = topicIndex(snapshot.next[topic] ?? 0));
    return index;
  };
  for (const topic of Object.keys(snapshot.next)) indexOf(topic as Topic);
  return { indexes, indexOf, positions: positionsFrom(snapshot.positions), segmentStart: 0 };
}

/** Reads all segments into a state. Throws log-corrupt for damage, a missing segment, or a foreign format. */
export async function recover(segments: Segments): Promise<{ readonly state: LogState; readonly records: number; readonly tornBytes: number }> {
  const empty: Snapshot = { format: 'espalier-log/1', next: {}, positions: {} };
  if (segments.numbers.length === 0) await segments.begin(empty);
  let state: LogState | null = null;
  let records = 0;
  let tornBytes = 0;
  let before = segments.numbers[0]! - 1;
  for (const number of segments.numbers) {
    if (number !== before + 1) throw corrupt(number, `segment ${String(before + 1)} is missing`);
    before = number;
    const loaded = await segments.load(number);
    const [first, ...frames] = loaded.scan.frames;
    const snapshot = first === undefined ? null : readSnapshot(first.payload);
    if (snapshot === null) throw corrupt(number, 'it does not begin with a snapshot of this format');
    state ??= logState(snapshot);
    state.segmentStart = frames[0]?.position ?? segments.end;
    for (const { position, payload } of frames) records += replay(state, number, position, payload);
    tornBytes += loaded.tornBytes;
  }
  for (const [topic, index] of state!.indexes) state!.positions.raise(topic, index.base);
  return { state: state!, records, tornBytes };
}

/** Applies the frame of a transaction. Returns the number of its records. */
function replay(state: LogState, segment: number, frame: number, payload: Buffer): number {
  const transaction = readTransaction(payload);
  if (transaction === null) throw corrupt(segment, `frame at byte ${String(frame)} is no transaction`);
  for (const { topic, offset, at } of transaction.records) {
    const index = state.indexOf(topic);
    if (offset !== index.next) throw corrupt(segment, `record ${String(offset)} of ${topic} follows ${String(index.next - 1)}`);
    index.push({ segment, frame, record: at });
  }
  for (const { topic, offset } of transaction.settled) state.positions.settle(transaction.group, topic, offset);
  return transaction.records.length;
}

const corrupt = (segment: number, what: string): EspalierError => new EspalierError('log-corrupt', `Segment ${String(segment)}: ${what}`);
