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

/** Number of partitions of topics, by name. */
export async function partitionsOf(admin: Admin, names: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [...names] });
  return new Map(topics.map(({ name, partitions }) => [name, partitions.length]));
}

/** Throws topics-unsuitable; what the client throws is passed on. */
export async function createTopics(admin: Admin, options: TopicsOptions): Promise<void> {
  const there = new Set(await admin.listTopics());
  const missing = TOPIC_NAMES.filter((topic) => !there.has(options.prefix + topic));
  // Another process may create them at the same time: then this answers false, and all is well.
  if (missing.length > 0) await admin.createTopics({ waitForLeaders: true, topics: missing.map((topic) => configOf(topic, options)) });
  const counts = await partitionsOf(admin, CO_PARTITIONED.map((topic) => options.prefix + topic));
  if (new Set(counts.values()).size > 1) {
    throw new EspalierError('topics-unsuitable', [...counts].map(([name, count]) => `${name} has ${count} partitions`).join(', '));
  }
  for (const topic of ['evidence', 'journal', 'roster'] as const) {
    const name = options.prefix + topic;
    if (there.has(name) && (await partitionsOf(admin, [name])).get(name) !== 1) throw new EspalierError('topics-unsuitable', `${name} must have one partition, because its order is what it means.`);
  }
}
