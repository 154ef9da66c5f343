// Goal: what the client throws becomes one of two codes, by which callers branch. Method: errors of the client's form.
import kafkajs from 'kafkajs';
import { expect, it } from 'vitest';
import { kafkaError } from '../../../../src/adapters/log/kafka/kafka-error.ts';
import { EspalierError } from '../../../../src/errors.ts';

const { KafkaJSConnectionError } = kafkajs;

it('tells who is not there from who does not want', () => {
  const gone = new KafkaJSConnectionError('Connection error: connect ECONNREFUSED');
  const protocol = (type: string, retriable: boolean) => Object.assign(new Error('said the broker'), { name: 'KafkaJSProtocolError', type, retriable });
  const codes = [
    [gone, 'broker-unreachable'],
    [Object.assign(new Error('gave up'), { name: 'KafkaJSNumberOfRetriesExceeded', cause: gone }), 'broker-unreachable'],
    [Object.assign(new Error('Request timed out'), { name: 'KafkaJSRequestTimeoutError' }), 'broker-unreachable'],
    [protocol('NOT_LEADER_FOR_PARTITION', true), 'broker-unreachable'],
    [Object.assign(new Error('SASL PLAIN authentication failed'), { name: 'KafkaJSSASLAuthenticationError' }), 'broker-refused'],
    [protocol('TOPIC_AUTHORIZATION_FAILED', false), 'broker-refused'],
    [protocol('MESSAGE_TOO_LARGE', false), 'broker-refused'],
    [new KafkaJSConnectionError('Connection error: self signed certificate'), 'broker-refused'],
  ] as const;
  expect(codes.map(([error]) => kafkaError(error, 'here').code)).toEqual(codes.map(([, code]) => code));
  const ours = new EspalierError('log-closed');
  expect(kafkaError(ours, 'here')).toBe(ours);
});
