// Goal: several tune processes share the jobs of one topic, and each job is answered once, though one of them is killed in the middle of a job. Method: two `espalier tune` over a real Kafka, small real jobs, and the ends of all jobs read from the topic.
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFailed, onTestFinished } from 'vitest';
import { openKafkaLog } from '../../src/adapters/log/kafka.ts';
import { filesVault } from '../../src/adapters/vault/files.ts';
import type { Fact, Order } from '../../src/facts.ts';
import { decodeFact } from '../../src/loop/journal.ts';
import { encodeOrder } from '../../src/loop/order-record.ts';
import type { Log } from '../../src/ports.ts';
import { temporaryFolder } from '../adapters/temporary.ts';
import { jobIn } from '../checks/trainer.ts';
import { plan } from '../tuning/samples.ts';
import { openBroker } from './broker/broker.ts';
import type { Broker } from './broker/broker.ts';
import { EspalierProcess } from './espalier-process.ts';
import { ofKind, until, valuesOf } from './small-circle.ts';

let broker: Broker;
beforeAll(async () => { broker = await openBroker(); }, 600_000);
afterAll(() => broker.close());

/** Long enough for a process to be killed in the middle of one. */
const SECONDS_OF_A_JOB = 1;
const JOBS = 10;

interface Shop { readonly log: Log; readonly workers: readonly EspalierProcess[]; readonly folder: string }

async function open(): Promise<Shop> {
  const folder = temporaryFolder(), config = join(folder, 'espalier.json');
  const kafka = { brokers: broker.brokers, prefix: `shop-${randomUUID()}.`, partitions: 1, sessionMsMax: 6000 };
  writeFileSync(config, JSON.stringify({ log: { kind: 'kafka' }, kafka, vault: { folder: join(folder, 'vault') }, engine: { kind: 'reference' }, console: { port: 0 }, trainer: { priority: 0 } }));
  const log = await openKafkaLog({ ...kafka, clientId: 'world', instance: 'world', ssl: false, sasl: null, outageMsMax: 60_000, replication: 0, lingerMsMax: 1000 });
  const start = (): EspalierProcess => new EspalierProcess(['tune', '--config', config]);
  const workers = [start(), start()] as const;
  onTestFailed(() => { for (const { said } of workers) process.stderr.write(`---\n${said.slice(-4000)}\n`); });
  onTestFinished(async () => {
    await Promise.all(workers.map((one) => one.end('SIGKILL')));
    await log.close();
  });
  for (const one of workers) await until(async () => (await one.health())?.ok === true);
  return { log, workers, folder };
}

async function sendJobs({ log, folder }: Shop): Promise<readonly string[]> {
  const vault = filesVault(join(folder, 'vault'));
  const orders = await Promise.all(Array.from({ length: JOBS }, async (_, at): Promise<Order> => ({
    kind: 'tune', order: `tune-${at}`, deadline: Date.now() + 600_000,
    job: await jobIn(vault, { id: `job-${at}`, cycle: at, seed: at, training: { ...plan, steps: 1e8, secondsMax: SECONDS_OF_A_JOB }, ...(at === 0 ? { device: 'gpu' } : {}) }),
  })));
  await log.append(orders.map((order) => ({ topic: 'jobs', key: order.order, value: encodeOrder(order) })));
  return orders.map(({ order }) => order);
}

const factsOf = async (log: Log): Promise<readonly Fact[]> => (await valuesOf(log, 'evidence')).map(decodeFact);
const jobOf = async (one: EspalierProcess): Promise<unknown> => (await one.health())?.checks['job'];

it('both do some, the jobs of the killed one are done by the other, and every job ends once', async () => {
  const shop = await open(), { log, workers } = shop;
  const names = await sendJobs(shop);
  // Whoever begins its second job is killed in it.
  const begun = new Map(workers.map((one) => [one, new Set<unknown>()]));
  let killed: EspalierProcess | undefined;
  await until(async () => {
    for (const [one, jobs] of begun) {
      const job = await jobOf(one);
      if (job !== null) jobs.add(job);
      if (job !== null && jobs.size === 2) killed = one;
    }
    return killed !== undefined;
  });
  expect(await killed!.end('SIGKILL')).toBe('SIGKILL');
  const second = workers.find((one) => one !== killed)!, cut = [...begun.get(killed!)!].at(-1);
  await until(async () => { await second.health(); return new Set((await factsOf(log)).flatMap((fact) => ('order' in fact ? [fact.order] : []))).size === JOBS; });
  expect(await second.metrics()).toMatch(/espalier_tuning_device_info\{device="(cpu|gpu)",tensorflow="[\d.]+"/);
  expect(await second.end('SIGTERM'), second.said).toBe(0);

  const facts = await factsOf(log), done = ofKind(facts, 'job-done'), failed = ofKind(facts, 'job-failed');
  expect([...done, ...failed].map(({ order }) => order).sort()).toEqual([...names].sort());
  // The one that demands a GPU is refused where there is none, and the process goes on.
  for (const { order, code } of failed) expect([order, code]).toEqual(['tune-0', 'gpu-missing']);
  expect(new Set(done.map(({ candidate }) => candidate.job)).size).toBe(done.length);
  const ends = [...done, ...failed], endedBy = (one: EspalierProcess): readonly string[] => ends.filter(({ instance }) => one.said.includes(instance)).map(({ order }) => order);
  expect(endedBy(killed!)).toHaveLength(1);
  expect(endedBy(second)).toContain(`tune-${String(cut).slice('job-'.length)}`);
  process.stderr.write(`workers: ${endedBy(killed!).length} and ${endedBy(second).length} jobs; ${String(cut)} was cut off and done again\n`);
}, 120_000);
