// Goal: what goes wrong has a code and hurts nobody else; nothing acknowledged is lost. Method: faults put into the whole line, on purpose.
import fc from 'fast-check';
import { NEVER } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { simulatedClock } from '../../src/adapters/clock/simulated.ts';
import { ReferenceEngine } from '../../src/adapters/engine/reference.ts';
import { memoryLog } from '../../src/adapters/log/memory.ts';
import { memoryVault } from '../../src/adapters/vault/memory.ts';
import { EspalierError, codeOf } from '../../src/errors.ts';
import { mergeCounts } from '../../src/evidence/evidence.ts';
import type { Fact } from '../../src/facts.ts';
import type { Log } from '../../src/ports.ts';
import { openLine } from '../../src/serving/pipeline.ts';
import type { World } from './line-under-test.ts';
import { all, bytes, factsOf, offline, openWorld } from './line-under-test.ts';
import { LIMITS, rosterOf, sampleModel } from './samples.ts';

const A = sampleModel('a', 1), B = sampleModel('b', 2);
const ROSTER = rosterOf({ champion: 'a' });

const refusedCounts = (world: World): Record<string, number> => {
  const sums: Record<string, number> = {};
  for (const { counts } of factsOf(world, 'refused')) for (const [code, count] of Object.entries(counts)) sums[code] = (sums[code] ?? 0) + count;
  return sums;
};
const settledOf = async (world: World): Promise<number> => (await world.answers()).length + (await world.refused()).length;
const raw = (world: World, topic: 'requests' | 'labels', value: unknown): Promise<void> => world.log.append([{ topic, key: 'k', value: bytes(value) }]);

describe('bad records', () => {
  it('are refused with their code and count, and disturb nobody', async () => {
    const world = await openWorld({ models: [A], roster: ROSTER });
    const bad = ['{', { id: 'x', session: 's', tokens: [1], more: 1 }, { id: 'y', session: 's', tokens: [] }, { id: 'z', session: 's', tokens: [999] }, { id: 'w', session: 's', tokens: new Array(99).fill(1) }];
    for (const [n, value] of bad.entries()) {
      await world.request(`r${n}`, 's', [n, 2]);
      await raw(world, 'requests', value);
    }
    await raw(world, 'labels', '[]');
    await world.until(async () => await settledOf(world) === 2 * bad.length + 1);
    await world.drain();
    expect((await world.answers()).map(({ labels }) => labels)).toEqual(offline(bad.map((_, n) => ({ model: A, tokens: [n, 2] }))));
    expect(refusedCounts(world)).toEqual({ 'request-not-json': 1, 'request-invalid': 1, 'request-empty': 1, 'token-unknown': 1, 'request-too-long': 1, 'label-invalid': 1 });
    const first = (await world.refused()).find(({ code }) => code === 'request-not-json')!;
    expect(Buffer.from(first.record, 'base64').toString()).toBe('{');
  });

  it('of an id that was answered or is in flight are refused as duplicates', async () => {
    const world = await openWorld({ models: [A], roster: ROSTER });
    await world.request('r', 's', [1]);
    await world.request('r', 's', [2]);
    await world.until(async () => await settledOf(world) === 2);
    await world.request('r', 't', [3]);
    await world.until(async () => await settledOf(world) === 3);
    await world.drain();
    expect((await world.answers()).length).toBe(1);
    expect(refusedCounts(world)).toEqual({ 'request-duplicate': 2 });
  });
});

