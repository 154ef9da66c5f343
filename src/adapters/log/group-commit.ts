import { EspalierError } from '../../errors.ts';
import { frameBytes, type Transaction } from './payload.ts';

/** Bytes that are written at once; a single larger transaction still is one write. */
const BATCH_BYTES = 4 << 20;

interface Waiting {
  readonly transaction: Transaction;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface GroupCommit {
  submit(transaction: Transaction): Promise<void>;
  /** Refuses new transactions with log-closed, and resolves when the waiting ones are written. */
  close(): Promise<void>;
}

/**
 * Group commit (DeWitt et al. 1984): what arrives while a write runs shares the next one. One write is the price of a
 * batch, not of a transaction, and nothing waits for a timer.
 * @param write writes some transactions in order, all or none; bytes are the sum of their frames
 */
export function groupCommit(write: (transactions: readonly Transaction[], bytes: number) => Promise<void>): GroupCommit {
  const waiting: Waiting[] = [];
  let running: Promise<void> | null = null;
  let closed = false;

  async function run(): Promise<void> {
    // Whatever the caller does in this turn of the event loop still joins the first batch.
    await Promise.resolve();
    while (waiting.length > 0) {
      const batch = takeBatch(waiting);
      try {
        await write(batch.map(({ transaction }) => transaction), batch.reduce((sum, { bytes }) => sum + bytes, 0));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    running = null;
  }

  return {
    submit: (transaction) => new Promise((resolve, reject) => {
      if (closed) {
        reject(new EspalierError('log-closed'));
        return;
      }
      if (transaction.records.length === 0 && transaction.settled.length === 0) {
        resolve();
        return;
      }
      waiting.push({ transaction, bytes: frameBytes(transaction), resolve, reject });
      running ??= run();
    }),
    close: async () => {
      closed = true;
      await running;
    },
  };
}

function takeBatch(waiting: Waiting[]): Waiting[] {
  let count = 0;
  let bytes = 0;
  while (count < waiting.length && (count === 0 || bytes + waiting[count]!.bytes <= BATCH_BYTES)) bytes += waiting[count++]!.bytes;
  return waiting.splice(0, count);
}
