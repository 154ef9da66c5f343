/** Reads what a topic holds now, from its beginning to the present end of every partition. */
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
}

const FETCH_MS_MAX = 100;
const SESSION_MS_MAX = 30_000;
const BEAT_MS = 3000;
/** Batches that wait for the reader; more are not fetched. */
const WAITING_MAX = 8;

/**
 * Oldest first in each partition. The client reads only as a member of a group: this one is of a group of its own, which
 * is deleted in the end. Throws broker-unreachable, broker-refused.
 */
export async function* readTopic({ kafka, admin, prefix, topic, partitions }: ReadOptions): AsyncGenerator<Delivery> {
  const name = prefix + topic, groupId = `${prefix}read-${randomUUID()}`;
  const ends = new Map<number, number>();
  try {
    for (const { partition, high, low } of await admin.fetchTopicOffsets(name)) {
      if (Number(high) > Number(low) && partitions?.includes(partition) !== false) ends.set(partition, Number(high));
    }
  } catch (error) { throw kafkaError(error, `Topic ${name}`); }
  if (ends.size === 0) return;

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
        const end = ends.get(batch.partition);
        if (end !== undefined) {
          waiting.push(batch.messages.filter(({ offset }) => Number(offset) < end).map((message) => deliveryOf(topic, batch.partition, message)));
          if (Number(batch.lastOffset()) + 1 >= end) ends.delete(batch.partition);
        }
        resolveOffset(batch.lastOffset());
        wake();
        await heartbeat();
      },
    });
    while (ends.size > 0 || waiting.length > 0) {
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
