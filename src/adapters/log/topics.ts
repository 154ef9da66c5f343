/** The topics as one table: how many partitions each has, what is kept of it, and for how long. */
import type { Topic } from '../../ports.ts';

export interface TopicPlan {
  /** traffic: as many as the settings say, the same for all of these, so that a session is in one partition number everywhere. */
  readonly partitions: 'traffic' | 'jobs' | 'one';
  /** compact: the last record of each key; delete: everything, for `keepMs`. */
  readonly kept: 'compact' | 'delete';
  /** Milliseconds; null leaves it to the broker, −1 is for ever. */
  readonly keepMs: number | null;
  /**
   * What stays with its member when others come and go. busy: a partition of which a record is being worked on, for work
   * that takes long; held: every partition, for a member that must not be replaced while it lives.
   */
  readonly stays: 'none' | 'busy' | 'held';
}

const DAY_MS = 86_400_000;
const FOR_EVER = -1;

const plan = (partitions: TopicPlan['partitions'], kept: TopicPlan['kept'], keepMs: number | null, stays: TopicPlan['stays'] = 'none'): TopicPlan => ({ partitions, kept, keepMs, stays });

export const TOPICS: Readonly<Record<Topic, TopicPlan>> = {
  requests: plan('traffic', 'delete', null),
  labels: plan('traffic', 'delete', null),
  predictions: plan('traffic', 'delete', null),
  refused: plan('traffic', 'delete', null),
  states: plan('traffic', 'compact', null),
  evidence: plan('one', 'delete', DAY_MS, 'held'),
  jobs: plan('jobs', 'delete', 7 * DAY_MS, 'busy'),
  journal: plan('one', 'delete', FOR_EVER),
  roster: plan('one', 'compact', null),
};

export const TOPIC_NAMES = Object.keys(TOPICS) as readonly Topic[];

/** Partitions of `jobs`: as many tune workers can share them. */
export const JOBS_PARTITIONS = 16;

/** Topics that must have the same number of partitions: a label is joined where its request was answered, and a state is recovered there. */
export const CO_PARTITIONED = ['requests', 'labels', 'states'] as const satisfies readonly Topic[];
