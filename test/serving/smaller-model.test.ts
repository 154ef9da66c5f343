// Goal: a session goes on where it was when a model with fewer units takes over, and when the larger one takes back. Method:
// a network of which nobody reads some units, and the same without them: the labels of the whole session are those of one.
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/adapters/digest.ts';
import { decodeArtifact, encodeArtifact } from '../../src/model/artifact.ts';
import { maskWeights } from '../../src/model/mask.ts';
import type { Model } from '../../src/model/model.ts';
import { outputMask, selectUnits, unitMask } from '../../src/pruning/units.ts';
import { codeOf } from '../../src/errors.ts';
import { factsOf, offline, openWorld } from './line-under-test.ts';
import { rosterOf, sampleModel } from './samples.ts';

const selection = { inputs: null, units: [Int32Array.of(4, 0, 2)] };
const base = sampleModel('large', 7), { shape } = base, rows = outputMask(shape, selection), mask = unitMask(shape, base.mask, selection);
const weights = maskWeights(shape, base.weights, mask);
const large: Model = { ...base, mask, weights: { ...weights, output: weights.output.map((value, at) => value * rows[Math.floor(at / shape.outputs)]!) } };
const { stateMap, ...smaller } = selectUnits(large, selection);
const small: Model = { ...large, ...smaller, id: 'small', lineage: { ...large.lineage, parent: 'large', origins: [...stateMap] } };

async function labelsWith(models: readonly Model[], turns: readonly string[]): Promise<{ readonly labels: unknown; readonly carried: number }> {
  const world = await openWorld({ models: [...models], roster: rosterOf({ champion: turns[0]! }) });
  for (const [at, champion] of turns.entries()) {
    world.roster$.next({ ...world.roster$.value, version: 2 + at, champion });
    await world.request(`r${at}`, 's', [at, 3 * at % 16, 7]);
    await world.until(async () => (await world.answers()).length === at + 1);
  }
  await world.drain();
  return { labels: (await world.answers()).map(({ labels }) => labels), carried: factsOf(world, 'states-carried').length };
}

describe('a model with fewer units', () => {
  const turns = ['large', 'large', 'small', 'small', 'large', 'small'];
  const expected = offline(turns.map((_, at) => ({ model: large, tokens: [at, 3 * at % 16, 7] })));

  it('takes the session over by its map, and gives it back', async () => {
    expect(small.shape.layers).toEqual([3]);
    const { labels, carried } = await labelsWith([large, small], turns);
    expect(labels).toEqual(expected);
    expect(carried).toBeGreaterThan(1);
  });

  it('starts at zero under one that it does not descend from, also where the numbers of units agree', async () => {
    const stranger: Model = { ...small, lineage: { ...small.lineage, parent: 'somebody' } };
    const swapped: Model = { ...large, id: 'small', lineage: { ...large.lineage, parent: 'somebody', origins: [4, 3, 2, 1, 0] } };
    for (const other of [stranger, swapped]) expect((await labelsWith([large, other], turns)).carried).toBe(0);
  });

  it('keeps its map in its file', () => {
    const named = { ...small, lineage: { ...small.lineage, parent: 'a'.repeat(64) } };
    const { bytes } = encodeArtifact(named, sha256);
    expect(decodeArtifact(bytes, sha256).lineage.origins).toEqual([4, 0, 2]);
    for (const origins of [[0, 1], [0, 0, 1], [-1, 0, 1]]) {
      let code: string | undefined;
      try { encodeArtifact({ ...named, lineage: { ...named.lineage, origins } }, sha256); } catch (error) { code = codeOf(error); }
      expect(code).toBe('artifact-invalid');
    }
  });
});
