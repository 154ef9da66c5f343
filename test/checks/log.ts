// Check list of the port Log: what every log must do, whatever it is made of.
import fc from 'fast-check';
import type { Observable, Subscription } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import type { Delivery, Log, LogRecord, Topic } from '../../src/ports.ts';

export interface LogUnderTest {
  /** Opens the log; a second time, after a close, with what was stored before where `durable`. */
  readonly open: () => Promise<Log>;
  readonly durable: boolean;
}

export interface LogSemantics {
  /**
   * exactly: what is delivered again to the next consumer is what was not settled, and nothing else. position: a group
   * keeps one offset for each partition, so everything from the first unsettled record on comes again (at least once).
   */
  readonly again: 'exactly' | 'position';
  /** Runs of the property over restarts, each with several openings. */
  readonly restartRuns: number;
}

const EXACTLY: LogSemantics = { again: 'exactly', restartRuns: 10 };

export const record = (topic: Topic, text: string, key = 'session'): LogRecord => ({ topic, key, value: new TextEncoder().encode(text) });
export const textOf = (delivery: Delivery): string => new TextDecoder().decode(delivery.value);

export interface Taker {
  readonly got: Delivery[];
  readonly texts: () => string[];
  /** Resolves when at least `count` deliveries have come. Rejects when the stream ends with an error. */
  readonly until: (count: number) => Promise<void>;
  readonly subscription: Subscription;
}

/** Takes deliveries and keeps them; `each` sees every one as it comes. */
export function take(stream: Observable<Delivery>, each: (delivery: Delivery) => void = () => undefined): Taker {
  const got: Delivery[] = [];
  let waiting: { count: number; resolve: () => void; reject: (error: unknown) => void }[] = [];
  const subscription = stream.subscribe({
    next: (delivery) => {
      got.push(delivery);
      each(delivery);
      waiting = waiting.filter(({ count, resolve }) => got.length < count || (resolve(), false));
    },
    error: (error: unknown) => { for (const { reject } of waiting) reject(error); },
  });
  const until = (count: number): Promise<void> => (got.length >= count ? Promise.resolve() : new Promise((resolve, reject) => { waiting.push({ count, resolve, reject }); }));
  return { got, texts: () => got.map(textOf), until, subscription };
}

export async function readTexts(log: Log, topic: Topic): Promise<string[]> {
  const texts: string[] = [];
  for await (const delivery of log.read(topic)) texts.push(textOf(delivery));
  return texts;
}

const words = (count: number, prefix = 'r'): string[] => Array.from({ length: count }, (_, i) => `${prefix}${String(i)}`);

/** The records 0 to count − 1 that come again after some were settled. */
const comeAgain = (count: number, settled: ReadonlySet<number>, { again }: LogSemantics): number[] => {
  const all = Array.from({ length: count }, (_, i) => i);
  const first = all.find((i) => !settled.has(i)) ?? count;
  return all.filter((i) => (again === 'exactly' ? !settled.has(i) : i >= first));
};

