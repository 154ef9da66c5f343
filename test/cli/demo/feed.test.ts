// Goal: the traffic is what it says: every request once, in order, its label after it, at the wanted pace. Method: the memory log on the simulated clock.
import { describe, expect, it } from 'vitest';
import { simulatedClock } from '../../../src/adapters/clock/simulated.ts';
import type { SimulatedClock } from '../../../src/adapters/clock/simulated.ts';
import { memoryLog } from '../../../src/adapters/log/memory.ts';
import { startFeed } from '../../../src/cli/demo/feed.ts';
import type { Feed, FeedPlan } from '../../../src/cli/demo/feed.ts';
import type { Log, Topic } from '../../../src/ports.ts';
import { randomFrom } from '../../../src/support/random.ts';
import type { CorpusSession } from '../../../src/traffic/corpus.ts';

const SESSIONS: readonly CorpusSession[] = Array.from({ length: 30 }, (_, s) => ({
  id: `s${s}`, genre: 'all', sequences: Array.from({ length: 1 + (s % 5) }, (_ignored, i) => ({ words: [`w${s}`, `w${i}`], tags: ['A', 'B'] })),
}));
const TOTAL = SESSIONS.reduce((n, { sequences }) => n + sequences.length, 0);

interface Sent { readonly id: string; readonly session: string; readonly sequence: number; readonly text: readonly string[]; readonly target: readonly string[] | string; readonly at: number }

async function readAll(log: Log, topic: Topic): Promise<readonly Sent[]> {
  const found: Sent[] = [];
  for await (const { value, at, key } of log.read(topic)) {
    const sent = { ...JSON.parse(new TextDecoder().decode(value)) as Sent, at };
    expect(key).toBe(sent.session);
    found.push(sent);
  }
  return found;
}

function start(plan: Partial<FeedPlan> = {}, task: 'tag' | 'classify' = 'tag'): { readonly clock: SimulatedClock; readonly log: Log; readonly feed: Feed } {
  const clock = simulatedClock(1_000_000), log = memoryLog(clock);
  return { clock, log, feed: startFeed({ log, clock, random: randomFrom(3) }, task, SESSIONS, { requestsPerSecond: 100, open: 6, labelDelayMs: 400, forever: false, msMax: Infinity, ...plan }) };
}

async function finish({ clock, feed }: { readonly clock: SimulatedClock; readonly feed: Feed }): Promise<void> {
  let over = false;
  const end = feed.finished.then(() => { over = true; });
  for (let turn = 0; turn < 100_000 && !over; turn++) await clock.advance(10);
  expect(over).toBe(true);
  await end;
}

describe('the feed', () => {
  it('sends every request once, in order within its session, and its label after it', async () => {
    const world = start();
    await finish(world);
    const requests = await readAll(world.log, 'requests'), labels = await readAll(world.log, 'labels');
    expect(requests.map(({ id }) => id).sort()).toEqual(SESSIONS.flatMap(({ id, sequences }) => sequences.map((_, i) => `${id}:${i}`)).sort());
    for (const { id, sequences } of SESSIONS) {
      const own = requests.filter(({ session }) => session === id);
      expect(own.map(({ sequence }) => sequence)).toEqual(sequences.map((_, i) => i));
      expect(own.map(({ text }) => text)).toEqual(sequences.map(({ words }) => words));
    }
    expect(labels.map(({ id }) => id).sort()).toEqual(requests.map(({ id }) => id).sort());
    for (const label of labels) expect(label.at).toBeGreaterThanOrEqual(requests.find(({ id }) => id === label.id)!.at);
    expect(labels.every(({ target }) => JSON.stringify(target) === '["A","B"]')).toBe(true);
    expect(world.feed.sent()).toBe(TOTAL);
    expect(world.feed.done()).toBe(1);
  });

  it('mixes sessions, labels come late, and the pace is the wanted one', async () => {
    const world = start();
    await finish(world);
    const requests = await readAll(world.log, 'requests'), labels = await readAll(world.log, 'labels');
    const changes = requests.filter(({ session }, i) => i > 0 && session !== requests[i - 1]!.session).length;
    expect(changes).toBeGreaterThan(requests.length / 2);
    const delays = labels.map((label) => label.at - requests.find(({ id }) => id === label.id)!.at);
    expect(delays.reduce((a, b) => a + b, 0) / delays.length).toBeGreaterThan(200);
    const span = requests.at(-1)!.at - requests[0]!.at;
    expect(Math.abs(span - 10 * TOTAL)).toBeLessThanOrEqual(60);
  });

  it('sends one label a request where sequences are classified', async () => {
    const world = start({}, 'classify');
    await finish(world);
    expect((await readAll(world.log, 'labels')).every(({ target }) => target === 'A')).toBe(true);
  });

  it('stops when told to, and sends nothing more', async () => {
    const { clock, log, feed } = start();
    while (feed.sent() < 20) await clock.advance(10);
    feed.stop();
    await finish({ clock, feed });
    const sent = (await readAll(log, 'requests')).length;
    expect(sent).toBe(feed.sent());
    expect(sent).toBeLessThan(TOTAL);
    await clock.advance(5000);
    expect(await readAll(log, 'requests')).toHaveLength(sent);
  });

  it('ends after its time with the labels of what was sent', async () => {
    const world = start({ msMax: 300 });
    await finish(world);
    const sent = world.feed.sent();
    expect(sent).toBeLessThanOrEqual(32);
    expect(sent).toBeGreaterThan(0);
    expect(await readAll(world.log, 'labels')).toHaveLength(sent);
  });

  it('goes on for ever with new sessions, where that is wanted', async () => {
    const { clock, log, feed } = start({ forever: true });
    while (feed.sent() < 3 * TOTAL) await clock.advance(10);
    feed.stop();
    await finish({ clock, feed });
    const requests = await readAll(log, 'requests');
    expect(new Set(requests.map(({ id }) => id)).size).toBe(requests.length);
    expect(requests.slice(TOTAL, 2 * TOTAL).every(({ session }) => session.endsWith('~1'))).toBe(true);
    expect(feed.done()).toBe(1);
  });
});
