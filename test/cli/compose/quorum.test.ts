// Goal: an order counts as carried out when every living serving process has said so, and as failed when one has. Method: facts by hand.
import { expect, it } from 'vitest';
import { Quorum } from '../../../src/cli/compose/quorum.ts';
import type { Fact, Happening, Order } from '../../../src/facts.ts';
import { emptyCounts } from '../../../src/evidence/evidence.ts';

const said = (instance: string, at: number, happening: Happening): Fact => ({ ...happening, v: 1, at, instance });
const beat = (instance: string, at: number): Fact => said(instance, at, { kind: 'evidence', counts: emptyCounts(), moments: null, replay: null, momentsCpuMs: 0 });
const enlisted = (instance: string, at: number): Fact => said(instance, at, { kind: 'enlisted', order: 'e', model: 'm', engine: 'reference', ms: 1, parity: 0 });
const open: readonly Order[] = [{ kind: 'enlist', order: 'e', deadline: 1e9, model: 'm' }];

it('waits for all that are alive, and no longer for one that is dead', () => {
  const quorum = new Quorum(1000, 0);
  for (const [instance, at] of [['a', 1500], ['b', 1500]] as const) expect(quorum.hear(beat(instance, at))).toBe(false);
  expect(quorum.hear(enlisted('a', 1600))).toBe(true);
  expect(quorum.settled(open, 1700)).toEqual([]);
  quorum.hear(beat('a', 2400));
  expect(quorum.settled(open, 2500)).toEqual([]);
  expect(quorum.alive(2600)).toEqual(['a']);
  expect(quorum.settled(open, 2600)).toEqual([enlisted('a', 1600)]);
  expect(quorum.settled(open, 2600)).toEqual([]);
});

it('does not take the first answer for all before it can know who is alive', () => {
  const quorum = new Quorum(1000, 0);
  quorum.hear(enlisted('a', 100));
  expect(quorum.settled(open, 200)).toEqual([]);
  quorum.hear(beat('a', 900));
  expect(quorum.settled(open, 1000)).toEqual([enlisted('a', 100)]);
});

it('gives a failure at once, and forgets answers to what is not open', () => {
  const quorum = new Quorum(1000, 0);
  quorum.hear(beat('b', 10));
  const failed = said('a', 20, { kind: 'enlist-failed', order: 'e', model: 'm', code: 'engine-mismatch', reason: '' });
  quorum.hear(failed);
  expect(quorum.settled(open, 30)).toEqual([failed]);
  quorum.hear(enlisted('a', 40));
  expect(quorum.settled([], 5000)).toEqual([]);
  expect(quorum.settled(open, 5000)).toEqual([]);
});
