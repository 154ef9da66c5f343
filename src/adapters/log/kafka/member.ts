import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import type { Delivery, Topic } from '../../../ports.ts';
import { assignerOf } from './assigner.ts';
import { HeldPartition } from './held-partition.ts';
import { kafkaError } from './kafka-error.ts';
import { wakers } from './wakers.ts';

export interface MemberOptions {
  readonly kafka: Kafka;
  readonly groupId: string;
  readonly instance: string;
  readonly prefix: string;
  readonly topics: readonly Topic[];
  /** Which partitions of a topic stay with their member when others come and go. */
  readonly stays: (topic: Topic) => 'none' | 'busy' | 'held';
  readonly unsettledMax: number;
  readonly sessionMsMax: number;
  /** How long a member that leaves waits for what it has delivered to be settled. */
  readonly lingerMsMax: number;
  readonly assigned: (partitions: readonly Held[]) => Promise<void>;
  readonly deliver: (delivery: Delivery) => void;
  /** The consumer is lost and does not come back by itself. */
  readonly failed: (error: unknown) => void;
}

export interface Held { readonly topic: Topic; readonly partition: number }

/** Longest time that the broker holds an empty fetch back; `disconnect` waits for it. */
const FETCH_MS_MAX = 100;
/** Partitions whose batches are worked on side by side. */
const CONCURRENCY = 64;
const BATCH_MESSAGES_PER_BEAT = 100;
const COMMIT_AGAIN_MS = 1000;

const keyOf = (topic: string, partition: number): string => `${topic}/${partition}`;

/**
 * One member of a consumer group: delivers at most `unsettledMax` records that are not settled, and tells the group
 * its position, which never passes an unsettled one. What is settled twice, or late, or after the partition went to
 * another member, does no harm: it was answered, and at most it is answered once more.
 */
