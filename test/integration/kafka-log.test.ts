// Goal: the log on Kafka keeps the contract of the port, at least once, also when brokers and members come and go. Method: the check list and faults, on a real broker by the resolver.
import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openKafkaLog } from '../../src/adapters/log/kafka.ts';
import type { KafkaLogOptions } from '../../src/adapters/log/kafka.ts';
import type { Log } from '../../src/ports.ts';
import { checkLog, readTexts, record, take, textOf } from '../checks/log.ts';
import { openBroker } from './broker/broker.ts';
import type { Broker } from './broker/broker.ts';

let broker: Broker;
const open: Log[] = [];
beforeAll(async () => { broker = await openBroker(); }, 600_000);
afterAll(async () => {
  await Promise.all(open.map((log) => log.close()));
  await broker.close();
}, 60_000);

const optionsOf = (prefix: string, more: Partial<KafkaLogOptions> = {}): KafkaLogOptions => ({
  brokers: broker.brokers, clientId: 'test', ssl: false, sasl: null, outageMsMax: 60_000, prefix, instance: 'one', partitions: 2, replication: 0,
  sessionMsMax: 6000, lingerMsMax: 5000, ...more,
});
const freshPrefix = (): string => `t-${randomUUID()}.`;
async function opened(prefix: string, more: Partial<KafkaLogOptions> = {}): Promise<Log> {
  const log = await openKafkaLog(optionsOf(prefix, more));
  open.push(log);
  return log;
}
const requests = (from: number, count: number): ReturnType<typeof record>[] => Array.from({ length: count }, (_, i) => record('requests', `r${from + i}`, `session ${(from + i) % 7}`));

checkLog('on Kafka', () => {
  const prefix = freshPrefix();
  return { open: () => openKafkaLog(optionsOf(prefix)), durable: true };
}, { again: 'position', restartRuns: 2 });

