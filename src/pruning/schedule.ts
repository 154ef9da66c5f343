/** How much of a kind is to be left after the next step: by a schedule, or as a search goes. */
import type { Granularity } from './job.ts';

/**
 * The density after a cycle, by the cubic schedule of Zhu & Gupta (2017): s(t) = s_f + (s_i − s_f)(1 − t/n)³ for the
 * sparsity, fast while there is much to spare and slow towards the end.
 * @param cycle 0 gives `start`; `cycles` and later give `final`
 * @param final wanted density, 0 to 1
 * @param start density before the first cycle
 */
export function densityOf(cycle: number, cycles: number, final: number, start = 1): number {
  if (cycle >= cycles) return final;
  return final + (start - final) * (1 - Math.max(0, cycle) / cycles) ** 3;
}

export type Kind = Extract<Granularity, 'unit' | 'connection' | 'g4'>;

/** Densities of connections, and the smallest relative step that is worth an attempt. */
const LADDER = [0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.005] as const, STEP_MIN = 0.1;

/**
 * Units are halved, connections go down a ladder; after a refusal the next share is the geometric mean of what holds and
 * what did not. @returns null where nothing is left to try @param held the share that holds @param refused the last that did not
 */
export function nextShare(kind: Kind, held: number, refused: number | null): number | null {
  const next = refused !== null ? Math.sqrt(held * refused) : kind === 'unit' ? held / 2 : LADDER.find((rung) => rung <= held * (1 - STEP_MIN)) ?? 0;
  return next > 0 && next <= held * (1 - STEP_MIN) ? next : null;
}
