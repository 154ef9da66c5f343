import { assert } from '../errors.ts';
import type { ModelId } from '../model/model.ts';

/** Who answers. Immutable and versioned: the only thing that flows back to serving. */
export interface Roster {
  readonly version: number;
  readonly champion: ModelId;
  /** The model on trial. */
  readonly challenger: ModelId | null;
  /** Share of the sessions that the challenger answers (A/B), 0 to 1. */
  readonly share: number;
  /** Share of the sessions that the challenger, or in a probation the predecessor, answers in shadow, 0 to 1. */
  readonly shadow: number;
  /** The last dense model; every accuracy budget is counted from it. */
  readonly anchor: ModelId;
  /** Share of the sessions that the anchor answers in shadow, 0 to 1. */
  readonly anchorShare: number;
  /** The former champion, in shadow during the probation of the present one. */
  readonly predecessor: ModelId | null;
  /** Seed of the assignment of sessions to arms and shares. */
  readonly salt: string;
}

/** The first roster: one dense model that is champion and anchor at once. */
export const firstRoster = (model: ModelId, salt: string, policy: { readonly anchorShare: number }): Roster => checked({
  version: 1, champion: model, challenger: null, share: 0, shadow: 0, anchor: model, anchorShare: policy.anchorShare, predecessor: null, salt,
});

/** The challenger enters the shadow, unseen by the world. */
export function withChallenger(roster: Roster, challenger: ModelId, shadow: number): Roster {
  assert(roster.challenger === null, 'one challenger at a time');
  return next(roster, { challenger, share: 0, shadow });
}

/** The challenger answers a share of the sessions; what it does not answer it still shadows. */
export function withShare(roster: Roster, share: number): Roster {
  assert(roster.challenger !== null && share > roster.share, 'a challenger climbs to a larger share');
  return next(roster, { share });
}

/** The challenger becomes champion. The former champion stays as predecessor, in shadow on the same share. */
export function promoted(roster: Roster): Roster {
  assert(roster.challenger !== null, 'a challenger to promote');
  return next(roster, { champion: roster.challenger, challenger: null, share: 0, predecessor: roster.champion });
}

/** The predecessor becomes champion again, and nobody is on trial. */
export function rolledBack(roster: Roster): Roster {
  assert(roster.predecessor !== null, 'a predecessor to return to');
  return next(roster, { champion: roster.predecessor, challenger: null, share: 0, shadow: 0, predecessor: null });
}

/** The challenger leaves; the predecessor, if there is one, stays. */
export const withoutChallenger = (roster: Roster): Roster =>
  next(roster, { challenger: null, share: 0, shadow: roster.predecessor === null ? 0 : roster.shadow });

/** The probation is over. */
export const withoutPredecessor = (roster: Roster): Roster =>
  next(roster, { predecessor: null, shadow: roster.challenger === null ? 0 : roster.shadow });

/** The models that answer anything, each once. */
export const modelsOf = (roster: Roster): readonly ModelId[] =>
  [...new Set([roster.champion, roster.anchor, roster.challenger, roster.predecessor].filter((model) => model !== null))];

/** Whether two rosters say the same. */
export const isSameRoster = (a: Roster, b: Roster): boolean => ROSTER_FIELDS.every((field) => a[field] === b[field]);
const ROSTER_FIELDS = ['version', 'champion', 'challenger', 'share', 'shadow', 'anchor', 'anchorShare', 'predecessor', 'salt'] as const satisfies readonly (keyof Roster)[];

const next = (roster: Roster, change: Partial<Roster>): Roster => checked({ ...roster, ...change, version: roster.version + 1 });

/** The relations between the fields; a broken one is a programmer's mistake. */
function checked(roster: Roster): Roster {
  const { version, champion, challenger, predecessor, anchor, share, shadow, anchorShare, salt } = roster;
  assert(Number.isSafeInteger(version) && version >= 1, 'roster versions count from 1');
  assert([share, shadow, anchorShare].every((part) => part >= 0 && part <= 1), 'shares lie between 0 and 1');
  assert(champion !== '' && anchor !== '' && salt !== '', 'a roster names its champion, its anchor and its salt');
  assert(challenger === null ? share === 0 : challenger !== champion && challenger !== anchor, 'the challenger is a third model, and only it has a share');
  assert(predecessor === null || (predecessor !== champion && predecessor !== challenger), 'the predecessor answers nothing else');
  assert(shadow === 0 || challenger !== null || predecessor !== null, 'a shadow belongs to a challenger or a predecessor');
  return roster;
}
