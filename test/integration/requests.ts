/** The requests of made sessions in the order in which they arrive, for the parent and the child of a test alike. */
import { randomFrom } from '../../src/support/random.ts';
import { interleave } from '../../src/traffic/corpus.ts';
import type { LogRecord } from '../../src/ports.ts';
import { madeSessions, record } from './small-circle.ts';

export function requestsOf(sessions: number): readonly LogRecord[] {
  const made = madeSessions('s', sessions, 11);
  const order = interleave(made.map(({ sequences }) => sequences.length), 20, randomFrom(12));
  return [...order].map(([s, sequence]) => {
    const { id, sequences } = made[s]!;
    return record('requests', id, { id: `${id}:${sequence}`, session: id, sequence, text: sequences[sequence]!.words });
  });
}
