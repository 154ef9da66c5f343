/** The log that the settings name. */
import * as fs from 'node:fs';
import { openKafkaLog } from '../../adapters/log/kafka.ts';
import type { KafkaLogOptions } from '../../adapters/log/kafka.ts';
import type { Settings } from '../../config/schema.ts';
import { EspalierError } from '../../errors.ts';
import type { Log } from '../../ports.ts';

function fileText(file: string, setting: string): string {
  try { return fs.readFileSync(file, 'utf8'); } catch (cause) {
    throw new EspalierError('config-invalid', `${setting}: ${(cause as Error).message}`, cause);
  }
}

/** Throws config-invalid where the password or the certificate cannot be had. */
export function kafkaOptions({ kafka }: Settings, instance: string, environment: Readonly<Record<string, string | undefined>>): KafkaLogOptions {
  const { saslMechanism: mechanism, username, passwordFile, caFile, ssl } = kafka;
  const password = passwordFile === '' ? environment['ESPALIER_KAFKA_PASSWORD'] : fileText(passwordFile, 'kafka.passwordFile').trimEnd();
  if (mechanism !== 'none' && (password === undefined || password === '')) throw new EspalierError('config-invalid', 'kafka.saslMechanism wants a password: set kafka.passwordFile, or ESPALIER_KAFKA_PASSWORD.');
  return {
    brokers: kafka.brokers, clientId: kafka.clientId, prefix: kafka.prefix, instance, partitions: kafka.partitions, replication: kafka.replication,
    sessionMsMax: kafka.sessionMsMax, outageMsMax: kafka.outageMsMax, lingerMsMax: kafka.lingerMsMax,
    ssl: ssl && caFile !== '' ? { ca: fileText(caFile, 'kafka.caFile') } : ssl,
    sasl: mechanism === 'none' ? null : { mechanism, username, password: password! },
  };
}

/** The log that several processes share. Throws config-invalid where the settings name another, broker-unreachable, broker-refused, topics-unsuitable. */
export function openSharedLog(settings: Settings, instance: string, hear: (line: string) => void): Promise<Log> {
  if (settings.log.kind !== 'kafka') throw new EspalierError('config-invalid', 'log.kind must be kafka for serve, steer and tune: the embedded log is for one process (`espalier demo`).');
  return openKafkaLog({ ...kafkaOptions(settings, instance, process.env), hear });
}
