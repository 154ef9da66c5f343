// Goal: the settings of Kafka become those of the log, and the password comes from a file or the environment only. Method: settings by hand.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { kafkaOptions, openSharedLog } from '../../../src/cli/compose/open-log.ts';
import { loadSettings } from '../../../src/config/load.ts';
import { temporaryFolder } from '../../adapters/temporary.ts';

const settingsOf = (flags: Readonly<Record<string, unknown>>) => loadSettings({ file: null, environment: {}, flags }).settings;
const scram = { 'kafka.saslMechanism': 'scram-sha-256', 'kafka.username': 'me' };

it('takes the password from the file, else from the environment, and refuses to go without', () => {
  const file = join(temporaryFolder(), 'password');
  writeFileSync(file, 'secret\n');
  expect(kafkaOptions(settingsOf({ ...scram, 'kafka.passwordFile': file }), 'i', { ESPALIER_KAFKA_PASSWORD: 'other' }).sasl).toEqual({ mechanism: 'scram-sha-256', username: 'me', password: 'secret' });
  expect(kafkaOptions(settingsOf(scram), 'i', { ESPALIER_KAFKA_PASSWORD: 'other' }).sasl).toMatchObject({ password: 'other' });
  expect(() => kafkaOptions(settingsOf(scram), 'i', {})).toThrow(expect.objectContaining({ code: 'config-invalid' }) as Error);
  expect(() => kafkaOptions(settingsOf({ ...scram, 'kafka.passwordFile': `${file}-missing` }), 'i', {})).toThrow(expect.objectContaining({ code: 'config-invalid' }) as Error);
  expect(kafkaOptions(settingsOf({}), 'i', {})).toMatchObject({ sasl: null, ssl: false, brokers: ['127.0.0.1:9092'], prefix: 'espalier.' });
});

it('refuses mechanisms without a name, addresses without a port, and the embedded log for several processes', async () => {
  expect(() => settingsOf({ 'kafka.saslMechanism': 'plain' })).toThrow('kafka.username must be given');
  expect(() => settingsOf({ 'kafka.brokers': ['somewhere'] })).toThrow('kafka.brokers');
  await expect(Promise.resolve().then(() => openSharedLog(settingsOf({}), 'i', () => undefined))).rejects.toMatchObject({ code: 'config-invalid', details: expect.stringContaining('log.kind must be kafka') as string });
});
