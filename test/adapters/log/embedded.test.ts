// Goal: the embedded log keeps the contract of the port and its bounds. Method: the check list with ordinary, tiny and synced segments; backpressure as a property; files looked at by hand.
import fc from 'fast-check';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/adapters/clock/system.ts';
import { openEmbeddedLog, type EmbeddedLogOptions } from '../../../src/adapters/log/embedded.ts';
import type { Delivery } from '../../../src/ports.ts';
import { checkLog, readTexts, record, take, textOf } from '../../checks/log.ts';
import { temporaryFolder } from '../temporary.ts';

const clock = systemClock();
const at = (folder: string, options: Partial<EmbeddedLogOptions> = {}) => openEmbeddedLog({ folder, clock, ...options });
const segmentsOf = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.log'));

function variant(options: Partial<EmbeddedLogOptions>) {
  return () => {
    const folder = temporaryFolder();
    return { open: () => at(folder, options), durable: true };
  };
}

checkLog('of files', variant({}));
checkLog('of tiny segments, nothing in memory', variant({ segmentBytes: 300, cacheBytes: 0 }));
checkLog('synced at every write', variant({ sync: 'always' }));

describe('the embedded log', () => {
  it('never has more than unsettledMax outstanding, whatever is appended and settled', async () => {
    const step = fc.oneof(fc.record({ append: fc.integer({ min: 1, max: 12 }) }), fc.record({ settle: fc.array(fc.nat(30), { maxLength: 6 }) }));
    await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 9 }), fc.array(step, { maxLength: 15 }), async (unsettledMax, steps) => {
      const log = await at(temporaryFolder(), { segmentBytes: 500, cacheBytes: 100 });
      const outstanding = new Set<number>();
      let most = 0;
      const taker = take(log.consume({ topics: ['requests', 'labels'], group: 'g', unsettledMax }), () => {
        outstanding.add(taker.got.length - 1);
        most = Math.max(most, outstanding.size);
      });
      let appended = 0;
      for (const now of steps) {
        if ('append' in now) {
          await log.append(Array.from({ length: now.append }, (_, i) => record(i % 2 === 0 ? 'requests' : 'labels', String(appended + i))));
          appended += now.append;
        } else {
          const chosen = [...outstanding].filter((_, i) => now.settle.includes(i));
          // Free from the moment of the call: the log may deliver the next ones before the answer comes.
          for (const i of chosen) outstanding.delete(i);
          await log.transact({ group: 'g', records: [], settled: chosen.map((i) => taker.got[i]!) });
        }
      }
      while (taker.got.length < appended) {
        const settled = [...outstanding].map((i) => taker.got[i]!);
        outstanding.clear();
        const before = taker.got.length;
        await log.transact({ group: 'g', records: [], settled });
        await taker.until(Math.min(appended, before + 1));
      }
      expect(most).toBeLessThanOrEqual(unsettledMax);
      expect(new Set(taker.texts()).size).toBe(appended);
      await log.close();
    }), { numRuns: 25 });
  });

  it('delivers several topics in the order of their appends, also after a restart', async () => {
    const folder = temporaryFolder();
    const first = await at(folder, { segmentBytes: 400 });
    const names = Array.from({ length: 30 }, (_, i) => String(i));
    for (const name of names) await first.append([record(Number(name) % 3 === 0 ? 'labels' : 'requests', name)]);
    await first.close();
    const log = await at(folder, { cacheBytes: 0 });
    const taker = take(log.consume({ topics: ['requests', 'labels'], group: 'g', unsettledMax: 100 }));
    await taker.until(30);
    expect(taker.texts()).toEqual(names);
    await log.close();
  });

  it('gives a topic to one consumer of a group at a time', async () => {
    const log = await at(temporaryFolder());
    const first = take(log.consume({ topics: ['requests'], group: 'g', unsettledMax: 10 }));
    const second = take(log.consume({ topics: ['requests'], group: 'g', unsettledMax: 10 }));
    await log.append([record('requests', 'a'), record('requests', 'b')]);
    await first.until(2);
    expect(second.got).toEqual([]);
    await log.transact({ group: 'g', records: [], settled: [first.got[0]!] });
    first.subscription.unsubscribe();
    await second.until(1);
    expect(second.texts()).toEqual(['b']);
    await log.close();
  });

  it('removes the oldest segments beyond retainBytes, but only what every group has settled', async () => {
    const folder = temporaryFolder();
    const log = await at(folder, { segmentBytes: 1000, retainBytes: 3000 });
    const taker = take(log.consume({ topics: ['requests'], group: 'slow', unsettledMax: 1000 }));
    for (let i = 0; i < 200; i++) await log.append([record('requests', `value ${String(i)}`)]);
    await taker.until(200);
    expect(segmentsOf(folder)[0]).toBe('0000000000.log');
    expect((await readTexts(log, 'requests')).length).toBe(200);
    await log.transact({ group: 'slow', records: [], settled: taker.got });
    for (let i = 0; i < 20; i++) await log.append([record('journal', `value ${String(i)}`)]);
    expect(segmentsOf(folder).length).toBeLessThanOrEqual(4);
    await log.close();

    const again = await at(folder, { segmentBytes: 1000, retainBytes: 3000 });
    const next = take(again.consume({ topics: ['requests'], group: 'slow', unsettledMax: 10 }));
    await again.append([record('requests', 'new')]);
    await next.until(1);
    expect(next.got.map(({ offset, ...delivery }) => [offset, textOf({ offset, ...delivery })])).toEqual([[200, 'new']]);
    const late = take(again.consume({ topics: ['requests'], group: 'late', unsettledMax: 1000 }));
    const kept = await readTexts(again, 'requests');
    await late.until(kept.length);
    expect(late.texts()).toEqual(kept);
    expect(kept.at(-1)).toBe('new');
    await again.close();
  });

  it('bounds topics that no group reads', async () => {
    const folder = temporaryFolder();
    const log = await at(folder, { segmentBytes: 2000, retainBytes: 6000 });
    for (let i = 0; i < 500; i++) await log.append([record('predictions', `value ${String(i)}`)]);
    expect(segmentsOf(folder).length).toBeLessThanOrEqual(4);
    expect((await readTexts(log, 'predictions')).at(-1)).toBe('value 499');
    await log.close();
  });

  it('goes on reading when the retention removes what was about to be read', async () => {
    const log = await at(temporaryFolder(), { segmentBytes: 500, retainBytes: 1000, cacheBytes: 0 });
    for (let i = 0; i < 30; i++) await log.append([record('predictions', `value ${String(i)}`)]);
    const reading = log.read('predictions')[Symbol.asyncIterator]();
    const first = (await reading.next()).value as Delivery;
    for (let i = 30; i < 100; i++) await log.append([record('predictions', `value ${String(i)}`)]);
    expect(await reading.next()).toEqual({ done: true, value: undefined });
    expect(first.offset).toBeGreaterThan(0);
    expect((await readTexts(log, 'predictions')).at(-1)).toBe('value 99');
    await log.close();
  });

  it('refuses a folder that is in use, takes over the lock of a dead process, and gives its own back', async () => {
    const folder = temporaryFolder();
    const log = await at(folder);
    await expect(at(folder)).rejects.toMatchObject({ code: 'log-locked', details: expect.stringContaining(folder) as string });
    await log.close();
    expect(readdirSync(folder)).not.toContain('lock');
    for (const stale of ['{"pid":999999999,"started":null}', `{"pid":${String(process.ppid)},"started":"1"}`, `{"pid":${String(process.pid)},"started":"1"}`, '']) {
      writeFileSync(join(folder, 'lock'), stale);
      await (await at(folder)).close();
    }
    writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: process.ppid, started: null }));
    await expect(at(folder)).rejects.toMatchObject({ code: 'log-locked' });
    expect(readFileSync(join(folder, 'lock'), 'utf8')).toContain(String(process.ppid));
  });
});
