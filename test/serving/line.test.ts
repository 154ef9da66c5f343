// Goal: every request is answered once, in order, and as offline, through swaps. Method: random traffic on the whole line, compared with the reference network.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMoments } from '../../src/evidence/moments.ts';
import { decodeReplay } from '../../src/evidence/replay.ts';
import { mergeCounts } from '../../src/evidence/evidence.ts';
import { duelKey, tallyKey } from '../../src/evidence/evidence.ts';
import type { Answered, World } from './line-under-test.ts';
import { factsOf, offline, openWorld } from './line-under-test.ts';
import { LABELS, LIMITS, rosterOf, sampleModel } from './samples.ts';

const A = sampleModel('a', 1), B = sampleModel('b', 2), C = sampleModel('c', 3);
const MODELS = new Map([A, B, C].map((model) => [model.id, model]));
const tokens = fc.array(fc.nat(15), { minLength: 1, maxLength: 6 });

interface Sent { readonly id: string; readonly session: string; readonly tokens: readonly number[] }

const bySession = (answers: readonly Answered[], session: string): readonly Answered[] => answers.filter((answer) => answer.session === session);

/** Each request once, each session in order, and the labels of each session as offline with the models that answered. */
async function check(world: World, sent: readonly Sent[]): Promise<void> {
  const answers = await world.answers();
  expect([...answers.map(({ id }) => id)].sort()).toEqual([...sent.map(({ id }) => id)].sort());
  for (const session of new Set(sent.map((request) => request.session))) {
    const mine = sent.filter((request) => request.session === session), theirs = bySession(answers, session);
    expect(theirs.map(({ id }) => id)).toEqual(mine.map(({ id }) => id));
    const expected = offline(mine.map((request, at) => ({ model: MODELS.get(theirs[at]!.model)!, tokens: request.tokens })));
    expect(theirs.map(({ labels }) => labels)).toEqual(expected);
  }
}

