// Goal: whole lives of the loop end as they should, and the cycle neither re-enters nor loses anything. Method: a scripted world in virtual time, from seeds.
import { NEVER, Observable } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { EspalierError, codeOf } from '../../src/errors.ts';
import type { Fact } from '../../src/facts.ts';
import { decodeFact, replay } from '../../src/loop/journal.ts';
import type { Script, World } from './world.ts';
import { answersAtOnce, failsWith, world } from './world.ts';

const worlds: World[] = [];
const live = (script: Script = {}): World => { const made = world(script); worlds.push(made); return made; };
afterEach(() => { for (const made of worlds.splice(0)) made.driven.stop(); });

const MINUTE = 60_000;
const DENSE = { champion: 'dense', challenger: null, predecessor: null, anchor: 'dense', share: 0, shadow: 0 };

describe('a whole life', () => {
  it.each([1, 2, 3])('promotes an equal candidate, keeps it after its probation (seed %i)', async (seed) => {
    const life = live({ seed });
    await life.clock.advance(3 * MINUTE);
    expect(life.outcomes()).toEqual(['certified', 'promoted', 'kept']);
    expect(life.state).toMatchObject({ phase: 'rest', roster: { ...DENSE, champion: 'small-1' }, enlisted: ['dense', 'small-1'], orders: [], counts: { promotions: 1 } });
    expect(life.executed.map((order) => order.kind)).toEqual(['tune', 'enlist', 'route', 'route', 'route', 'route', 'route']);
  });

  it.each([1, 2, 3])('leaves the champion where a candidate is worse by nearly the margin (seed %i)', async (seed) => {
    const life = live({ seed, loss: () => 0.0098 });
    await life.clock.advance(3 * MINUTE);
    expect(life.outcomes()).toEqual(['not-enough-evidence']);
    expect(life.state).toMatchObject({ phase: 'rest', roster: DENSE, enlisted: ['dense'], duels: {}, orders: [] });
    expect(life.facts).toContainEqual(expect.objectContaining({ kind: 'warned', about: 'harm-at-zero', model: 'small-1' }));
  });

  it.each([1, 2, 3])('refuses a harmful candidate in shadow, before the world sees it (seed %i)', async (seed) => {
    const life = live({ seed, loss: () => 0.05 });
    await life.clock.advance(2 * MINUTE);
    expect(life.outcomes()).toEqual(['refused']);
    expect(life.state).toMatchObject({ roster: DENSE, enlisted: ['dense'], orders: [] });
    expect(life.executed.every((order) => order.kind !== 'route' || order.roster.share === 0)).toBe(true);
  });

  it.each([1, 2, 3])('rolls back a champion that turns bad in its probation (seed %i)', async (seed) => {
    const life = live({ seed, loss: (_, isChampion) => (isChampion ? 0.08 : 0), policy: { probationBlocks: 2000 } });
    await life.clock.advance(3 * MINUTE);
    expect(life.outcomes()).toEqual(['certified', 'promoted', 'rolled-back']);
    expect(life.state).toMatchObject({ phase: 'rest', roster: DENSE, enlisted: ['dense'], density: 1, counts: { promotions: 1, returns: 1 } });
  });

  it('goes down the schedule over several promotions, retiring each former champion, never the anchor', async () => {
    const life = live({ policy: { cycles: 3, cyclesMax: 3 } });
    await life.clock.advance(8 * MINUTE);
    expect(life.outcomes()).toEqual(['certified', 'promoted', 'kept', 'certified', 'promoted', 'kept', 'certified', 'promoted', 'kept']);
    expect(life.state).toMatchObject({ roster: { ...DENSE, champion: 'small-3' }, enlisted: ['dense', 'small-3'], density: 0.1, candidates: 3 });
    expect(life.executed.flatMap((order) => (order.kind === 'retire' ? [order.model] : []))).toEqual(['small-1', 'small-2']);
  });

  it('is its journal', async () => {
    const life = live({ policy: { cycles: 2, cyclesMax: 2 } });
    for (let minute = 0; minute < 5; minute++) {
      await life.clock.advance(MINUTE);
      expect(JSON.stringify(replay(life.journal))).toBe(JSON.stringify(life.state));
    }
    expect(life.journal.map(decodeFact).some(({ kind }) => kind === 'tick')).toBe(false);
  });
});

