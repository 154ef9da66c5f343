// Goal: rosters change in versioned, valid steps. Method: every transition by example, random walks over transitions, broken ones refused.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Roster } from '../../src/rollout/roster.ts';
import { firstRoster, modelsOf, promoted, rolledBack, withChallenger, withShare, withoutChallenger, withoutPredecessor } from '../../src/rollout/roster.ts';

const first = firstRoster('dense', 'salt', { anchorShare: 0.3 });

describe('roster', () => {
  it('goes from one model through trial and promotion to the next', () => {
    expect(first).toEqual({ version: 1, champion: 'dense', challenger: null, share: 0, shadow: 0, anchor: 'dense', anchorShare: 0.3, predecessor: null, salt: 'salt' });
    const shadow = withChallenger(first, 'small', 0.5);
    expect(shadow).toEqual({ ...first, version: 2, challenger: 'small', shadow: 0.5 });
    const rung = withShare(shadow, 0.2);
    expect(rung).toEqual({ ...shadow, version: 3, share: 0.2 });
    const won = promoted(rung);
    expect(won).toEqual({ ...first, version: 4, champion: 'small', predecessor: 'dense', shadow: 0.5 });
    expect(withoutPredecessor(won)).toEqual({ ...first, version: 5, champion: 'small' });
    expect(rolledBack(won)).toEqual({ ...first, version: 5 });
    expect(withoutChallenger(rung)).toEqual({ ...first, version: 4 });
    expect(modelsOf(won)).toEqual(['small', 'dense']);
  });

  it('refuses what makes no sense', () => {
    const shadow = withChallenger(first, 'small', 0.5);
    expect(() => withChallenger(first, 'dense', 0.5)).toThrow('third model');
    expect(() => withChallenger(shadow, 'other', 0.5)).toThrow('one challenger');
    expect(() => withChallenger(first, 'small', 1.5)).toThrow('between 0 and 1');
    expect(() => withShare(first, 0.1)).toThrow('climbs');
    expect(() => withShare(withShare(shadow, 0.5), 0.2)).toThrow('climbs');
    expect(() => promoted(first)).toThrow('promote');
    expect(() => rolledBack(first)).toThrow('return to');
    expect(() => firstRoster('', 'salt', { anchorShare: 0.3 })).toThrow('names');
  });

  it('keeps its relations on every way, counts every step, and never loses the anchor', () => {
    const steps: ((roster: Roster, name: string) => Roster)[] = [
      (roster, name) => withChallenger(roster, name, 0.5), (roster) => withShare(roster, roster.share / 2 + 0.5), promoted, rolledBack, withoutChallenger, withoutPredecessor,
    ];
    fc.assert(fc.property(fc.array(fc.nat(steps.length - 1), { maxLength: 40 }), (walk) => {
      let roster = first;
      for (const [at, step] of walk.entries()) {
        let next: Roster;
        try { next = steps[step]!(roster, `m${at}`); } catch { continue; }
        expect(next.version).toBe(roster.version + 1);
        expect(next.anchor).toBe('dense');
        expect(next.challenger === null && next.share !== 0).toBe(false);
        expect([next.challenger, next.predecessor]).not.toContain(next.champion);
        roster = next;
      }
    }));
  });
});