describe('the line', () => {
  it('serving.top: predictions carry the likeliest labels; the activity of the champion\'s units is told, over every step', async () => {
    const world = await openWorld({ models: [A, B], roster: rosterOf({ champion: 'a', challenger: 'b', shadow: 1 }), limits: { top: 3 } });
    for (let n = 0; n < 5; n++) await world.request(`r${n}`, `s${n}`, [1, 2, 3]);
    await world.until(async () => (await world.answers()).length === 5);
    await world.drain();
    for (const { labels, alternatives } of (await world.answers()) as readonly (Answered & { readonly alternatives: readonly (readonly (readonly [string, number])[])[] })[]) {
      expect(alternatives).toHaveLength(3);
      alternatives.forEach((step, t) => {
        expect(step).toHaveLength(Math.min(3, LABELS.length));
        expect(step[0]![0]).toBe(labels![t]);
        for (let i = 1; i < step.length; i++) expect(step[i]![1]).toBeLessThanOrEqual(step[i - 1]![1]);
      });
    }
    const told = factsOf(world, 'units');
    expect(told.map(({ model }) => model)).toEqual(told.map(() => 'a'));
    expect(told.reduce((sum, { steps }) => sum + steps, 0)).toBe(15);
    for (const { abs, squares, dead } of told) {
      expect([abs.length, squares.length]).toEqual([A.shape.layers[0], A.shape.layers[0]]);
      expect(dead).toBeLessThan(abs.length);
    }
  });

  it('answers every request once, in order and as offline, under random interleavings, pauses and swaps', async () => {
    const event = fc.oneof(
      { weight: 8, arbitrary: fc.record({ kind: fc.constant('request' as const), session: fc.nat(5), tokens }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(3) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('swap' as const), champion: fc.constantFrom('a', 'b') }) },
    );
    await fc.assert(fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 50 }), async (events) => {
      const world = await openWorld({ models: [A, B], roster: rosterOf({ champion: 'a' }), limits: { unsettledMax: 10, batchMax: 4 } });
      const sent: Sent[] = [];
      for (const each of events) {
        if (each.kind === 'pass') await world.clock.advance(each.ms);
        else if (each.kind === 'swap') world.roster$.next({ ...world.roster$.value, version: world.roster$.value.version + 1, champion: each.champion });
        else {
          sent.push({ id: `r${sent.length}`, session: `s${each.session}`, tokens: each.tokens });
          await world.request(sent.at(-1)!.id, `s${each.session}`, each.tokens);
        }
      }
      await world.until(async () => (await world.answers()).length >= sent.length);
      await world.drain();
      await check(world, sent);
      for (const call of world.engine.calls) expect(call.sequences.length).toBeLessThanOrEqual(4);
      for (const fact of factsOf(world, 'queues')) expect(Math.max(fact.unsettled, fact.waiting)).toBeLessThanOrEqual(10);
      const counted = factsOf(world, 'batch').reduce((sum, batch) => sum + batch.latency.reduce((a, b) => a + b, 0), 0);
      expect(counted).toBe(sent.length);
    }), { numRuns: 25 });
  });

  it('carries the state of a session over to the next champion, and tells of it', async () => {
    const world = await openWorld({ models: [A, B], roster: rosterOf({ champion: 'a' }) });
    const sent = ['r0', 'r1', 'r2'].map((id, at) => ({ id, session: 's', tokens: [at, at + 3, 7] }));
    await world.request('r0', 's', sent[0]!.tokens);
    await world.until(async () => (await world.answers()).length === 1);
    world.roster$.next({ ...world.roster$.value, version: 2, champion: 'b' });
    for (const { id, tokens: ids } of sent.slice(1)) await world.request(id, 's', ids);
    await world.until(async () => (await world.answers()).length === 3);
    await world.drain();
    await check(world, sent);
    expect((await world.answers()).map(({ model }) => model)).toEqual(['a', 'b', 'b']);
    expect(factsOf(world, 'states-carried')).toMatchObject([{ from: 'a', to: 'b', count: 1 }]);
  });

  it('starts every sequence at zero where the state is reset, and names one label where it classifies', async () => {
    const reset = sampleModel('r', 5, { state: 'reset', task: 'classify' });
    const world = await openWorld({ models: [reset], roster: rosterOf({ champion: 'r' }) });
    for (let n = 0; n < 6; n++) await world.request(`r${n}`, 's', [1, 2, 3]);
    await world.until(async () => (await world.answers()).length === 6);
    await world.drain();
    const [expected] = offline([{ model: reset, tokens: [1, 2, 3] }]);
    expect((await world.answers()).map(({ label }) => label)).toEqual(new Array(6).fill(expected![0]));
    expect(world.engine.calls.length).toBeLessThan(6);
  });

  it('goes on from the recovered states after a restart, and answers nothing twice', async () => {
    const roster = rosterOf({ champion: 'a' });
    const first = await openWorld({ models: [A], roster });
    const sent = Array.from({ length: 8 }, (_, n) => ({ id: `r${n}`, session: `s${n % 2}`, tokens: [n, n + 1] }));
    for (const { id, session, tokens: ids } of sent.slice(0, 4)) await first.request(id, session, ids);
    await first.until(async () => (await first.answers()).length === 4);
    await first.drain();
    const second = await openWorld({ models: [A], roster, after: first });
    for (const { id, session, tokens: ids } of sent.slice(4)) await second.request(id, session, ids);
    await second.until(async () => (await second.answers()).length === 8);
    await second.drain();
    await check(second, sent);
  });
});

