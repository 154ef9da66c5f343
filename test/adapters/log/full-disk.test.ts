// Goal: a full disk refuses what it cannot take, loses nothing that was acknowledged, and the log goes on when there is space. Method: a writer that runs out of bytes at every possible point; real ENOSPC from /dev/full and, where it may be mounted, from a small filesystem.
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { writeBytes, type WriteBytes } from '../../../src/adapters/files/atomic.ts';
import { systemClock } from '../../../src/adapters/clock/system.ts';
import { openEmbeddedLog } from '../../../src/adapters/log/embedded.ts';
import { codeOf } from '../../../src/errors.ts';
import { readTexts, record, take } from '../../checks/log.ts';
import { temporaryFolder } from '../temporary.ts';

const clock = systemClock();

/** A disk with room for so many bytes more: a write that does not fit is done in part. */
function disk(room: number): { room: number; write: WriteBytes } {
  const state = {
    room,
    write: async (...[file, bytes, position]: Parameters<WriteBytes>) => {
      const fits = Math.min(bytes.length, state.room);
      await writeBytes(file, bytes.subarray(0, fits), position);
      state.room -= fits;
      if (fits < bytes.length) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    },
  };
  return state;
}

const mount = (place: string): void => { execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', place], { stdio: 'ignore' }); };

/** Only root may, and not in every container. */
function mayMount(): boolean {
  const place = temporaryFolder();
  try { mount(place); } catch { return false; }
  execFileSync('umount', [place]);
  return true;
}

describe('a log on a full disk', () => {
  it('keeps what was acknowledged and nothing else, wherever the space ends', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 200, max: 2500 }), fc.boolean(), async (room, restart) => {
      const folder = temporaryFolder();
      const state = disk(room);
      let log = await openEmbeddedLog({ folder, clock, segmentBytes: 700, write: state.write });
      const acknowledged: string[] = [];
      let refused = 0;
      for (let i = 0; i < 40; i++) {
        await log.append([record('journal', `first of ${String(i)}`), record('states', `second of ${String(i)}`)]).then(
          () => acknowledged.push(String(i)),
          (error: unknown) => { expect(codeOf(error)).toBe('storage-full'); refused++; },
        );
      }
      expect(refused).toBeGreaterThan(0);
      if (restart) {
        await log.close();
        log = await openEmbeddedLog({ folder, clock, segmentBytes: 700, write: state.write });
        expect(log.opened.tornBytes).toBe(0);
      }
      state.room = Infinity;
      await log.append([record('journal', 'first of space'), record('states', 'second of space')]);
      for (const [topic, place] of [['journal', 'first'], ['states', 'second']] as const) {
        expect(await readTexts(log, topic)).toEqual([...acknowledged, 'space'].map((i) => `${place} of ${i}`));
      }
      await log.close();
    }), { numRuns: 40 });
  });

  it('settles nothing in a transaction that it refused', async () => {
    const folder = temporaryFolder();
    const state = disk(Infinity);
    const log = await openEmbeddedLog({ folder, clock, write: state.write });
    await log.append([record('requests', 'r0')]);
    const taker = take(log.consume({ topics: ['requests'], group: 'serve', unsettledMax: 1 }));
    await taker.until(1);
    const answer = { group: 'serve', records: [record('predictions', 'p0')], settled: [taker.got[0]!] };
    state.room = 20;
    await expect(log.transact(answer)).rejects.toMatchObject({ code: 'storage-full', details: expect.stringContaining(folder) as string });
    state.room = Infinity;
    await log.transact(answer);
    expect(await readTexts(log, 'predictions')).toEqual(['p0']);
    await log.close();
  });

  if (existsSync('/dev/full')) it('takes a real ENOSPC for what it is', async () => {
    let full = false;
    const log = await openEmbeddedLog({ folder: temporaryFolder(), clock, write: async (file, bytes, position) => {
      if (!full) return writeBytes(file, bytes, position);
      const device = await open('/dev/full', 'w');
      return writeBytes(device, bytes, 0).finally(() => device.close());
    } });
    await log.append([record('journal', 'a')]);
    full = true;
    await expect(log.append([record('journal', 'b')])).rejects.toMatchObject({ code: 'storage-full' });
    full = false;
    await log.append([record('journal', 'c')]);
    expect(await readTexts(log, 'journal')).toEqual(['a', 'c']);
    await log.close();
  });

  if (mayMount()) it('fills a small filesystem to the last byte', async () => {
    const place = temporaryFolder();
    mount(place);
    try {
      const log = await openEmbeddedLog({ folder: `${place}/log`, clock, segmentBytes: 50_000 });
      const acknowledged: string[] = [];
      let error: unknown = null;
      for (let i = 0; error === null; i++) {
        const text = `${String(i)} ${'x'.repeat(1000)}`;
        await log.append([record('journal', text)]).then(() => acknowledged.push(text), (reason: unknown) => { error = reason; });
      }
      expect(codeOf(error)).toBe('storage-full');
      await log.close();
      const again = await openEmbeddedLog({ folder: `${place}/log`, clock });
      expect(await readTexts(again, 'journal')).toEqual(acknowledged);
      await again.close();
    } finally {
      execFileSync('umount', [place]);
    }
  });
});