export function checkLog(name: string, make: () => LogUnderTest, semantics: LogSemantics = EXACTLY): void {
  describe(`the log ${name}`, () => {
    const open: Log[] = [];
    const opened = async (under: LogUnderTest): Promise<Log> => {
      const log = await under.open();
      open.push(log);
      return log;
    };
    afterEach(async () => { for (const log of open.splice(0)) await log.close(); });

    it('reads back what was appended, oldest first, with key, value, time and offsets without a gap', async () => {
      const log = await opened(make());
      await log.append([record('journal', 'ü1', 'ключ'), record('roster', 'other')]);
      await log.append([record('journal', '')]);
      const got: Delivery[] = [];
      for await (const delivery of log.read('journal')) got.push(delivery);
      expect(got.map(textOf)).toEqual(['ü1', '']);
      expect(got.map(({ key, offset, topic }) => [key, offset - got[0]!.offset, topic])).toEqual([['ключ', 0, 'journal'], ['session', 1, 'journal']]);
      expect(got.every(({ at }) => at > 0)).toBe(true);
    });

    it('delivers the backlog, then what comes', async () => {
      const log = await opened(make());
      await log.append(words(3).map((text) => record('requests', text)));
      const taker = take(log.consume({ topics: ['requests'], group: 'serve', unsettledMax: 100 }));
      await taker.until(3);
      await log.append([record('requests', 'r3')]);
      await taker.until(4);
      expect(taker.texts()).toEqual(words(4));
    });

    it('never has more than unsettledMax outstanding, and goes on when some are settled', async () => {
      const log = await opened(make());
      const taker = take(log.consume({ topics: ['requests'], group: 'serve', unsettledMax: 3 }));
      await log.append(words(10).map((text) => record('requests', text)));
      await taker.until(3);
      await log.append([record('journal', 'a round trip')]);
      await readTexts(log, 'journal');
      expect(taker.got.length).toBe(3);
      await log.transact({ group: 'serve', records: [], settled: [taker.got[1]!] });
      await taker.until(4);
      expect(taker.texts()).toEqual(words(4));
    });

    it('gives every group everything', async () => {
      const log = await opened(make());
      const first = take(log.consume({ topics: ['requests'], group: 'one', unsettledMax: 10 }));
      const second = take(log.consume({ topics: ['requests'], group: 'two', unsettledMax: 10 }));
      await log.append(words(5).map((text) => record('requests', text)));
      await Promise.all([first.until(5), second.until(5)]);
      await log.transact({ group: 'one', records: [], settled: first.got });
      expect(second.texts()).toEqual(words(5));
    });

    it('delivers several topics to one consumer, each in its order', async () => {
      const log = await opened(make());
      const taker = take(log.consume({ topics: ['requests', 'labels'], group: 'serve', unsettledMax: 100 }));
      await log.append([record('requests', 'r0'), record('labels', 'l0'), record('requests', 'r1')]);
      await log.append([record('labels', 'l1')]);
      await taker.until(4);
      expect(taker.texts().filter((text) => text.startsWith('r'))).toEqual(['r0', 'r1']);
      expect(taker.texts().filter((text) => text.startsWith('l'))).toEqual(['l0', 'l1']);
    });

    it('transacts records of several topics and the settling together', async () => {
      const log = await opened(make());
      await log.append(words(2).map((text) => record('requests', text)));
      const taker = take(log.consume({ topics: ['requests'], group: 'serve', unsettledMax: 10 }));
      await taker.until(2);
      await log.transact({ group: 'serve', records: [record('predictions', 'p0'), record('states', 's0')], settled: [taker.got[0]!] });
      expect(await readTexts(log, 'predictions')).toEqual(['p0']);
      expect(await readTexts(log, 'states')).toEqual(['s0']);
    });

    it('delivers again what was not settled to the next consumer of the group, and nothing else', async () => {
      const log = await opened(make());
      await log.append(words(6).map((text) => record('requests', text)));
      const first = take(log.consume({ topics: ['requests'], group: 'serve', unsettledMax: 10 }));
      await first.until(6);
      await log.transact({ group: 'serve', records: [], settled: [first.got[0]!, first.got[3]!, first.got[5]!] });
      first.subscription.unsubscribe();
      const second = take(log.consume({ topics: ['requests'], group: 'serve', unsettledMax: 10 }));
      await log.append([record('requests', 'r6')]);
      const expected = comeAgain(7, new Set([0, 3, 5]), semantics).map((i) => `r${String(i)}`);
      await second.until(expected.length);
      expect(second.texts()).toEqual(expected);
    });

    it('keeps many appends at once whole and in order', async () => {
      const log = await opened(make());
      await Promise.all(words(200).map((text) => log.append([record('journal', text), record('journal', `${text}'`)])));
      const texts = await readTexts(log, 'journal');
      expect(texts).toEqual(words(200).flatMap((text) => [text, `${text}'`]));
    });

    it('refuses to write after it was closed, and completes its consumers', async () => {
      const under = make();
      const log = await under.open();
      let completed = false;
      log.consume({ topics: ['requests'], group: 'serve', unsettledMax: 1 }).subscribe({ complete: () => { completed = true; } });
      await log.close();
      await log.close();
      expect(completed).toBe(true);
      await expect(log.append([record('journal', 'late')])).rejects.toMatchObject({ code: 'log-closed' });
    });

    it('keeps, over restarts, what was settled in any order', async () => {
      if (!make().durable) return;
      await fc.assert(fc.asyncProperty(fc.array(fc.array(fc.nat(19), { maxLength: 8 }), { minLength: 1, maxLength: 4 }), async (rounds) => {
        const under = make();
        const settled = new Set<number>();
        // What the next consumer is spared. Of a position it is what lies before it, and a position moves only over what its own consumer
        // has settled: that a record beyond it was settled once is forgotten with that consumer.
        let spared = new Set<number>();
        let log = await under.open();
        await log.append(words(20).map((text) => record('requests', text)));
        for (const round of rounds) {
          const taker = take(log.consume({ topics: ['requests'], group: 'serve', unsettledMax: 100 }));
          const expected = comeAgain(20, spared, semantics).map((i) => `r${String(i)}`);
          await taker.until(expected.length);
          expect(taker.texts()).toEqual(expected);
          const now = taker.got.filter((delivery) => round.includes(Number(textOf(delivery).slice(1))));
          for (const delivery of now) await log.transact({ group: 'serve', records: [record('predictions', textOf(delivery))], settled: [delivery] });
          for (const delivery of now) { settled.add(Number(textOf(delivery).slice(1))); spared.add(Number(textOf(delivery).slice(1))); }
          if (semantics.again === 'position') spared = new Set(words(comeAgain(20, spared, semantics)[0] ?? 20).map((_, i) => i));
          await log.close();
          log = await under.open();
        }
        const predictions = await readTexts(log, 'predictions');
        expect([...new Set(predictions)].sort()).toEqual([...settled].map((i) => `r${String(i)}`).sort());
        if (semantics.again === 'exactly') expect(predictions.length).toBe(settled.size);
        await log.close();
      }), { numRuns: semantics.restartRuns, examples: [[[[2], [0, 1], []]]] });
    });
  });
}