describe('the roles', () => {
  it('answer in shadow unseen, keep their own state, and are judged on the same requests', async () => {
    const roster = rosterOf({ champion: 'a', challenger: 'b', shadow: 1, anchor: 'c', anchorShare: 1 });
    const world = await openWorld({ models: [A, B, C], roster });
    const sent = Array.from({ length: 12 }, (_, n) => ({ id: `r${n}`, session: `s${n % 4}`, tokens: [n, 15 - n, n] }));
    const truth = (n: number): string[] => [n, n + 1, n + 2].map((k) => LABELS[k % 3]!);
    for (const [n, { id, session, tokens: ids }] of sent.entries()) {
      await world.request(id, session, ids);
      await world.label(id, session, truth(n));
    }
    await world.until(() => factsOf(world, 'batch').filter((batch) => batch.role === 'anchor').reduce((sum, batch) => sum + batch.requests, 0) === 12);
    await world.drain();
    await check(world, sent);
    const counts = factsOf(world, 'evidence').map((fact) => fact.counts).reduce(mergeCounts);
    expect(counts.labels).toMatchObject({ joined: 12, expired: 0, invalid: 0 });
    let differences = 0;
    for (const [model, role] of [[A, 'champion'], [B, 'challenger'], [C, 'anchor']] as const) {
      let correct = 0;
      for (let s = 0; s < 4; s++) {
        const mine = sent.filter((request) => request.session === `s${s}`);
        const labels = offline(mine.map((request) => ({ model, tokens: request.tokens })));
        correct += labels.flat().filter((label, at) => label === mine.flatMap((request) => truth(sent.indexOf(request)))[at]).length;
      }
      expect(counts.tallies[tallyKey(model.id, role)]).toMatchObject({ requests: 12, steps: 36, correct });
      differences += role === 'anchor' ? correct : role === 'challenger' ? -correct : 0;
    }
    const duel = counts.duels[duelKey('c', 'b')]!;
    expect(duel.blocks).toBe(4);
    expect(duel.sum).toBeCloseTo(differences / 9, 12);
    expect(factsOf(world, 'batch').every((batch) => batch.role === 'champion' || batch.latencyMsSum === 0)).toBe(true);
  });

  it('keep their state when they change places: a promoted challenger goes on with its own, and so does its predecessor', async () => {
    const world = await openWorld({ models: [A, B], roster: rosterOf({ champion: 'a', challenger: 'b', shadow: 1 }), limits: { batchMax: 2 } });
    const sent = Array.from({ length: 24 }, (_, n) => ({ id: `r${n}`, session: `s${n % 4}`, tokens: [n % 16, (5 * n) % 16, n % 3] }));
    const truth = ['A', 'B', 'C'];
    for (const { id, session, tokens: ids } of sent.slice(0, 12)) await world.request(id, session, ids);
    await world.until(async () => (await world.answers()).length >= 10);
    world.roster$.next({ ...world.roster$.value, version: 2, champion: 'b', challenger: null, predecessor: 'a' });
    for (const { id, session, tokens: ids } of sent.slice(12)) await world.request(id, session, ids);
    for (const { id, session } of sent) await world.label(id, session, truth);
    await world.until(async () => (await world.answers()).length === 24);
    await world.drain();
    expect(factsOf(world, 'states-carried')).toEqual([]);
    const answers = await world.answers();
    const right = { a: 0, b: 0 };
    for (let s = 0; s < 4; s++) {
      const mine = sent.filter(({ session }) => session === `s${s}`), theirs = bySession(answers, `s${s}`);
      const alone = { a: offline(mine.map((request) => ({ model: A, tokens: request.tokens }))), b: offline(mine.map((request) => ({ model: B, tokens: request.tokens }))) };
      for (const [at, { labels, model }] of theirs.entries()) expect(labels).toEqual(alone[model as 'a' | 'b'][at]);
      for (const id of ['a', 'b'] as const) right[id] += alone[id].flat().filter((label, at) => label === truth[at % 3]).length;
    }
    const { tallies } = factsOf(world, 'evidence').map((fact) => fact.counts).reduce(mergeCounts);
    const correct = (...keys: readonly string[]): number => keys.reduce((sum, key) => sum + tallies[key]!.correct, 0);
    expect(correct(tallyKey('a', 'champion'), tallyKey('a', 'predecessor'))).toBe(right.a);
    expect(correct(tallyKey('b', 'challenger'), tallyKey('b', 'champion'))).toBe(right.b);
  });

  it('split the sessions between the arms, each session to one', async () => {
    const world = await openWorld({ models: [A, B], roster: rosterOf({ champion: 'a', challenger: 'b', share: 0.5 }) });
    for (let n = 0; n < 60; n++) await world.request(`r${n}`, `s${n % 30}`, [1, 2]);
    await world.until(async () => (await world.answers()).length === 60);
    await world.drain();
    const answers = await world.answers();
    for (let s = 0; s < 30; s++) expect(new Set(bySession(answers, `s${s}`).map(({ model, arm }) => `${model} ${arm}`)).size).toBe(1);
    const inArm = answers.filter(({ model, arm }) => model === 'b' && arm === 'challenger').length;
    expect(inArm).toBeGreaterThan(10);
    expect(inArm).toBeLessThan(50);
  });

  it('release a model when neither the roster nor a request needs it', async () => {
    const world = await openWorld({ models: [A, B], roster: rosterOf({ champion: 'a' }) });
    let released = false;
    const promise = world.line.released('a').then(() => { released = true; });
    for (let n = 0; n < 20; n++) await world.request(`r${n}`, `s${n}`, [1, 2]);
    await world.until(() => world.engine.calls.length > 0);
    expect(released).toBe(false);
    world.roster$.next(rosterOf({ version: 2, champion: 'b' }));
    await world.until(() => released);
    await promise;
    await world.engine.retire('a');
    await world.until(async () => (await world.answers()).length === 20);
    await world.drain();
    expect(await world.refused()).toEqual([]);
  });
});

