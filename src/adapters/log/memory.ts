import { EspalierError } from '../../errors.ts';
import type { Clock, Delivery, Log, LogRecord, Topic } from '../../ports.ts';
import { dispatch } from './dispatch.ts';
import type { Settled } from './payload.ts';
import { positionsFrom } from './positions.ts';

/** A log that lives as long as the process: for tests and simulations. Values are copied on the way in. */
export function memoryLog(clock: Clock): Log {
  const topics = new Map<Topic, { readonly order: number; readonly delivery: Delivery }[]>();
  const positions = positionsFrom({});
  const recordsOf = (topic: Topic) => topics.get(topic) ?? [];
  const dispatcher = dispatch({
    base: () => 0,
    next: (topic) => recordsOf(topic).length,
    order: (topic, offset) => recordsOf(topic)[offset]!.order,
    fetch: (topic, offset) => recordsOf(topic)[offset]!.delivery,
  }, positions);
  let appended = 0;
  let closed = false;

  async function commit(group: string, records: readonly LogRecord[], settled: readonly Settled[]): Promise<void> {
    if (closed) throw new EspalierError('log-closed');
    const at = clock.now();
    for (const { topic, key, value } of records) {
      const stored = recordsOf(topic);
      topics.set(topic, stored);
      stored.push({ order: appended++, delivery: { topic, partition: 0, offset: stored.length, key, value: Uint8Array.from(value), at } });
    }
    dispatcher.settle(group, settled);
    // As with every log, the answer and the deliveries come later, not within the call.
    await Promise.resolve();
    dispatcher.wake();
  }

  return {
    consume: (options) => dispatcher.consume(options),
    read: (topic) => ({
      async *[Symbol.asyncIterator]() {
        for (const { delivery } of [...recordsOf(topic)]) yield await Promise.resolve(delivery);
      },
    }),
    append: (records) => commit('', records, []),
    transact: ({ group, records, settled }) => commit(group, records, settled),
    close: () => {
      closed = true;
      dispatcher.close();
      return Promise.resolve();
    },
  };
}
