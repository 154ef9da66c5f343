/** The books: every request sent is answered once, no more and no less. Read from the log, not from counters. */
import type { Delivery, Log, Topic } from '../../ports.ts';
import { encodeRefusal } from '../../traffic/codec.ts';

export interface Account {
  readonly sent: number;
  readonly answered: number;
  /** Records in the refused topic, labels among them. */
  readonly refused: number;
  /** Requests that were neither answered nor refused. */
  readonly lost: number;
  readonly doubled: number;
}

const decoder = new TextDecoder();
const idOf = (value: Uint8Array): string => String((JSON.parse(decoder.decode(value)) as { id: unknown }).id);

/** The id of a request; one that cannot be read stands for itself. */
function requestOf({ value, offset }: Delivery): string {
  try { return idOf(value); } catch { return `unreadable at ${offset}`; }
}

/** What a refusal says of its record: its length and how it began. */
function recordOf(refusal: Uint8Array): string {
  const { bytes, record } = JSON.parse(decoder.decode(refusal)) as { readonly bytes: number; readonly record: string };
  return `${bytes} ${record}`;
}

async function* valuesOf(log: Log, topic: Topic): AsyncGenerator<Uint8Array> {
  for await (const { value } of log.read(topic)) yield value;
}

/** Counts the topics requests, predictions and refused of a log whose line has been drained. */
export async function settleAccount(log: Log): Promise<Account> {
  const answers = new Map<string, number>();
  for await (const value of valuesOf(log, 'predictions')) answers.set(idOf(value), (answers.get(idOf(value)) ?? 0) + 1);
  const refusals = new Set<string>();
  let refused = 0;
  for await (const value of valuesOf(log, 'refused')) {
    refusals.add(recordOf(value));
    refused++;
  }
  const sent = new Set<string>(), lost = new Set<string>();
  for await (const delivery of log.read('requests')) {
    const id = requestOf(delivery);
    sent.add(id);
    if (!answers.has(id) && !refusals.has(recordOf(encodeRefusal(delivery.value, 'request-invalid', '')))) lost.add(id);
  }
  let doubled = 0;
  for (const n of answers.values()) doubled += n - 1;
  return { sent: sent.size, answered: [...sent].filter((id) => answers.has(id)).length, refused, lost: lost.size, doubled };
}
