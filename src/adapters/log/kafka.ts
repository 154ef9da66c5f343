import { Observable } from 'rxjs';
import type { Admin, Kafka } from 'kafkajs';
import { EspalierError } from '../../errors.ts';
import type { Delivery, Log, Topic } from '../../ports.ts';
import type { ClientOptions } from './kafka/client.ts';
import { openClient } from './kafka/client.ts';
import { createTopics } from './kafka/create-topics.ts';
import { kafkaError } from './kafka/kafka-error.ts';
import { Member, memberError } from './kafka/member.ts';
import { readTopic } from './kafka/read-topic.ts';
import { Sender } from './kafka/sender.ts';
import { TOPICS } from './topics.ts';

export interface KafkaLogOptions extends ClientOptions {
  /** Goes before the name of every topic and group. */
  readonly prefix: string;
  /** Name of this process among those of its kind; decides which partitions it gets. */
  readonly instance: string;
  /** Partitions of the topics of traffic, where they are created. */
  readonly partitions: number;
  /** Copies of each partition, where they are created; 0 leaves it to the broker. */
  readonly replication: number;
  /** A member of which nothing is heard for so long is dead, and its partitions go to others. */
  readonly sessionMsMax: number;
  /** How long a consumer that is given up waits for what it delivered to be settled, before it leaves its group. */
  readonly lingerMsMax: number;
}

/** Retries of the first contact, about three seconds: who starts a program does not want to wait for an outage to end. */
const CONTACT_RETRIES = 5;

/**
 * A log on Kafka, at least once: records are appended first and settled then, so a process that dies between the two has
 * its last records delivered, and answered, once more. Order holds within a partition, and so within a session.
 * Throws broker-unreachable, broker-refused, topics-unsuitable.
 */
export async function openKafkaLog(options: KafkaLogOptions): Promise<Log> {
  const kafka = openClient(options);
  const admin = kafka.admin();
  try {
    await tryBrokers(options);
    await admin.connect();
    await createTopics(admin, options);
  } catch (error) {
    await admin.disconnect().catch(() => undefined);
    throw kafkaError(error, options.brokers.join(', '));
  }
  return new KafkaLog(kafka, admin, options);
}

/** Whether the brokers answer: how many there are, and how many topics of ours. Throws broker-unreachable, broker-refused. */
export async function tryBrokers(options: KafkaLogOptions): Promise<{ readonly nodes: number; readonly topics: number }> {
  const admin = openClient(options).admin({ retry: { retries: CONTACT_RETRIES } });
  try {
    await admin.connect();
    const [{ brokers }, topics] = await Promise.all([admin.describeCluster(), admin.listTopics()]);
    return { nodes: brokers.length, topics: topics.filter((name) => name.startsWith(options.prefix)).length };
  } catch (error) {
    throw kafkaError(error, options.brokers.join(', '));
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

class KafkaLog implements Log {
  readonly shared = true;
  readonly #kafka: Kafka;
  readonly #admin: Admin;
  readonly #options: KafkaLogOptions;
  readonly #sender: Sender;
  readonly #members = new Map<string, Set<Member>>();
  readonly #completes = new Set<() => void>();
  #closing: Promise<void> | null = null;

  constructor(kafka: Kafka, admin: Admin, options: KafkaLogOptions) {
    this.#kafka = kafka;
    this.#admin = admin;
    this.#options = options;
    this.#sender = new Sender(kafka, options.prefix);
  }

  consume({ topics, group, unsettledMax, assigned = () => Promise.resolve() }: Parameters<Log['consume']>[0]): Observable<Delivery> {
    return new Observable((subscriber) => {
      if (this.#closing !== null) {
        subscriber.error(new EspalierError('log-closed'));
        return undefined;
      }
      const { prefix, instance, sessionMsMax, lingerMsMax } = this.#options;
      const groupId = `${prefix}${group}.${[...topics].sort().join('+')}`;
      const failed = (error: unknown): void => { subscriber.error(memberError(error, groupId)); };
      const member = new Member({
        kafka: this.#kafka, groupId, instance, prefix, topics, stays: (topic) => TOPICS[topic].stays, unsettledMax, sessionMsMax, lingerMsMax,
        assigned, deliver: (delivery) => { subscriber.next(delivery); }, failed,
      });
      const members = this.#members.get(group) ?? new Set();
      this.#members.set(group, members);
      const former = [...members];
      members.add(member);
      const complete = (): void => { subscriber.complete(); };
      this.#completes.add(complete);
      // Members of the same group that linger here would keep the partitions from this one.
      for (const other of former) if (other.isLeaving && other.groupId === groupId) other.cut();
      Promise.all(former.filter((other) => other.isLeaving && other.groupId === groupId).map((other) => other.leave()))
        .then(() => (subscriber.closed ? undefined : member.start())).catch(failed);
      return () => {
        this.#completes.delete(complete);
        void member.leave().finally(() => { members.delete(member); });
      };
    });
  }

  read(topic: Topic, partitions?: readonly number[], sinceMs?: number): AsyncIterable<Delivery> {
    return readTopic({ kafka: this.#kafka, admin: this.#admin, prefix: this.#options.prefix, topic, partitions, sinceMs });
  }

  append(records: Parameters<Log['append']>[0]): Promise<void> {
    return this.#sender.send(records);
  }

  async transact({ group, records, settled }: Parameters<Log['transact']>[0]): Promise<void> {
    if (this.#closing !== null) throw new EspalierError('log-closed');
    await this.#sender.send(records);
    await Promise.all([...this.#members.get(group) ?? []].map((member) => member.settle(settled)));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const members = [...this.#members.values()].flatMap((some) => [...some]);
    for (const complete of [...this.#completes]) complete();
    for (const member of members) member.cut();
    await this.#sender.close();
    await Promise.all(members.map((member) => member.leave()));
    await this.#admin.disconnect().catch(() => undefined);
  }
}
