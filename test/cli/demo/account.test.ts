// Goal: the books find every lost and every doubled request, and call nothing lost that was refused. Method: a memory log with known sins.
import { expect, it } from 'vitest';
import { simulatedClock } from '../../../src/adapters/clock/simulated.ts';
import { memoryLog } from '../../../src/adapters/log/memory.ts';
import { settleAccount } from '../../../src/cli/demo/account.ts';
import type { LogRecord, Topic } from '../../../src/ports.ts';
import { encodeRefusal } from '../../../src/traffic/codec.ts';

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const record = (topic: Topic, value: unknown): LogRecord => ({ topic, key: 's', value: value instanceof Uint8Array ? value : bytes(value) });
const request = (id: string): unknown => ({ id, session: 's', sequence: 0, text: ['a'] });
const requests = (...ids: string[]): LogRecord[] => ids.map((id) => record('requests', request(id)));
const answers = (...ids: string[]): LogRecord[] => ids.map((id) => record('predictions', { id, session: 's', labels: ['A'] }));
const refusal = (value: unknown, code: 'request-too-long' | 'request-not-json' | 'request-duplicate' | 'label-invalid' = 'request-too-long'): LogRecord => record('refused', encodeRefusal(bytes(value), code, 'for a reason'));

const cases: readonly [string, readonly LogRecord[], object][] = [
  ['nothing', [], { sent: 0, answered: 0, refused: 0, lost: 0, doubled: 0 }],
  ['one answer each', [...requests('a', 'b'), ...answers('b', 'a')], { sent: 2, answered: 2, refused: 0, lost: 0, doubled: 0 }],
  ['two lost', [...requests('a', 'b', 'c'), ...answers('b')], { sent: 3, answered: 1, refused: 0, lost: 2, doubled: 0 }],
  ['one doubled, one trebled', [...requests('a', 'b', 'c'), ...answers('a', 'b', 'a', 'b', 'c', 'b')], { sent: 3, answered: 3, refused: 0, lost: 0, doubled: 3 }],
  ['lost and doubled at once', [...requests('a', 'b'), ...answers('a', 'a')], { sent: 2, answered: 1, refused: 0, lost: 1, doubled: 1 }],
  ['one refused, however long', [...requests('a', 'x'.repeat(3000)), ...answers('a'), refusal(request('x'.repeat(3000)))], { sent: 2, answered: 1, refused: 1, lost: 0, doubled: 0 }],
  ['another refused than the lost one', [...requests('a'), refusal(request('b'))], { sent: 1, answered: 0, refused: 1, lost: 1, doubled: 0 }],
  ['an id sent twice, the second refused', [...requests('a', 'a'), ...answers('a'), refusal(request('a'), 'request-duplicate')], { sent: 1, answered: 1, refused: 1, lost: 0, doubled: 0 }],
  ['one that is no JSON, refused', [record('requests', '{oh'), refusal('{oh', 'request-not-json')], { sent: 1, answered: 0, refused: 1, lost: 0, doubled: 0 }],
  ['one that is no JSON, lost', [record('requests', '{oh')], { sent: 1, answered: 0, refused: 0, lost: 1, doubled: 0 }],
  ['a refused label', [...requests('a'), ...answers('a'), refusal('not a label', 'label-invalid')], { sent: 1, answered: 1, refused: 1, lost: 0, doubled: 0 }],
];

it.each(cases)('%s', async (_, records, account) => {
  const log = memoryLog(simulatedClock(0));
  if (records.length > 0) await log.append(records);
  expect(await settleAccount(log)).toEqual(account);
});
