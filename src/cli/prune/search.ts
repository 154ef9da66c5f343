/**
 * The search for the fastest model that holds a budget: units first, since a smaller dense network is faster everywhere,
 * then connections. Every step starts from the last accepted model. The kept share is halved (of connections: goes down
 * a ladder) while that holds; after a refusal the next one lies between what holds and what did not, as ratios go; the
 * second refusal ends the kind. Pure but for the attempts, which the caller makes.
 */
import type { Kind } from '../../pruning/schedule.ts';
import { nextShare } from '../../pruning/schedule.ts';

/** What the search needs to know of a model. */
export interface Held {
  readonly model: string;
  /** Units of all layers. */
  readonly units: number;
  /** Alive connections of all. */
  readonly density: number;
}

/** An order for one attempt: what goes, and the share that is to be left, of the units of `from` or of its connections. */
export interface Take { readonly kind: Kind; readonly share: number }

export interface Attempt extends Held {
  /** Points of accuracy below the original on the held-out part, or of disagreement with it. */
  readonly loss: number;
  /** Measured speed, in those of the original on the same batch. */
  readonly times: number;
}

export interface Verdict<A extends Attempt> {
  readonly take: Take;
  /** null where the attempt failed. */
  readonly attempt: A | null;
  readonly accepted: boolean;
  readonly why: string;
}

export type Goal =
  | { readonly kind: 'loss'; readonly points: number }
  | { readonly kind: 'speed'; readonly times: number };

export interface SearchPorts<A extends Attempt> {
  /** Throws what ends the search; resolves with words where the attempt alone failed. */
  readonly attempt: (from: Held, take: Take) => Promise<A | string>;
  /** Why no further attempt may begin; null where one may. */
  readonly over: () => string | null;
  readonly heard: (verdict: Verdict<A>) => void;
}

export interface Searched<A extends Attempt> {
  /** The fastest of the accepted; null where none was. */
  readonly best: A | null;
  readonly why: string;
}

const REFUSALS_MAX = 2;
/** Budgets that a search for speed goes through, points: the smallest with which the speed is reached is best. */
const BUDGETS = [0.5, 1, 2, 4, 8, 16, 32, 64, 100] as const;

const takeOf = (kind: Kind, held: Held, first: Held, share: number): Take => {
  if (kind !== 'unit') return { kind, share };
  // Whole units, and as a share of those that the job starts from.
  return { kind, share: Math.max(1, Math.round(share * first.units)) / held.units };
};

const shareOf = (kind: Kind, held: Held, first: Held): number => (kind === 'unit' ? held.units / first.units : held.density);

export async function search<A extends Attempt>(first: Held, kinds: readonly Kind[], goal: Goal, { attempt, over, heard }: SearchPorts<A>): Promise<Searched<A>> {
  const known = new Map<string, A | string>();
  let held: Held = first, best: A | null = null, ended: string | null = null;
  const reached = (): boolean => goal.kind === 'speed' && best !== null && best.times >= goal.times;

  /** Takes one kind away as far as it goes. */
  async function goThrough(kind: Kind, budget: number): Promise<void> {
    let refused: number | null = null;
    for (let refusals = 0; refusals < REFUSALS_MAX && ended === null && !reached();) {
      const share = nextShare(kind, shareOf(kind, held, first), refused);
      if (share === null) return;
      const take = takeOf(kind, held, first, share), key = JSON.stringify([held.model, take]);
      if (take.share >= shareOf(kind, held, held)) return;
      ended = known.has(key) ? null : over();
      if (ended !== null) return;
      const before = known.get(key), made = before ?? await attempt(held, take);
      known.set(key, made);
      const why = typeof made === 'string' ? made : made.loss > budget ? `${made.loss.toFixed(2)} points lost, ${budget} allowed` : `${made.loss.toFixed(2)} points lost`;
      const accepted = typeof made !== 'string' && made.loss <= budget;
      if (before === undefined || accepted) heard({ take, attempt: typeof made === 'string' ? null : made, accepted, why: before === undefined ? why : `${why}, of ${budget} allowed now` });
      if (accepted) {
        held = made;
        if (best === null || made.times > best.times) best = made;
      } else {
        refusals++;
        refused = share;
      }
    }
  }

  for (const budget of goal.kind === 'loss' ? [goal.points] : BUDGETS) {
    for (const kind of kinds) await goThrough(kind, budget);
    if (ended !== null || reached()) break;
  }
  return { best, why: reached() ? 'the speed is reached' : ended ?? 'every next step was refused twice, or too small to matter' };
}