describe('the evidence', () => {
  it('holds moments of the champion alone, and what can be trained on', async () => {
    const world = await openWorld({ models: [A, B], roster: rosterOf({ champion: 'a', challenger: 'b', shadow: 1 }) });
    for (let n = 0; n < 30; n++) {
      await world.request(`r${n}`, `s${n % 10}`, [n % 16, 1, 2]);
      await world.label(`r${n}`, `s${n % 10}`, ['A', 'B', 'C']);
    }
    await world.until(() => factsOf(world, 'batch').filter((batch) => batch.role === 'challenger').reduce((sum, batch) => sum + batch.requests, 0) === 30);
    await world.drain();
    const reports = factsOf(world, 'evidence').flatMap((fact) => fact.moments ?? []);
    expect(reports.length).toBeGreaterThan(0);
    const moments = await Promise.all(reports.map(async ({ ref }) => decodeMoments(await world.vault.get(ref))));
    expect(moments.every(({ model }) => model === 'a')).toBe(true);
    const vectors = moments.reduce((sum, each) => sum + each.vectors, 0);
    expect(vectors).toBeGreaterThan(0.5 * 90 / LIMITS.sampleEvery);
    expect(vectors).toBeLessThan(1.5 * 90 / LIMITS.sampleEvery);
    const samples = factsOf(world, 'evidence').flatMap((fact) => fact.replay ?? []);
    const items = (await Promise.all(samples.map(async ({ ref }) => decodeReplay(await world.vault.get(ref))))).flat();
    expect(items).toHaveLength(10);
    for (const item of items) expect([item.inputs.length, Array.from(item.targets!)]).toEqual([9, [0, 1, 2, 0, 1, 2, 0, 1, 2]]);
  });

  it('is reported at its intervals even when nothing happens', async () => {
    const world = await openWorld({ models: [A], roster: rosterOf({ champion: 'a' }) });
    await world.clock.advance(1_000);
    expect(factsOf(world, 'evidence')).toHaveLength(10);
    expect(factsOf(world, 'queues')).toHaveLength(10);
    await world.drain();
    expect(factsOf(world, 'evidence')).toHaveLength(11);
  });
});
