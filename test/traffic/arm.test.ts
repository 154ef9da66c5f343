// Goal: shares of sessions have their size, and are sticky. Method: counts over many sessions and salts; properties.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inShare, shareOf } from '../../src/traffic/arm.ts';

const SESSIONS = Array.from({ length: 100_000 }, (_, n) => `session-${n}`);
const SALTS = ['', 'a', 'b', '2026-11', 'trial/17', 'espalier', '\u{1F33F}', 'salt'.repeat(20)];

describe('shareOf', () => {
  it('lies in [0, 1)', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (session, salt) => {
      const share = shareOf(session, salt);
      expect(share >= 0 && share < 1).toBe(true);
    }));
  });
});

describe('inShare', () => {
  it.each(SALTS)('gives an arm of 10 %% its 9.7 to 10.4 %% under the salt %j', (salt) => {
    const share = SESSIONS.filter((session) => inShare(session, salt, 'arm', 0.1)).length / SESSIONS.length;
    expect(share).toBeGreaterThan(0.097);
    expect(share).toBeLessThan(0.104);
  });

  it('gives nobody a share of 0 and everybody a share of 1', () => {
    expect(SESSIONS.some((session) => inShare(session, 'x', 'arm', 0))).toBe(false);
    expect(SESSIONS.every((session) => inShare(session, 'x', 'arm', 1))).toBe(true);
  });

  it('moves only the sessions of the difference when a share grows', () => {
    fc.assert(fc.property(fc.string(), fc.string(), fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), (session, salt, a, b) => {
      const [low, high] = a < b ? [a, b] : [b, a];
      if (inShare(session, salt, 'arm', low)) expect(inShare(session, salt, 'arm', high)).toBe(true);
    }));
    const moved = SESSIONS.filter((session) => inShare(session, 'x', 'arm', 0.1) !== inShare(session, 'x', 'arm', 0.25)).length / SESSIONS.length;
    expect(Math.abs(moved - 0.15)).toBeLessThan(0.005);
  });

  it('draws the purposes independently of one another', () => {
    const both = SESSIONS.filter((session) => inShare(session, 'x', 'arm', 0.3) && inShare(session, 'x', 'anchor', 0.3)).length / SESSIONS.length;
    expect(Math.abs(both - 0.09)).toBeLessThan(0.005);
  });
});
