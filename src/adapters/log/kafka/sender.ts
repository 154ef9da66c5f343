/** Appends to topics: everything that waits in one request, acknowledged by all replicas, numbered against doubling. */
import { Partitioners } from 'kafkajs';
import type { Kafka, Producer, TopicMessages } from 'kafkajs';
import { EspalierError } from '../../../errors.ts';
import type { LogRecord } from '../../../ports.ts';
import { LOST_COUNT, kafkaError, typeOfClient } from './kafka-error.ts';

/** Bytes of one request; well below what a broker takes by default (1 MiB a batch and partition). */
const REQUEST_BYTES_MAX = 512 * 1024;
const RECORD_OVERHEAD_BYTES = 100;
const ALL_REPLICAS = -1;

interface Waiting { readonly records: readonly LogRecord[]; readonly resolve: () => void; readonly reject: (error: unknown) => void }

const bytesOf = ({ key, value }: LogRecord): number => key.length * 3 + value.length + RECORD_OVERHEAD_BYTES;

export class Sender {
  readonly #kafka: Kafka;
  readonly #prefix: string;
  #producer: Promise<Producer> | null = null;
  #waiting: Waiting[] = [];
  #turns: Promise<void> | null = null;
  #closed = false;

  constructor(kafka: Kafka, prefix: string) {
    this.#kafka = kafka;
    this.#prefix = prefix;
  }

  /** Resolves when all replicas in sync have the records. Throws log-closed, broker-unreachable, broker-refused. */
  send(records: readonly LogRecord[]): Promise<void> {
    if (this.#closed) return Promise.reject(new EspalierError('log-closed'));
    if (records.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ records, resolve, reject });
      this.#turns ??= this.#run();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#turns;
    const producer = await this.#producer?.catch(() => null);
    await producer?.disconnect().catch(() => undefined);
  }

  async #run(): Promise<void> {
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const taken = this.#takeSome();
      try {
        for (const part of split(taken.flatMap(({ records }) => records))) await this.#sendPart(part);
        for (const { resolve } of taken) resolve();
      } catch (error) {
        for (const { reject } of taken) reject(error);
      }
    }
    // Here and not in a `finally`, which would run after the next send had looked.
    this.#turns = null;
  }

  /** As many appends as fit into one request, at least one. */
  #takeSome(): readonly Waiting[] {
    let count = 0, bytes = 0;
    while (count < this.#waiting.length) {
      bytes += this.#waiting[count]!.records.reduce((sum, record) => sum + bytesOf(record), 0);
      if (count > 0 && bytes > REQUEST_BYTES_MAX) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #sendPart(records: readonly LogRecord[]): Promise<void> {
    const byTopic = new Map<string, TopicMessages['messages']>();
    for (const { topic, key, value } of records) {
      const name = this.#prefix + topic;
      const messages = byTopic.get(name) ?? [];
      byTopic.set(name, messages);
      messages.push({ key, value: Buffer.from(value.buffer, value.byteOffset, value.length) });
    }
    const topicMessages = [...byTopic].map(([topic, messages]) => ({ topic, messages }));
    try {
      await (await this.#connected()).sendBatch({ acks: ALL_REPLICAS, topicMessages });
    } catch (error) {
      // The count of a producer that failed may be wrong for ever: the next record goes out with another one.
      await this.#discard();
      if (!LOST_COUNT.has(typeOfClient(error))) throw kafkaError(error, `Topics ${[...byTopic.keys()].join(', ')}`);
      await (await this.#connected()).sendBatch({ acks: ALL_REPLICAS, topicMessages }).catch((again: unknown) => { throw kafkaError(again, `Topics ${[...byTopic.keys()].join(', ')}`); });
    }
  }

  #connected(): Promise<Producer> {
    this.#producer ??= (async () => {
      const producer = this.#kafka.producer({ idempotent: true, maxInFlightRequests: 1, createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false });
      await producer.connect();
      return producer;
    })();
    return this.#producer;
  }

  async #discard(): Promise<void> {
    const producer = this.#producer;
    this.#producer = null;
    await producer?.then((old) => old.disconnect()).catch(() => undefined);
  }
}

function* split(records: readonly LogRecord[]): Generator<readonly LogRecord[]> {
  let from = 0, bytes = 0;
  for (let at = 0; at < records.length; at++) {
    bytes += bytesOf(records[at]!);
    if (bytes <= REQUEST_BYTES_MAX || at === from) continue;
    yield records.slice(from, at);
    from = at;
    bytes = bytesOf(records[at]!);
  }
  yield records.slice(from);
}
