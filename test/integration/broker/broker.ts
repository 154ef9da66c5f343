/** The one resolver of a real Kafka for all integration tests: what KAFKA_BROKERS names, else a container, else a process on Java. */
import { brokerWays } from '../../../src/cli/doctor/broker-ways.ts';
import { startBareBroker } from './bare-broker.ts';
import { startContainerBroker } from './container-broker.ts';

export interface Broker {
  /** Which way it was come by, in words. */
  readonly way: string;
  readonly brokers: readonly string[];
  /** Lets the broker hang, and go on; null where it is not ours. */
  readonly pause: (() => Promise<void>) | null;
  readonly resume: (() => Promise<void>) | null;
  /** SIGKILL, and a start on the same data and port; null where it is not ours to kill. */
  readonly kill: (() => Promise<void>) | null;
  readonly start: (() => Promise<void>) | null;
  close(): Promise<void>;
}

/** The cache of the set-up, outside node_modules. */
async function cacheFolder(): Promise<string> {
  const world = await import(new URL('../../../scripts/setup/world.mjs', import.meta.url).href) as { readonly cacheFolder: () => string };
  return world.cacheFolder();
}

async function resolve(): Promise<Broker> {
  const { external, engine, java, maven } = await brokerWays(process.env);
  if (external !== null) return { way: 'KAFKA_BROKERS', brokers: external, pause: null, resume: null, kill: null, start: null, close: () => Promise.resolve() };
  const reasons: string[] = [];
  if (engine === null) reasons.push('no Docker engine answers');
  else {
    try { return await startContainerBroker(); } catch (error) { reasons.push(`the container does not start (${error instanceof Error ? error.message : String(error)})`); }
  }
  if (java !== null && maven) return startBareBroker(await cacheFolder());
  reasons.push(java === null ? 'no Java 17 or newer' : 'no Maven');
  throw new Error(`No Kafka for the integration tests: ${reasons.join('; ')}. Set KAFKA_BROKERS=host:port, start Docker, or install Java 17 and Maven.`);
}

/** A broker for a test file. The topics of a test are its own by their prefix. */
export async function openBroker(): Promise<Broker> {
  const broker = await resolve();
  process.stderr.write(`kafka: ${broker.way}, ${broker.brokers.join(', ')}\n`);
  return broker;
}