describe('the log on Kafka', () => {
  it('shares the partitions out among members, and gives those of one that leaves to the other', async () => {
    const prefix = freshPrefix();
    const [one, two] = [await opened(prefix, { partitions: 4, instance: 'one' }), await opened(prefix, { partitions: 4, instance: 'two' })];
    const held = { one: [] as number[], two: [] as number[], labels: [] as number[] };
    const consume = (log: Log, name: keyof typeof held, topic: 'requests' | 'labels' = 'requests') => {
      const taker = take(log.consume({ topics: [topic], group: 'serve', unsettledMax: 1000, assigned: (partitions) => { held[name] = partitions.map(({ partition }) => partition).sort(); return Promise.resolve(); } }),
        (delivery) => { void log.transact({ group: 'serve', records: [record('predictions', textOf(delivery), delivery.key)], settled: [delivery] }); });
      return taker;
    };
    const first = consume(one, 'one'), second = consume(two, 'two');
    consume(one, 'labels', 'labels');
    consume(two, 'labels', 'labels').subscription.unsubscribe();
    await expect.poll(() => [held.one.length, held.two.length], { timeout: 30_000 }).toEqual([2, 2]);
    await one.append(requests(0, 100));
    await expect.poll(() => first.got.length + second.got.length, { timeout: 30_000 }).toBeGreaterThanOrEqual(100);
    expect(new Set([...first.texts(), ...second.texts()]).size).toBe(100);
    expect(second.got.every(({ partition }) => held.two.includes(partition))).toBe(true);
    second.subscription.unsubscribe();
    await expect.poll(() => held.one, { timeout: 30_000 }).toEqual([0, 1, 2, 3]);
    await one.append(requests(100, 50));
    await expect.poll(async () => new Set(await readTexts(one, 'predictions')).size, { timeout: 30_000, interval: 200 }).toBe(150);
  }, 120_000);

  it('keeps the labels of a partition where its requests are, though another group reads them', async () => {
    const prefix = freshPrefix();
    const logs = [await opened(prefix, { partitions: 6, instance: 'a' }), await opened(prefix, { partitions: 6, instance: 'b' }), await opened(prefix, { partitions: 6, instance: 'c' })];
    const held = logs.map(() => ({ requests: [] as number[], labels: [] as number[] }));
    logs.forEach((log, at) => {
      for (const topic of ['requests', 'labels'] as const) {
        log.consume({ topics: [topic], group: 'serve', unsettledMax: 10, assigned: (partitions) => { held[at]![topic] = partitions.map(({ partition }) => partition).sort(); return Promise.resolve(); } }).subscribe();
      }
    });
    await expect.poll(() => held.every((one) => one.requests.length === 2 && one.labels.length === 2), { timeout: 30_000 }).toBe(true);
    expect(held.map(({ labels }) => labels)).toEqual(held.map((one) => one.requests));
  }, 120_000);

  it('delivers nothing before `assigned` resolves, and reads single partitions', async () => {
    const log = await opened(freshPrefix());
    await log.append(requests(0, 20));
    let recovered = false, early = 0;
    const texts: string[] = [];
    const taker = take(log.consume({
      topics: ['requests'], group: 'serve', unsettledMax: 100,
      assigned: async (partitions) => {
        for (const { partition } of partitions) for await (const delivery of log.read('requests', [partition])) texts.push(textOf(delivery));
        recovered = true;
      },
    }), () => { if (!recovered) early++; });
    await taker.until(20);
    expect(early).toBe(0);
    expect(texts.sort()).toEqual(taker.texts().sort());
  }, 60_000);

  it('commits no further than the first unsettled record of a partition', async () => {
    const prefix = freshPrefix(), log = await opened(prefix);
    await log.append(Array.from({ length: 10 }, (_, i) => record('requests', `r${i}`, 'one session')));
    const taker = take(log.consume({ topics: ['requests'], group: 'serve', unsettledMax: 100 }));
    await taker.until(10);
    await log.transact({ group: 'serve', records: [], settled: taker.got.filter((_, i) => i !== 4) });
    await log.close();
    const again = take((await opened(prefix)).consume({ topics: ['requests'], group: 'serve', unsettledMax: 100 }));
    await again.until(6);
    expect(again.texts()).toEqual(['r4', 'r5', 'r6', 'r7', 'r8', 'r9']);
  }, 60_000);

  it('refuses with codes: nobody there, a record too large, topics that do not fit', async () => {
    await expect(openKafkaLog(optionsOf('x.', { brokers: ['127.0.0.1:1'], outageMsMax: 0 }))).rejects.toMatchObject({ code: 'broker-unreachable', exitCode: 5, retryable: true });
    const prefix = freshPrefix(), log = await opened(prefix);
    await expect(log.append([{ topic: 'journal', key: 'k', value: new Uint8Array(3 << 20) }])).rejects.toMatchObject({ code: 'broker-refused' });
    await log.append([record('journal', 'goes on')]);
    expect(await readTexts(log, 'journal')).toEqual(['goes on']);
    const admin = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING }).admin(), other = freshPrefix();
    await admin.connect();
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic: `${other}requests`, numPartitions: 3 }] });
    await admin.disconnect();
    await expect(openKafkaLog(optionsOf(other))).rejects.toMatchObject({ code: 'topics-unsuitable', details: expect.stringContaining('has 3 partitions') as string });
  }, 60_000);

  it('rides out a broker that hangs, and one that is killed and comes back: nothing is lost', async () => {
    if (broker.pause === null || broker.resume === null) return;
    const log = await opened(freshPrefix());
    const taker = take(log.consume({ topics: ['requests'], group: 'serve', unsettledMax: 50 }), (delivery) => {
      void log.transact({ group: 'serve', records: [record('predictions', textOf(delivery), delivery.key)], settled: [delivery] });
    });
    await log.append(requests(0, 50));
    await taker.until(50);
    await broker.pause();
    const meanwhile = log.append(requests(50, 50));
    await new Promise((resolve) => { setTimeout(resolve, 2000); });
    await broker.resume();
    await meanwhile;
    await expect.poll(() => new Set(taker.texts()).size, { timeout: 60_000 }).toBe(100);
    if (broker.kill !== null && broker.start !== null) {
      await broker.kill();
      const later = log.append(requests(100, 50));
      await broker.start();
      await later;
      await expect.poll(() => new Set(taker.texts()).size, { timeout: 90_000 }).toBe(150);
    }
    const sent = new Set(taker.texts()).size;
    await expect.poll(async () => new Set(await readTexts(log, 'predictions')).size, { timeout: 30_000, interval: 200 }).toBe(sent);
  }, 240_000);
});