describe('the cycle', () => {
  it('survives a trainer that crashes, and tries again', async () => {
    let crashes = 0;
    const life = live({ policy: { cyclesMax: 3 }, execute: (order) => (order.kind === 'tune' && crashes++ < 2 ? failsWith(new EspalierError('trainer-crashed', 'signal 9')) : undefined) });
    await life.clock.advance(3 * MINUTE);
    expect(life.facts).toContainEqual(expect.objectContaining({ kind: 'job-failed', code: 'trainer-crashed' }));
    expect(life.outcomes().slice(0, 4)).toEqual(['candidate-failed', 'candidate-failed', 'certified', 'promoted']);
  });

  it('gives up a silent trainer at its deadline and cancels it', async () => {
    let cancelled = 0;
    const life = live({ execute: (order) => (order.kind === 'tune' ? new Observable<Fact>(() => () => { cancelled++; }) : undefined) });
    await life.clock.advance(2 * MINUTE);
    expect([life.outcomes(), cancelled]).toEqual([[], 0]);
    await life.clock.advance(MINUTE);
    expect([life.outcomes(), cancelled]).toEqual([['candidate-failed'], 1]);
  });

  it('carries out orders later, also when they answer at once, and takes one fact at a time', async () => {
    let within = 0, most = 0, journalled = false;
    const life = live({
      execute: (order) => {
        expect(journalled).toBe(true);
        return order.kind === 'enlist' ? answersAtOnce({ kind: 'enlisted', order: order.order, model: order.model, engine: 'world', ms: 0, parity: 0, v: 1, at: 1, instance: 'world' }) : undefined;
      },
      journal: async () => { most = Math.max(most, ++within); await Promise.resolve(); within--; journalled = true; },
    });
    await life.clock.advance(3 * MINUTE);
    expect(most).toBe(1);
    expect(life.outcomes()).toEqual(['certified', 'promoted', 'kept']);
  });

  it('ends with the code of a journal that fails, and does nothing that is not in it', async () => {
    const life = live({ journal: (facts) => (facts.some(({ kind }) => kind === 'ordered') ? Promise.reject(new EspalierError('storage-full')) : Promise.resolve()) });
    await life.clock.advance(MINUTE);
    expect(codeOf(life.error)).toBe('storage-full');
    expect(life.executed).toEqual([]);
    expect(life.state.orders).toEqual([]);
  });

  it('cancels everything on stop', async () => {
    let cancelled = 0;
    const life = live({ execute: (order) => (order.kind === 'tune' ? new Observable<Fact>(() => () => { cancelled++; }) : NEVER) });
    await life.clock.advance(MINUTE);
    const written = life.journal.length;
    life.driven.stop();
    await life.clock.advance(MINUTE);
    expect([cancelled, life.journal.length]).toEqual([1, written]);
  });

  it('takes up after a restart what was open, and finishes it', async () => {
    const before = live();
    await before.clock.advance(15_000);
    expect(before.state.phase).toBe('tune');
    before.driven.stop();
    const initial = replay(before.journal)!;
    const after = live({ initial, startMs: before.clock.now() });
    await after.clock.advance(3 * MINUTE);
    expect(after.executed[0]).toEqual(initial.orders[0]);
    expect(after.outcomes()).toEqual(['certified', 'promoted', 'kept']);
    expect(JSON.stringify(replay([...before.journal, ...after.journal]))).toBe(JSON.stringify(after.state));
  });

  it('lets an order expire that is past its deadline after a restart', async () => {
    const before = live({ policy: { cyclesMax: 2 } });
    await before.clock.advance(15_000);
    before.driven.stop();
    const after = live({ policy: { cyclesMax: 2 }, initial: replay(before.journal)!, startMs: before.clock.now() + 10 * MINUTE });
    await after.clock.advance(2000);
    expect(after.outcomes()).toEqual(['candidate-failed']);
    await after.clock.advance(3 * MINUTE);
    expect(after.outcomes()).toEqual(['candidate-failed', 'certified', 'promoted', 'kept']);
  });

  it('takes commands by hand from the stream of facts', async () => {
    const life = live({ loss: () => 0.0098 });
    await life.clock.advance(40_000);
    expect(life.state.phase).toBe('shadow');
    life.say({ kind: 'command', command: 'promote', by: 'operator' });
    await life.clock.advance(1000);
    expect(life.facts).toContainEqual(expect.objectContaining({ kind: 'decided', outcome: 'promoted', reason: 'by hand (operator)' }));
    expect(life.state.roster.champion).toBe('small-1');
  });
});
