/** Live traffic from a corpus: requests at a steady pace from many open sessions, and their labels some time later. */
import type { Clock, Log, LogRecord } from '../../ports.ts';
import { interleave } from '../../traffic/corpus.ts';
import type { CorpusSession } from '../../traffic/corpus.ts';

export interface FeedPlan {
  readonly requestsPerSecond: number;
  /** Sessions open at a time. */
  readonly open: number;
  /** Mean of the (exponential) delay of a label after its request, milliseconds. */
  readonly labelDelayMs: number;
  /** Starts over with new sessions when the corpus is used up. */
  readonly forever: boolean;
  /** Longest time to go on sending, milliseconds. */
  readonly msMax: number;
}

export interface Feed {
  /** Requests appended so far. */
  readonly sent: () => number;
  /** Share of the corpus that has been sent. */
  readonly done: () => number;
  /** Resolves when the last request and the last label have been appended, or after `stop`. */
  readonly finished: Promise<void>;
  stop(): void;
}

const encoder = new TextEncoder();
const record = (topic: 'requests' | 'labels', key: string, value: unknown): LogRecord => ({ topic, key, value: encoder.encode(JSON.stringify(value)) });
const TICK_MS = 20;

/** Starts the traffic. @param random uniform in [0, 1) */
export function startFeed(ports: { readonly log: Log; readonly clock: Clock; readonly random: () => number }, task: 'tag' | 'classify', sessions: readonly CorpusSession[], plan: FeedPlan): Feed {
  const { log, clock, random } = ports;
  const lengths = sessions.map((session) => session.sequences.length);
  const total = lengths.reduce((a, b) => a + b, 0);
  let sent = 0, stopped = false;
  const started = clock.monotonicMs();
  const late: { due: number; record: LogRecord }[] = [];

  function* requests(): Generator<{ readonly session: string; readonly sequence: number; readonly at: CorpusSession }> {
    for (let pass = 0; pass === 0 || plan.forever; pass++) {
      for (const [s, sequence] of interleave(lengths, plan.open, random)) yield { session: pass === 0 ? sessions[s]!.id : `${sessions[s]!.id}~${pass}`, sequence, at: sessions[s]! };
    }
  }

  async function run(): Promise<void> {
    const source = requests();
    let exhausted = false;
    while (!stopped && !(exhausted && late.length === 0)) {
      const elapsed = clock.monotonicMs() - started;
      if (elapsed > plan.msMax) exhausted = true;
      const batch: LogRecord[] = [];
      const due = Math.floor(elapsed * plan.requestsPerSecond / 1000) - sent;
      for (let n = 0; n < due && !exhausted; n++) {
        const next = source.next();
        if (next.done === true) { exhausted = true; break; }
        const { session, sequence, at } = next.value;
        const { words, tags } = at.sequences[sequence]!;
        const id = `${session}:${sequence}`;
        batch.push(record('requests', session, { id, session, sequence, text: words }));
        late.push({ due: elapsed - plan.labelDelayMs * Math.log(1 - random()), record: record('labels', session, { id, session, target: task === 'tag' ? tags : tags[0] }) });
        sent++;
      }
      for (let i = late.length - 1; i >= 0; i--) {
        if (late[i]!.due > elapsed) continue;
        batch.push(late[i]!.record);
        late[i] = late.at(-1)!;
        late.pop();
      }
      if (batch.length > 0) await log.append(batch);
      await clock.sleep(TICK_MS);
    }
  }
  return { sent: () => sent, done: () => Math.min(1, sent / Math.max(1, total)), finished: run(), stop: () => { stopped = true; } };
}
