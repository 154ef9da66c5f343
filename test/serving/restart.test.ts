// Goal: a line that dies at any moment and begins again on the same files answers every request once and as offline. Method: the embedded log closed under a running line, several times.
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { simulatedClock } from '../../src/adapters/clock/simulated.ts';
import { openEmbeddedLog } from '../../src/adapters/log/embedded.ts';
import { temporaryFolder } from '../adapters/temporary.ts';
import { offline, openWorld } from './line-under-test.ts';
import { rosterOf, sampleModel } from './samples.ts';

const A = sampleModel('a', 1);
const COUNT = 60, SESSIONS = 7;
const tokensOf = (n: number): readonly number[] => [n % 16, (3 * n) % 16];

describe('a line on the embedded log', () => {
  it('loses nothing and doubles nothing when the log goes away under it', async () => {
    const root = temporaryFolder();
    let run = 0;
    await fc.assert(fc.asyncProperty(fc.array(fc.nat(15), { minLength: 1, maxLength: 4 }), async (lives) => {
      const folder = join(root, `run-${run++}`), clock = simulatedClock(1_000);
      const open = async () => openWorld({ models: [A], roster: rosterOf({ champion: 'a' }), limits: { unsettledMax: 9, batchMax: 4 }, after: { log: await openEmbeddedLog({ folder, clock }), clock } });
      const writer = await openEmbeddedLog({ folder, clock });
      await writer.append(Array.from({ length: COUNT }, (_, n) => ({ topic: 'requests', key: `s${n % SESSIONS}`, value: new TextEncoder().encode(JSON.stringify({ id: `r${n}`, session: `s${n % SESSIONS}`, tokens: tokensOf(n) })) })));
      await writer.close();
      for (const answers of lives) {
        const world = await open();
        const before = (await world.answers()).length;
        await world.until(async () => (await world.answers()).length >= Math.min(COUNT, before + answers));
        await world.log.close();
        await world.drain().catch(() => undefined);
      }
      const last = await open();
      await last.until(async () => (await last.answers()).length >= COUNT);
      await last.drain();
      const answers = await last.answers();
      expect(answers.map(({ id }) => id).sort()).toEqual(Array.from({ length: COUNT }, (_, n) => `r${n}`).sort());
      for (let s = 0; s < SESSIONS; s++) {
        const mine = answers.filter(({ session }) => session === `s${s}`);
        expect(mine.map(({ id }) => Number(id.slice(1)))).toEqual(mine.map((_, at) => s + at * SESSIONS));
        expect(mine.map(({ labels }) => labels)).toEqual(offline(mine.map(({ id }) => ({ model: A, tokens: tokensOf(Number(id.slice(1))) }))));
      }
      await last.log.close();
    }), { numRuns: 10 });
  });
});