describe('an engine that fails', () => {
  it('on one sequence refuses that one alone, whose id may be sent again', async () => {
    const world = await openWorld({ models: [A], roster: ROSTER });
    const poison = 13;
    world.engine.fails = (call) => call.sequences.some(({ inputs }) => inputs.includes(poison));
    for (let n = 0; n < 12; n++) await world.request(`r${n}`, `s${n % 6}`, [n === 4 ? poison : n]);
    await world.until(async () => await settledOf(world) === 12);
    world.engine.fails = () => false;
    await world.request('r4', 's4', [poison]);
    await world.until(async () => await settledOf(world) === 13);
    await world.drain();
    expect(refusedCounts(world)).toEqual({ 'engine-failed': 1 });
    const order = [4, 10].map((n) => `r${n}`);
    const mine = (await world.answers()).filter(({ session }) => session === 's4');
    expect(mine.map(({ id }) => id)).toEqual([order[1], 'r4']);
    expect(mine.map(({ labels }) => labels)).toEqual(offline([{ model: A, tokens: [10] }, { model: A, tokens: [poison] }]));
    expect(factsOf(world, 'failed').map(({ where, code }) => `${where} ${code}`)).toEqual(['infer engine-failed']);
  });

  it('in shadow hurts no answer, and leaves the rest of the block out of the duel', async () => {
    const world = await openWorld({ models: [A, B], roster: { ...ROSTER, challenger: 'b', shadow: 1 } });
    world.engine.fails = ({ model }) => model === 'b';
    for (let n = 0; n < 6; n++) {
      await world.request(`r${n}`, `s${n % 2}`, [n, 3]);
      await world.label(`r${n}`, `s${n % 2}`, ['A', 'A']);
    }
    await world.until(async () => (await world.answers()).length === 6);
    await world.until(() => factsOf(world, 'failed').some(({ where }) => where === 'infer in shadow (challenger)'));
    await world.drain();
    expect(await world.refused()).toEqual([]);
    const counts = factsOf(world, 'evidence').map((fact) => fact.counts).reduce(mergeCounts);
    expect(counts).toMatchObject({ duels: {}, labels: { joined: 6 } });
  });

  it('at adding moments loses moments and nothing else', async () => {
    const world = await openWorld({ models: [A], roster: ROSTER, limits: { sampleEvery: 1 } });
    world.engine.gram = () => Promise.reject(new Error('no sums today'));
    await world.request('r', 's', [1, 2, 3]);
    await world.until(async () => (await world.answers()).length === 1);
    await world.drain();
    expect(factsOf(world, 'failed')).toMatchObject([{ where: 'observe', code: 'engine-failed' }]);
    expect(factsOf(world, 'evidence').every(({ moments }) => moments === null)).toBe(true);
  });
});

describe('shadow work beyond its room', () => {
  it('is dropped and told of, never waits in greater number, and the answers go on', async () => {
    const limits = { shadowWaitingMax: 4, batchMax: 2 };
    const world = await openWorld({ models: [A, B], roster: { ...ROSTER, challenger: 'b', shadow: 1 }, limits });
    for (let n = 0; n < 40; n++) {
      await world.request(`r${n}`, `s${n % 20}`, [n % 16]);
      await world.label(`r${n}`, `s${n % 20}`, 'A');
    }
    await world.until(async () => (await world.answers()).length === 40);
    await world.drain();
    const dropped = factsOf(world, 'shadow-dropped').reduce((sum, { count }) => sum + count, 0);
    const shadowed = factsOf(world, 'batch').filter(({ role }) => role === 'challenger').reduce((sum, { requests }) => sum + requests, 0);
    expect(dropped).toBeGreaterThan(0);
    expect(dropped + shadowed).toBe(40);
    const counts = factsOf(world, 'evidence').map((fact) => fact.counts).reduce(mergeCounts);
    expect(counts.labels).toMatchObject({ joined: 40, expired: 0 });
    for (const fact of factsOf(world, 'queues')) expect(fact.shadowWaiting).toBeLessThanOrEqual(4);
  });
});