export class Member {
  readonly #options: MemberOptions;
  readonly #consumer: Consumer;
  /** All that this member ever held: one that comes back may bring records that it settled and could not tell the group of. */
  readonly #partitions = new Map<string, HeldPartition>();
  readonly #wakers = wakers();
  readonly #beatMs: number;
  /** Partitions of the present term, by key. */
  #held = new Map<string, Held>();
  #ready: Promise<void> = Promise.resolve();
  #outstanding = 0;
  #joined = false;
  #leaving: Promise<void> | null = null;
  #cut = false;
  #started: Promise<void> = Promise.resolve();
  #committing: Promise<void> | null = null;
  #commitAgain = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: MemberOptions) {
    this.#options = options;
    this.#beatMs = Math.max(100, Math.min(3000, Math.floor(options.sessionMsMax / 10)));
    this.#consumer = options.kafka.consumer({
      groupId: options.groupId,
      sessionTimeout: options.sessionMsMax,
      rebalanceTimeout: Math.max(options.sessionMsMax, 10_000),
      heartbeatInterval: this.#beatMs,
      maxWaitTimeInMs: FETCH_MS_MAX,
      partitionAssigners: [assignerOf(options.instance, () => this.#staying())],
    });
  }

  get groupId(): string { return this.#options.groupId; }
  get isLeaving(): boolean { return this.#leaving !== null; }

  /** Joins the group; records come from then on. */
  start(): Promise<void> {
    this.#started = this.#start();
    return this.#started;
  }

  async #start(): Promise<void> {
    const { topics, prefix, failed } = this.#options;
    const { CRASH, GROUP_JOIN } = this.#consumer.events;
    this.#consumer.on(GROUP_JOIN, ({ payload }) => { this.#join(payload.memberAssignment); });
    this.#consumer.on(CRASH, ({ payload }) => { if (!payload.restart && this.#leaving === null) failed(payload.error); });
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: topics.map((topic) => prefix + topic), fromBeginning: true });
    await this.#consumer.run({ autoCommit: false, eachBatchAutoResolve: false, partitionsConsumedConcurrently: CONCURRENCY, eachBatch: (payload) => this.#take(payload) });
    this.#timer = setInterval(() => { void this.#commit(); }, COMMIT_AGAIN_MS);
  }

  /** Takes note of what was settled, and tells the group. Resolves when the group knows, or cannot be told now. */
  async settle(deliveries: readonly Delivery[]): Promise<void> {
    for (const { topic, partition, offset } of deliveries) {
      if (this.#partitions.get(keyOf(topic, partition))?.settle(offset) === true) this.#outstanding--;
    }
    this.#wakers.wake();
    await this.#commit();
  }

  /** Takes no more records, waits a while for those that it delivered to be settled, and leaves the group. */
  leave(): Promise<void> {
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  /** A leaving member waits no longer. */
  cut(): void {
    this.#cut = true;
    this.#wakers.wake();
  }

  async #leave(): Promise<void> {
    await this.#started.catch(() => undefined);
    if (this.#joined) this.#consumer.pause(this.#options.topics.map((topic) => ({ topic: this.#options.prefix + topic })));
    this.#wakers.wake();
    const end = Date.now() + this.#options.lingerMsMax;
    while (this.#outstanding > 0 && !this.#cut && Date.now() < end) await this.#wakers.wait(end - Date.now());
    await this.#commit();
    clearInterval(this.#timer);
    await this.#consumer.disconnect().catch(() => undefined);
  }

  #join(assignment: Readonly<Record<string, number[]>>): void {
    const former = this.#held;
    const held = Object.entries(assignment).flatMap(([name, partitions]) => partitions.map((partition): Held => ({ topic: name.slice(this.#options.prefix.length) as Topic, partition })));
    this.#held = new Map(held.map((one) => [keyOf(one.topic, one.partition), one]));
    for (const key of this.#held.keys()) if (!former.has(key)) this.#partition(key).beginTerm();
    this.#joined = true;
    this.#ready = this.#ready.then(() => this.#options.assigned(held));
    this.#ready.catch((error: unknown) => { this.#options.failed(error); });
    void this.#commit();
  }

  #partition(key: string): HeldPartition {
    let partition = this.#partitions.get(key);
    if (partition === undefined) this.#partitions.set(key, partition = new HeldPartition());
    return partition;
  }

  async #take({ batch, resolveOffset, heartbeat, isRunning, isStale }: EachBatchPayload): Promise<void> {
    const topic = batch.topic.slice(this.#options.prefix.length) as Topic;
    const partition = this.#partition(keyOf(topic, batch.partition));
    const goesOn = (): boolean => isRunning() && !isStale() && this.#leaving === null;
    let ready = false;
    void this.#ready.then(() => { ready = true; this.#wakers.wake(); }, () => undefined);
    await Promise.resolve();
    while (!ready && goesOn()) await this.#beat(heartbeat);
    let since = 0;
    for (const message of batch.messages) {
      while (this.#outstanding >= this.#options.unsettledMax && goesOn()) await this.#beat(heartbeat);
      if (!goesOn()) return;
      const offset = Number(message.offset);
      partition.seen(offset);
      if (partition.take(offset)) {
        this.#outstanding++;
        this.#options.deliver(deliveryOf(topic, batch.partition, message));
      }
      resolveOffset(message.offset);
      if (++since % BATCH_MESSAGES_PER_BEAT === 0) await heartbeat();
    }
    await heartbeat();
  }

  /** Waits for something to happen, or for the next heartbeat; throws where the group takes the partitions away. */
  async #beat(heartbeat: () => Promise<void>): Promise<void> {
    await this.#wakers.wait(this.#beatMs);
    await heartbeat();
  }

  /** One commit at a time; what is settled meanwhile goes with the next. Never rejects: what is not told now is told later, or delivered again. */
  #commit(): Promise<void> {
    if (this.#committing !== null) {
      this.#commitAgain = true;
      return this.#committing;
    }
    return this.#committing = this.#commitAll();
  }

  async #commitAll(): Promise<void> {
    await Promise.resolve();
    do {
      this.#commitAgain = false;
      const due = [...this.#held].flatMap(([key, held]) => {
        const partition = this.#partitions.get(key), position = partition?.position ?? null;
        return partition === undefined || position === null ? [] : [{ ...held, held: partition, position }];
      });
      if (due.length === 0) continue;
      try {
        await this.#consumer.commitOffsets(due.map(({ topic, partition, position }) => ({ topic: this.#options.prefix + topic, partition, offset: String(position) })));
        for (const { held, position } of due) held.told(position);
      } catch {
        break;
      }
    } while (this.#commitAgain);
    this.#committing = null;
  }

  #staying(): Record<string, number[]> {
    const busy: Record<string, number[]> = {};
    for (const { topic, partition } of this.#held.values()) {
      const stays = this.#options.stays(topic);
      if (stays === 'none' || (stays === 'busy' && this.#partition(keyOf(topic, partition)).outstanding === 0)) continue;
      (busy[this.#options.prefix + topic] ??= []).push(partition);
    }
    return busy;
  }
}

type KafkaMessage = EachBatchPayload['batch']['messages'][number];

const NOTHING = new Uint8Array(0);

export function deliveryOf(topic: Topic, partition: number, { offset, key, value, timestamp }: KafkaMessage): Delivery {
  return { topic, partition, offset: Number(offset), key: key?.toString('utf8') ?? '', value: value === null ? NOTHING : new Uint8Array(value.buffer, value.byteOffset, value.length), at: Number(timestamp) };
}

export const memberError = (error: unknown, groupId: string): Error => kafkaError(error, `Group ${groupId}`);
