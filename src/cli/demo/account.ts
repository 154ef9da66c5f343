/** The books: every request sent is answered once, no more and no less. Read from the log, not from counters. */
import type { Log } from '../../ports.ts';

export interface Account {
  readonly sent: number;
  readonly answered: number;
  readonly refused: number;
  readonly lost: number;
  readonly doubled: number;
}

const decoder = new TextDecoder();
const idOf = (value: Uint8Array): string => String((JSON.parse(decoder.decode(value)) as { id: unknown }).id);

/** Counts the topics requests, predictions and refused of a log whose line has been drained. */
export async function settleAccount(log: Log): Promise<Account> {
  const sent = new Set<string>();
  for await (const delivery of log.read('requests')) sent.add(idOf(delivery.value));
  const answers = new Map<string, number>();
  for await (const delivery of log.read('predictions')) {
    const id = idOf(delivery.value);
    answers.set(id, (answers.get(id) ?? 0) + 1);
  }
  let refused = 0;
  for await (const delivery of log.read('refused')) refused += delivery.topic === 'refused' ? 1 : 0;
  let answered = 0, doubled = 0;
  for (const [id, n] of answers) {
    if (sent.has(id)) answered++;
    doubled += n - 1;
  }
  return { sent: sent.size, answered, refused, lost: sent.size - answered, doubled };
}
