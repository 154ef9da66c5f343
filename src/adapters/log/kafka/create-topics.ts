/** Creates the topics of the table that are missing, and checks that those that are there fit together. */
import type { Admin, ITopicConfig } from 'kafkajs';
import { EspalierError } from '../../../errors.ts';
import type { Topic } from '../../../ports.ts';
import { CO_PARTITIONED, JOBS_PARTITIONS, TOPICS, TOPIC_NAMES } from '../topics.ts';

export interface TopicsOptions {
  readonly prefix: string;
  /** Partitions of the topics of traffic. */
  readonly partitions: number;
  /** 0 leaves it to the broker. */
  readonly replication: number;
}

function configOf(topic: Topic, { prefix, partitions, replication }: TopicsOptions): ITopicConfig {
  const plan = TOPICS[topic];
  const entries: { name: string; value: string }[] = [{ name: 'cleanup.policy', value: plan.kept }];
  if (plan.keepMs !== null) entries.push({ name: 'retention.ms', value: String(plan.keepMs) });
  return {
    topic: prefix + topic,
    numPartitions: plan.partitions === 'one' ? 1 : plan.partitions === 'jobs' ? JOBS_PARTITIONS : partitions,
    replicationFactor: replication === 0 ? -1 : replication,
    configEntries: entries,
  };
}

/** A topic that was just made is not known to every broker at once. */
const KNOWN_MS_MAX = 15_000;
const LOOK_AGAIN_MS = 100;

/** Does it again while the client says that it may succeed later. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (const end = Date.now() + KNOWN_MS_MAX; ;) {
    try { return await work(); } catch (error) {
      if ((error as { readonly retriable?: boolean }).retriable !== true || Date.now() > end) throw error;
      await new Promise((resolve) => { setTimeout(resolve, LOOK_AGAIN_MS); });
    }
  }
}

/** Number of partitions of topics, by name. */
async function partitionsOf(admin: Admin, names: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const { topics } = await patiently(() => admin.fetchTopicMetadata({ topics: [...names] }));
  return new Map(topics.map(({ name, partitions }) => [name, partitions.length]));
}

/** Throws topics-unsuitable; what the client throws is passed on. */
export async function createTopics(admin: Admin, options: TopicsOptions): Promise<void> {
  const there = new Set(await admin.listTopics());
  const missing = TOPIC_NAMES.filter((topic) => !there.has(options.prefix + topic));
  // Another process may create them at the same time, or the first call may have: then this answers false, and all is well.
  if (missing.length > 0) await patiently(() => admin.createTopics({ waitForLeaders: true, topics: missing.map((topic) => configOf(topic, options)) }));
  // Every topic is known with a leader before anyone appends to it or reads it.
  await partitionsOf(admin, TOPIC_NAMES.map((topic) => options.prefix + topic));
  const counts = await partitionsOf(admin, CO_PARTITIONED.map((topic) => options.prefix + topic));
  if (new Set(counts.values()).size > 1) {
    throw new EspalierError('topics-unsuitable', [...counts].map(([name, count]) => `${name} has ${count} partitions`).join(', '));
  }
  for (const topic of ['evidence', 'journal', 'roster'] as const) {
    const name = options.prefix + topic;
    if (there.has(name) && (await partitionsOf(admin, [name])).get(name) !== 1) throw new EspalierError('topics-unsuitable', `${name} must have one partition, because its order is what it means.`);
  }
}
