// Goal: the whole line serves stacks of GRUs, language models and frames: answers as offline with all states carried, moments of every layer, evidence without labels. Method: the line on the memory log with the reference engine.
import { expect, it } from 'vitest';
import { decodeMoments } from '../../src/evidence/moments.ts';
import { decodeReplay } from '../../src/evidence/replay.ts';
import { tallyKey } from '../../src/evidence/evidence.ts';
import { forward } from '../../src/model/cell.ts';
import { sampleModel } from '../../src/model/sample-model.ts';
import { randomFrom } from '../../src/support/random.ts';
import type { World } from './line-under-test.ts';
import { bytes, factsOf, openWorld } from './line-under-test.ts';
import { rosterOf } from './samples.ts';

interface Said { readonly id: string; readonly tokens?: readonly number[]; readonly values?: readonly number[] }
const said = async (world: World): Promise<readonly Said[]> => (await world.answers()) as unknown as readonly Said[];

it('a language model of two GRU layers goes on where the session stopped, and is judged by what follows', async () => {
  const model = sampleModel({ cell: 'gru', vocabulary: 9, inputs: 3, layers: [4, 5], task: 'next', outputs: 9, state: 'carry' }, 0.8, randomFrom(1), 'm');
  const world = await openWorld({ models: [model], roster: rosterOf({ champion: 'm' }), limits: { sampleEvery: 1 } });
  const sent = [[1, 2, 3], [4, 5], [6, 7, 8, 0]];
  for (const [at, tokens] of sent.entries()) await world.request(`r${at}`, 's', tokens);
  await world.until(async () => (await said(world)).length === 3);
  let state: Parameters<typeof forward>[2] = null;
  for (const [at, tokens] of sent.entries()) {
    const result = forward(model, Int32Array.from(tokens), state);
    expect((await said(world))[at]).toMatchObject({ id: `r${at}`, tokens: [...result.labels] });
    state = { h: Float64Array.from(Float32Array.from(result.h)), c: new Float64Array(0) };
  }
  await world.drain();
  const evidence = factsOf(world, 'evidence'), moments = evidence.flatMap((fact) => (fact.moments === null ? [] : [fact.moments]));
  expect(new Set(moments.map(({ layer = 0 }) => layer))).toEqual(new Set([0, 1]));
  for (const { ref, layer = 0 } of moments) expect(decodeMoments(await world.vault.get(ref))).toMatchObject({ model: 'm', layer, size: layer === 0 ? 3 + 4 + 4 + 1 : 4 + 5 + 5 + 1 });
  expect(evidence.reduce((sum, { counts }) => sum + (counts.tallies[tallyKey('m', 'champion')]?.steps ?? 0), 0)).toBe(2 + 1 + 3);
  const replay = await Promise.all(evidence.flatMap((fact) => (fact.replay === null ? [] : [world.vault.get(fact.replay.ref)])));
  expect(replay.flatMap((sample) => decodeReplay(sample))).toMatchObject([{ inputs: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 0), targets: null }]);
});

it('a regression over frames in both directions says its numbers, and is judged by their errors', async () => {
  const model = sampleModel({ cell: 'gru-before', vocabulary: 0, inputs: 2, layers: [3], bidirectional: true, task: 'regress', outputs: 2, state: 'reset' }, 1, randomFrom(2), 'm');
  const world = await openWorld({ models: [model], roster: rosterOf({ champion: 'm' }), limits: { errorMax: 0.05 } });
  const frames = [[[0.5, 1], [-1, 2], [0, 0.25]], [[1, 1]]];
  for (const [at, rows] of frames.entries()) await world.log.append([{ topic: 'requests', key: `s${at}`, value: bytes({ id: `r${at}`, session: `s${at}`, frames: rows }) }]);
  await world.log.append([{ topic: 'requests', key: 's', value: bytes({ id: 'bad', session: 's', frames: [[1, 2, 3]] }) }]);
  await world.until(async () => (await said(world)).length === 2 && (await world.refused()).length === 1);
  const expected = frames.map((rows) => [...forward(model, Float32Array.from(rows.flat()), null).values!]);
  for (const { id, values } of await said(world)) values!.forEach((value, o) => { expect(value).toBeCloseTo(expected[Number(id.slice(1))]![o]!, 5); });
  for (const [at, wanted] of expected.entries()) await world.log.append([{ topic: 'labels', key: `s${at}`, value: bytes({ id: `r${at}`, session: `s${at}`, target: at === 0 ? wanted : wanted.map((value) => value + 1) }) }]);
  await world.until(() => factsOf(world, 'labels').reduce((sum, { counts }) => sum + counts.joined, 0) === 2);
  await world.drain();
  const tallies = factsOf(world, 'evidence').flatMap(({ counts }) => { const tally = counts.tallies[tallyKey('m', 'champion')]; return tally === undefined ? [] : [tally]; });
  expect(tallies.reduce((sum, { correct }) => sum + correct, 0)).toBe(1);
  expect(tallies.reduce((sum, { steps }) => sum + steps, 0)).toBe(2);
});