describe('a roster', () => {
  it('that names an unknown model is left aside and told of; an older one too', async () => {
    const world = await openWorld({ models: [A, B], roster: { ...ROSTER, version: 5 } });
    world.roster$.next({ ...ROSTER, version: 6, champion: 'nobody' });
    world.roster$.next({ ...ROSTER, version: 4, champion: 'b', anchor: 'b' });
    await world.request('r', 's', [1]);
    await world.until(async () => (await world.answers()).length === 1);
    await world.drain();
    expect((await world.answers())[0]!.model).toBe('a');
    expect(factsOf(world, 'failed')).toMatchObject([{ where: 'route', code: 'model-unknown' }]);
  });
});

describe('draining', () => {
  it('at any moment answers what was taken, and a next line the rest: nothing lost, nothing doubled', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 1, max: 40 }), async (pass, count) => {
      const first = await openWorld({ models: [A], roster: ROSTER, limits: { unsettledMax: 8, batchMax: 3 } });
      for (let n = 0; n < count; n++) await first.request(`r${n}`, `s${n % 5}`, [n % 16]);
      await first.clock.advance(pass);
      await first.drain();
      const second = await openWorld({ models: [A], roster: ROSTER, after: first });
      await second.until(async () => (await second.answers()).length >= count);
      await second.drain();
      const answers = await second.answers();
      expect(answers.map(({ id }) => id).sort()).toEqual(Array.from({ length: count }, (_, n) => `r${n}`).sort());
      for (let s = 0; s < Math.min(5, count); s++) {
        const mine = answers.filter(({ session }) => session === `s${s}`);
        expect(mine.map(({ labels }) => labels)).toEqual(offline(mine.map(({ id }) => ({ model: A, tokens: [Number(id.slice(1)) % 16] }))));
      }
    }), { numRuns: 20 });
  });

  it('works before the first roster has come', async () => {
    const clock = simulatedClock(0);
    const log = memoryLog(clock);
    const line = openLine({ log, engine: new ReferenceEngine(), vault: memoryVault(), clock, random: () => 0, instance: 'one' }, LIMITS, new Map(), NEVER, 0.01);
    const facts: Fact[] = [];
    line.facts$.subscribe((fact) => { facts.push(fact); });
    await line.drain();
    expect(facts.map(({ kind }) => kind)).toEqual(['queues', 'labels', 'evidence']);
  });
});

describe('a full disk', () => {
  /** A log whose transactions fail from the n-th on. */
  const full = (after: number) => (log: Log): Log => {
    let transactions = 0;
    return { ...log, transact: (transaction) => (++transactions > after ? Promise.reject(new EspalierError('storage-full', 'No room.')) : log.transact(transaction)) };
  };

  it('stops the line with its code; nothing is settled that was not answered, and a next line answers the rest', async () => {
    const first = await openWorld({ models: [A], roster: ROSTER, limits: { unsettledMax: 8, batchMax: 3 }, log: full(3) });
    for (let n = 0; n < 40; n++) await first.request(`r${n}`, `s${n % 5}`, [n % 16]);
    await first.until(() => first.ended() !== undefined);
    expect(codeOf(first.ended())).toBe('storage-full');
    await expect(first.line.drain()).rejects.toMatchObject({ code: 'storage-full' });
    const before = (await first.answers()).length;
    expect(before).toBeLessThan(40);
    await first.clock.advance(100);
    expect((await first.answers()).length).toBe(before);
    const second = await openWorld({ models: [A], roster: ROSTER, after: first });
    await second.until(async () => (await second.answers()).length >= 40);
    await second.drain();
    const answers = await second.answers();
    expect(new Set(answers.map(({ id }) => id)).size).toBe(40);
    expect(answers).toHaveLength(40);
    for (let s = 0; s < 5; s++) {
      const mine = answers.filter(({ session }) => session === `s${s}`);
      expect(mine.map(({ labels }) => labels)).toEqual(offline(mine.map(({ id }) => ({ model: A, tokens: [Number(id.slice(1)) % 16] }))));
    }
    expect((await all(second.log, 'states')).length).toBeGreaterThan(0);
  });
});
