/**
 * The ladder of a trial: shadow, the rungs, probation. Shadow certifies; the rungs and the probation only guard, since
 * a second certificate would buy nothing and cost as much traffic again.
 *
 * Each place has its own evidence: the duels start afresh when the shadow is left and when the champion changes, so the
 * certificate's wealth does not numb the guard. Without evidence nobody climbs, and no place is without a deadline.
 */
import type { Duel } from '../evidence/evidence.ts';
import type { Judgement } from './compare.ts';
import { alphaOf, judge } from './compare.ts';

export interface LadderPolicy {
  readonly alpha: number;
  readonly rungs: readonly { readonly share: number; readonly blocksMin: number; readonly msMin: number }[];
  readonly trialMsMax: number;
  readonly probationBlocks: number;
  readonly probationMsMax: number;
}

/** Where the model stands, since when (milliseconds since the epoch). */
export type Place =
  /** `candidate` counts all candidates that ever entered the shadow, this one included. */
  | { readonly kind: 'shadow'; readonly since: number; readonly candidate: number }
  /** `blocksBefore`: blocks that the guard had seen when this rung was entered. */
  | { readonly kind: 'rung'; readonly rung: number; readonly since: number; readonly blocksBefore: number }
  | { readonly kind: 'probation'; readonly since: number };

/** The model against the anchor, and against the other of the pair: the champion, in probation the predecessor. */
export interface Duels {
  readonly anchor: Duel;
  /** Null where the other is the anchor itself. */
  readonly other: Duel | null;
}

export type StepKind = 'stay' | 'certified' | 'climb' | 'promote' | 'harmful' | 'give-up' | 'keep';

export interface LadderStep {
  readonly kind: StepKind;
  /** In words, for the journal. */
  readonly reason: string;
  /** The numbers of the duel that decided, else of the duel with the anchor. */
  readonly judgement: Judgement;
  /** More wrong than the anchor at all, by wealth: a warning. */
  readonly harmAtZero: boolean;
}

/** One look at the evidence. Pure; may be asked at any time and as often as one likes. */
export function stepLadder(place: Place, duels: Duels, now: number, policy: LadderPolicy): LadderStep {
  const alpha = place.kind === 'shadow' ? alphaOf(place.candidate, policy.alpha) : policy.alpha;
  const againstAnchor = judge(duels.anchor, alpha, policy.alpha);
  const againstOther = duels.other === null ? null : judge(duels.other, alpha, policy.alpha);
  const answer = (kind: StepKind, reason: string, judgement = againstAnchor): LadderStep => ({ kind, reason, judgement, harmAtZero: againstAnchor.harmAtZero >= againstAnchor.harmBar });
  const points = pointsOf(duels.anchor.margin);
  if (againstAnchor.verdict === 'worse') return answer('harmful', `worse than the anchor by more than ${points}`);
  if (againstOther?.verdict === 'worse') return answer('harmful', `worse than the ${place.kind === 'probation' ? 'predecessor' : 'champion'} by more than ${points}`, againstOther);
  const waited = now - place.since;
  switch (place.kind) {
    case 'shadow':
      if (againstAnchor.verdict === 'better') return answer('certified', `not worse than the anchor by ${points}: wealth ${round(againstAnchor.certify)} has reached ${round(againstAnchor.bar)}`);
      return waited >= policy.trialMsMax
        ? answer('give-up', `no certificate within ${waited} ms: wealth ${round(againstAnchor.certify)} of ${round(againstAnchor.bar)} after ${againstAnchor.blocks} blocks`)
        : answer('stay', 'in shadow');
    case 'rung': return climb(place, againstAnchor.blocks, waited, policy, answer);
    case 'probation': {
      const blocks = (duels.other ?? duels.anchor).blocks;
      if (blocks >= policy.probationBlocks) return answer('keep', `no harm in ${blocks} blocks of probation`);
      return waited >= policy.probationMsMax ? answer('keep', `no harm in ${waited} ms of probation (${blocks} of ${policy.probationBlocks} blocks)`) : answer('stay', 'in probation');
    }
  }
}

function climb(place: Place & { readonly kind: 'rung' }, blocks: number, waited: number, policy: LadderPolicy, answer: (kind: StepKind, reason: string) => LadderStep): LadderStep {
  const { blocksMin, msMin } = policy.rungs[place.rung] ?? { blocksMin: 0, msMin: 0 };
  const seen = blocks - place.blocksBefore;
  if (seen >= blocksMin && waited >= msMin) {
    const last = place.rung === policy.rungs.length - 1;
    return answer(last ? 'promote' : 'climb', `no harm in ${seen} blocks on rung ${place.rung + 1} of ${policy.rungs.length}`);
  }
  return waited >= policy.trialMsMax + msMin
    ? answer('give-up', `only ${seen} of ${blocksMin} blocks on rung ${place.rung + 1} within ${waited} ms`)
    : answer('stay', `on rung ${place.rung + 1}`);
}

const pointsOf = (share: number): string => `${round(share * 100)} ${share === 0.01 ? 'point' : 'points'}`;
const round = (value: number): string => String(Number(value.toPrecision(4)));
