// Goal: nothing acknowledged is lost and nothing is answered twice when the process dies. Method: a real process killed at random moments with SIGKILL; torn tails at every byte; damaged bytes.
import { spawn } from 'node:child_process';
import fc from 'fast-check';
import { appendFileSync, cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/adapters/clock/system.ts';
import { openEmbeddedLog } from '../../../src/adapters/log/embedded.ts';
import { readTexts, record, take, textOf } from '../../checks/log.ts';
import { temporaryFolder } from '../temporary.ts';

const clock = systemClock();
const CHILD = new URL('./crash-child.ts', import.meta.url).pathname;
const SEGMENT = '0000000000.log';

/** Runs the child and kills it so long after its opening, at the latest when it has answered its share. Tells whether all is answered. */
async function runAndKill(folder: string, total: number, atMost: number, killAfterMs: number): Promise<boolean> {
  const child = spawn(process.execPath, ['--import', 'tsx', CHILD, folder, String(total), String(atMost)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  let killer: NodeJS.Timeout | null = null;
  child.stdout.on('data', (data: Buffer) => {
    said += data.toString();
    if (/done|enough/.test(said)) child.kill('SIGKILL');
    else killer ??= setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  });
  await new Promise((resolve) => child.on('close', resolve));
  if (killer !== null) clearTimeout(killer);
  expect(said).toMatch(/^open/);
  return said.includes('done');
}

it('answers every request exactly once although it is killed again and again', async () => {
  const folder = temporaryFolder();
  const total = 4000;
  const first = await openEmbeddedLog({ folder, clock, segmentBytes: 20_000 });
  for (let i = 0; i < total; i += 100) await first.append(Array.from({ length: 100 }, (_, k) => record('requests', String(i + k), `session ${String(k)}`)));
  await first.close();
  let kills = 0;
  while (!(await runAndKill(folder, total, total / 4, kills < 5 ? 1 + 6 * ((kills * 3) % 5) : 60_000))) kills++;
  const log = await openEmbeddedLog({ folder, clock });
  const answers = await readTexts(log, 'predictions');
  expect({ lost: total - new Set(answers).size, doubled: answers.length - new Set(answers).size }).toEqual({ lost: 0, doubled: 0 });
  expect(kills).toBeGreaterThanOrEqual(3);
  await log.close();
});

describe('a log whose last frame is torn', () => {
  async function written(): Promise<{ folder: string; before: number; after: number }> {
    const folder = temporaryFolder();
    const log = await openEmbeddedLog({ folder, clock });
    await log.append([record('requests', 'r0'), record('requests', 'r1')]);
    const taker = take(log.consume({ topics: ['requests'], group: 'serve', unsettledMax: 10 }));
    await taker.until(2);
    await log.transact({ group: 'serve', records: [record('predictions', 'p1')], settled: [taker.got[1]!] });
    const before = readFileSync(join(folder, SEGMENT)).length;
    await log.transact({ group: 'serve', records: [record('predictions', 'p0'), record('states', 's')], settled: [taker.got[0]!] });
    await log.close();
    return { folder, before, after: readFileSync(join(folder, SEGMENT)).length };
  }

  it('cuts it off at every byte boundary, says so, and goes on', async () => {
    const { folder, before, after } = await written();
    for (let length = before; length <= after; length++) {
      const copy = temporaryFolder();
      cpSync(folder, copy, { recursive: true });
      truncateSync(join(copy, SEGMENT), length);
      const log = await openEmbeddedLog({ folder: copy, clock });
      const whole = length === after;
      expect(log.opened).toEqual({ segments: 1, records: whole ? 5 : 3, tornBytes: whole ? 0 : length - before });
      const taker = take(log.consume({ topics: ['requests'], group: 'serve', unsettledMax: 10 }));
      await log.append([record('requests', 'r2')]);
      await taker.until(whole ? 1 : 2);
      expect(taker.texts()).toEqual(whole ? ['r2'] : ['r0', 'r2']);
      expect(await readTexts(log, 'predictions')).toEqual(whole ? ['p1', 'p0'] : ['p1']);
      await log.close();
      const again = await openEmbeddedLog({ folder: copy, clock });
      expect(again.opened.tornBytes).toBe(0);
      expect((await readTexts(again, 'requests')).at(-1)).toBe('r2');
      await again.close();
    }
  });

  it('cuts off zeros and a last frame with missing blocks, as power cuts leave them', async () => {
    for (const spoil of [
      (path: string) => { appendFileSync(path, Buffer.alloc(5000)); },
      (path: string, before: number) => { const bytes = readFileSync(path); bytes.fill(0, before + 30); writeFileSync(path, bytes); },
    ]) {
      const { folder, before } = await written();
      spoil(join(folder, SEGMENT), before);
      const log = await openEmbeddedLog({ folder, clock });
      expect(log.opened.tornBytes).toBeGreaterThan(0);
      expect((await readTexts(log, 'predictions'))[0]).toBe('p1');
      await log.close();
    }
  });

  it('refuses any damaged byte before the last frame, and changes nothing', async () => {
    const { folder, before } = await written();
    const path = join(folder, SEGMENT);
    const good = readFileSync(path);
    await fc.assert(fc.asyncProperty(fc.nat(before - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
      const bad = Buffer.from(good);
      bad[at]! ^= flip;
      writeFileSync(path, bad);
      await expect(openEmbeddedLog({ folder, clock })).rejects.toMatchObject({ code: 'log-corrupt' });
      expect(readFileSync(path).equals(bad)).toBe(true);
    }), { numRuns: 150 });
  });
});

it('refuses a log with a missing segment', async () => {
  const folder = temporaryFolder();
  const log = await openEmbeddedLog({ folder, clock, segmentBytes: 200 });
  for (let i = 0; i < 20; i++) await log.append([record('requests', `value ${String(i)}`)]);
  await log.close();
  const segments = readdirSync(folder).sort();
  expect(segments.length).toBeGreaterThan(3);
  rmSync(join(folder, segments[1]!));
  await expect(openEmbeddedLog({ folder, clock })).rejects.toMatchObject({ code: 'log-corrupt' });
});

it('says log-corrupt to the reader when a frame rots while the log is open', async () => {
  const folder = temporaryFolder();
  const log = await openEmbeddedLog({ folder, clock, cacheBytes: 0 });
  await log.append([record('requests', 'first')]);
  const rotten = readFileSync(join(folder, SEGMENT)).length - 2;
  await log.append([record('requests', 'second')]);
  const bytes = readFileSync(join(folder, SEGMENT));
  bytes[rotten]! ^= 1;
  writeFileSync(join(folder, SEGMENT), bytes);
  const taker = take(log.consume({ topics: ['requests'], group: 'g', unsettledMax: 10 }));
  await expect(taker.until(1)).rejects.toMatchObject({ code: 'log-corrupt' });
  expect(taker.got.map(textOf)).toEqual([]);
  await log.close();
});
