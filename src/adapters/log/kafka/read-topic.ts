/** Reads what a topic holds now, from its beginning, or a time, to the present end of every partition. */
import { randomUUID } from 'node:crypto';
import type { Admin, Kafka } from 'kafkajs';
import type { Delivery, Topic } from '../../../ports.ts';
import { assignerOf } from './assigner.ts';
import { kafkaError } from './kafka-error.ts';
import { deliveryOf } from './member.ts';
import { wakers } from './wakers.ts';

export interface ReadOptions {
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly prefix: string;
  readonly topic: Topic;
  /** Only these partitions; all where left out. */
  readonly partitions?: readonly number[] | undefined;
  /** Only what was appended from this time on, milliseconds since the epoch; all where left out. */
  readonly sinceMs?: number | undefined;
}

const FETCH_MS_MAX = 100;
const SESSION_MS_MAX = 30_000;
const BEAT_MS = 3000;
/** Batches that wait for the reader; more are not fetched. */
const WAITING_MAX = 8;

/** First offset, and the one after the last, of each partition that has anything to read. */
async function spansOf(admin: Admin, name: string, { partitions, sinceMs }: ReadOptions): Promise<Map<number, { readonly first: number; readonly end: number }>> {
  const spans = new Map<number, { readonly first: number; readonly end: number }>();
  try {
    const since = new Map(sinceMs === undefined ? [] : (await admin.fetchTopicOffsetsByTimestamp(name, sinceMs)).map(({ partition, offset }) => [partition, Number(offset)]));
    for (const { partition, high, low } of await admin.fetchTopicOffsets(name)) {
      const first = Math.max(Number(low), since.get(partition) ?? 0), end = Number(high);
      if (end > first && partitions?.includes(partition) !== false) spans.set(partition, { first, end });
    }
  } catch (error) { throw kafkaError(error, `Topic ${name}`); }
  return spans;
}

/**
 * Oldest first in each partition. The client reads only as a member of a group: this one is of a group of its own, which
 * is deleted in the end. Throws broker-unreachable, broker-refused.
 */
export async function* readTopic(options: ReadOptions): AsyncGenerator<Delivery> {
  const { kafka, admin, prefix, topic, sinceMs } = options;
  const name = prefix + topic, groupId = `${prefix}read-${randomUUID()}`;
  const open = await spansOf(admin, name, options);
  if (open.size === 0) return;

  const waiting: Delivery[][] = [];
  let failure: unknown = null, ended = false;
  const { wake, wait } = wakers();
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: FETCH_MS_MAX, sessionTimeout: SESSION_MS_MAX, heartbeatInterval: BEAT_MS, partitionAssigners: [assignerOf(groupId, () => ({}))] });
  consumer.on(consumer.events.CRASH, ({ payload }) => { if (!payload.restart) { failure = payload.error; wake(); } });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [name], fromBeginning: true });
    await consumer.run({
      autoCommit: false, eachBatchAutoResolve: false, partitionsConsumedConcurrently: 16,
      eachBatch: async ({ batch, resolveOffset, heartbeat, isRunning }) => {
        while (waiting.length >= WAITING_MAX && isRunning() && !ended) { await wait(BEAT_MS); await heartbeat(); }
        const span = open.get(batch.partition);
        if (span !== undefined) {
          waiting.push(batch.messages.filter(({ offset }) => Number(offset) >= span.first && Number(offset) < span.end).map((message) => deliveryOf(topic, batch.partition, message)));
          if (Number(batch.lastOffset()) + 1 >= span.end) open.delete(batch.partition);
        }
        resolveOffset(batch.lastOffset());
        wake();
        await heartbeat();
      },
    });
    if (sinceMs !== undefined) for (const [partition, { first }] of open) consumer.seek({ topic: name, partition, offset: String(first) });
    while (open.size > 0 || waiting.length > 0) {
      const deliveries = waiting.shift();
      wake();
      if (deliveries !== undefined) yield* deliveries;
      else if (failure !== null) throw failure;
      else await wait(BEAT_MS);
    }
  } catch (error) {
    throw kafkaError(error, `Topic ${name}`);
  } finally {
    ended = true;
    wake();
    await consumer.disconnect().catch(() => undefined);
    await admin.deleteGroups([groupId]).catch(() => undefined);
  }
}
