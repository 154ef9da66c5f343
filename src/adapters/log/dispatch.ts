import { Observable, type Subscriber } from 'rxjs';
import { EspalierError } from '../../errors.ts';
import type { Delivery, Log, Topic } from '../../ports.ts';
import type { Settled } from './payload.ts';
import type { Positions } from './positions.ts';

type ConsumeOptions = Parameters<Log['consume']>[0];

/** What the dispatch needs to know of the stored records. */
export interface RecordSource {
  base(topic: Topic): number;
  next(topic: Topic): number;
  /** A number that grows in the order of the appends, over all topics. */
  order(topic: Topic, offset: number): number;
  fetch(topic: Topic, offset: number): Delivery | Promise<Delivery>;
}

interface Consumer {
  readonly options: ConsumeOptions;
  readonly subscriber: Subscriber<Delivery>;
  /** The next offset to look at, for each topic that this consumer holds. */
  readonly cursors: Map<Topic, number>;
  readonly outstanding: Map<Topic, Set<number>>;
  outstandingCount: number;
  pumping: boolean;
}

export interface Dispatch {
  consume(options: ConsumeOptions): Observable<Delivery>;
  /** Delivers what may be delivered now; called after every commit. */
  wake(): void;
  /** Takes note of what a group settled. */
  settle(group: string, settled: readonly Settled[]): void;
  /** Completes all consumers. */
  close(): void;
}

/**
 * Hands records to consumers in the order of their appends, over the topics of a consumer, at most `unsettledMax`
 * outstanding. Within a group a topic has one consumer at a time (one partition); a second one waits for its turn.
 */
export function dispatch(source: RecordSource, positions: Positions): Dispatch {
  const consumers = new Set<Consumer>();
  const holders = new Map<string, Consumer>();
  let closed = false;

  /** The oldest record that the consumer may have next. */
  function nextOf(consumer: Consumer): Settled | null {
    const { group, topics } = consumer.options;
    let best: Settled | null = null;
    let bestOrder = Infinity;
    for (const topic of topics) {
      const offset = cursorOf(consumer, group, topic);
      if (offset === null || offset >= source.next(topic)) continue;
      const order = source.order(topic, offset);
      if (order < bestOrder) [best, bestOrder] = [{ topic, offset }, order];
    }
    return best;
  }

  function cursorOf(consumer: Consumer, group: string, topic: Topic): number | null {
    const key = `${topic} ${group}`;
    const holder = holders.get(key);
    if (holder === undefined) holders.set(key, consumer);
    else if (holder !== consumer) return null;
    let offset = Math.max(consumer.cursors.get(topic) ?? positions.floor(group, topic), source.base(topic));
    while (offset < source.next(topic) && positions.isSettled(group, topic, offset)) offset++;
    consumer.cursors.set(topic, offset);
    return offset;
  }

  async function pump(consumer: Consumer): Promise<void> {
    const { subscriber, options, outstanding } = consumer;
    consumer.pumping = true;
    while (!subscriber.closed && consumer.outstandingCount < options.unsettledMax) {
      const next = nextOf(consumer);
      if (next === null) break;
      const fetched = source.fetch(next.topic, next.offset);
      const delivery = fetched instanceof Promise ? await fetched : fetched;
      consumer.cursors.set(next.topic, next.offset + 1);
      outstanding.get(next.topic)!.add(next.offset);
      consumer.outstandingCount++;
      subscriber.next(delivery);
    }
    consumer.pumping = false;
  }

  function wake(): void {
    for (const consumer of consumers) {
      if (!consumer.pumping) pump(consumer).catch((error: unknown) => { consumer.subscriber.error(error); });
    }
  }

  function leave(consumer: Consumer): void {
    consumers.delete(consumer);
    for (const [key, holder] of holders) if (holder === consumer) holders.delete(key);
    wake();
  }

  return {
    consume: (options) => new Observable((subscriber) => {
      if (closed) {
        subscriber.error(new EspalierError('log-closed'));
        return;
      }
      const outstanding = new Map(options.topics.map((topic) => [topic, new Set<number>()]));
      const consumer: Consumer = { options, subscriber, cursors: new Map(), outstanding, outstandingCount: 0, pumping: false };
      for (const topic of options.topics) positions.join(options.group, topic, source.base(topic));
      consumers.add(consumer);
      queueMicrotask(wake);
      return () => { leave(consumer); };
    }),
    wake,
    settle: (group, settled) => {
      for (const { topic, offset } of settled) {
        positions.settle(group, topic, offset);
        for (const consumer of consumers) {
          if (consumer.options.group === group && consumer.outstanding.get(topic)?.delete(offset) === true) consumer.outstandingCount--;
        }
      }
    },
    close: () => {
      closed = true;
      for (const { subscriber } of [...consumers]) subscriber.complete();
    },
  };
}
