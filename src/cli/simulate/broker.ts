/**
 * The log of a simulated cluster: the dispatch and the positions of the embedded log over memory, which outlives the
 * processes. Each process has a handle that dies with it; what it had not settled is delivered again to the next one.
 */
import { Observable } from 'rxjs';
import { memoryLog } from '../../adapters/log/memory.ts';
import { EspalierError } from '../../errors.ts';
import type { Clock, Delivery, Log, LogRecord, Topic } from '../../ports.ts';
import type { Life } from './life.ts';

export interface BrokerPorts {
  readonly clock: Clock;
  /** Latency of a commit, milliseconds; null where the disk is full. */
  readonly commitMs: () => number | null;
  readonly random: () => number;
  /** Told of every transaction when it takes effect. */
  readonly committed: (life: Life, records: readonly LogRecord[]) => void;
  /** Told of what no process should ever do, or see. */
  readonly violated: (what: string) => void;
}

export interface Broker {
  /** The world's own access, without latency and without end. */
  readonly inner: Log;
  handle(life: Life): Log;
  /** Facts of the journal that are on their way. */
  readonly journalling: () => number;
  /** Whether a living process holds requests that are not settled. */
  readonly isBusy: () => boolean;
}

export function openBroker(ports: BrokerPorts): Broker {
  const inner = memoryLog(ports.clock);
  const holders = new Set<() => number>();
  let journalling = 0;

  /** The effect comes at once or just before the answer, so that a death in between falls on either side of it. */
  async function commit(life: Life, effect: () => Promise<void>): Promise<void> {
    const ms = ports.commitMs();
    if (ms === null) throw new EspalierError('storage-full', 'as scripted');
    const atOnce = ports.random() < 0.5;
    if (atOnce) await effect();
    if (ms > 0) await ports.clock.sleep(ms);
    if (!atOnce && !life.dead) await effect();
  }

  function handle(life: Life): Log {
    const outstanding = new Map<string, Delivery>();
    /** Deliveries of a topic that the process holds: until it hears that they are settled. */
    const heldOf = new Map<Topic, number>();
    const acknowledged: (() => void)[] = [];
    const nameOf = ({ topic, offset }: Delivery): string => `${topic} ${offset}`;
    const { violated } = ports;
    const holds = (): number => heldOf.get('requests') ?? 0;
    holders.add(holds);
    life.onEnd(() => { holders.delete(holds); });
    return {
      consume: (options) => new Observable<Delivery>((to) => {
        const [topic] = options.topics;
        const waiting: Delivery[] = [];
        const deliver = (): void => {
          while (!life.dead && !to.closed && waiting.length > 0 && (heldOf.get(topic!) ?? 0) < options.unsettledMax) {
            const delivery = waiting.shift()!;
            outstanding.set(nameOf(delivery), delivery);
            heldOf.set(topic!, (heldOf.get(topic!) ?? 0) + 1);
            to.next(delivery);
          }
        };
        acknowledged.push(deliver);
        const subscription = inner.consume(options).subscribe((delivery) => {
          waiting.push(delivery);
          deliver();
        });
        life.onEnd(() => { subscription.unsubscribe(); });
        return subscription;
      }),
      read: (topic: Topic) => inner.read(topic),
      append: (records) => {
        const journal = records.some(({ topic }) => topic === 'journal');
        if (journal) journalling++;
        return life.answer(commit(life, () => {
          ports.committed(life, records);
          return inner.append(records);
        }).finally(() => { if (journal) journalling--; }));
      },
      transact: (transaction) => {
        const { records, settled } = transaction;
        for (const delivery of settled) if (!outstanding.delete(nameOf(delivery))) violated(`${nameOf(delivery)} was settled and is not outstanding`);
        checkAtomic(records, settled, violated);
        return life.answer(commit(life, () => {
          ports.committed(life, records);
          return inner.transact(transaction);
        }).then(() => {
          for (const { topic } of settled) heldOf.set(topic, (heldOf.get(topic) ?? 0) - 1);
          for (const deliver of acknowledged) deliver();
        }));
      },
      close: () => Promise.resolve(),
    };
  }
  return { inner, handle, journalling: () => journalling, isBusy: () => [...holders].some((holds) => holds() > 0) };
}

/** Each settled request has its answer or its refusal in the same transaction, and nothing else has. */
function checkAtomic(records: readonly LogRecord[], settled: readonly Delivery[], violated: (what: string) => void): void {
  const count = (of: readonly { readonly topic: Topic }[], ...topics: readonly Topic[]): number => of.filter(({ topic }) => topics.includes(topic)).length;
  const answered = count(records, 'predictions'), refused = count(records, 'refused'), requests = count(settled, 'requests'), labels = count(settled, 'labels');
  if (answered + refused < requests || answered + refused > requests + labels || answered > requests) violated(`a transaction settles ${requests} requests and ${labels} labels with ${answered} answers and ${refused} refusals`);
}
