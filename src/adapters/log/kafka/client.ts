/** The client with settings that ride out a broker that is away for a while, and without its noise. */
import { Kafka, logLevel } from 'kafkajs';
import type { KafkaConfig, logCreator } from 'kafkajs';

export interface ClientOptions {
  /** host:port of some of the brokers. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** TLS; with the certificate of an authority of one's own, PEM, where given. */
  readonly ssl: boolean | { readonly ca: string };
  readonly sasl: { readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; readonly username: string; readonly password: string } | null;
  /** How long a broker may be away before a call gives up, milliseconds. */
  readonly outageMsMax: number;
  /** Errors of the client that it does not get over by itself. */
  readonly hear?: (line: string) => void;
}

const RETRY_MS_FIRST = 100;
const RETRY_MS_MAX = 1000;
const CONNECTION_MS_MAX = 3000;
const REQUEST_MS_MAX = 10_000;
/** A message is passed on once in this time. */
const REPEAT_MS = 60_000;
const TOLD_MAX = 200;

/** Retries that fill `ms` at the pauses above. */
export const retriesIn = (ms: number): number => Math.ceil(ms / RETRY_MS_MAX) + 5;

/**
 * What the client says of itself: below errors nothing, and each error once a minute. Its retries, rebalances and restarts
 * are logged as errors too, though it gets over them; whoever calls is told by code when it does not.
 */
export const quietLog = (hear: (line: string) => void): logCreator => () => {
  const told = new Map<string, number>();
  return ({ namespace, level, log: { message, error } }) => {
    if (level > logLevel.ERROR) return;
    const line = `${namespace}: ${message}${typeof error === 'string' ? `: ${error}` : ''}`;
    const now = Date.now();
    if (now - (told.get(line) ?? -Infinity) < REPEAT_MS) return;
    if (told.size >= TOLD_MAX) told.clear();
    told.set(line, now);
    hear(line);
  };
};

export function openClient({ brokers, clientId, ssl, sasl, outageMsMax, hear = () => undefined }: ClientOptions): Kafka {
  return new Kafka({
    brokers: [...brokers],
    clientId,
    ssl: typeof ssl === 'boolean' ? ssl : { ca: [ssl.ca] },
    ...(sasl === null ? {} : { sasl: { ...sasl } as NonNullable<KafkaConfig['sasl']> }),
    connectionTimeout: CONNECTION_MS_MAX,
    requestTimeout: REQUEST_MS_MAX,
    enforceRequestTimeout: true,
    retry: { initialRetryTime: RETRY_MS_FIRST, maxRetryTime: RETRY_MS_MAX, retries: retriesIn(outageMsMax) },
    logLevel: logLevel.ERROR,
    logCreator: quietLog(hear),
  });
}
