/**
 * Whether a job of the shared log was ended already, by whichever process. The group's position is told after the end of
 * a job is written, so a process that dies between the two, or that loses its partition, leaves a job to be delivered
 * once more; its end is in the topic `evidence` then.
 */
import type { Fact, Order } from '../../facts.ts';
import { decodeFact } from '../../loop/journal.ts';
import type { Delivery, Log } from '../../ports.ts';

type TuneOrder = Extract<Order, { kind: 'tune' }>;

/** How far the clocks of two machines, whose times the records bear, may lie apart. */
const SKEW_MS_MAX = 60_000;

const factOf = (bytes: Uint8Array): Fact | null => { try { return decodeFact(bytes); } catch { return null; } };

/** @param delivery the order's own record: its end is not older */
export async function isEnded(log: Log, { order, deadline }: TuneOrder, delivery: Delivery): Promise<boolean> {
  for await (const { value } of log.read('evidence', undefined, delivery.at - SKEW_MS_MAX)) {
    const fact = factOf(value);
    if ((fact?.kind === 'job-done' || fact?.kind === 'job-failed') && fact.order === order && fact.deadline === deadline) return true;
  }
  return false;
}
