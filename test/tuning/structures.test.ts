// Goal: a job takes away what it is told to: groups of four, units, layers, and gives connections back; what comes out
// serves, and says what became of its units. Method: small trained stacks on a task of memory, the reference engine beside.
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/adapters/digest.ts';
import { ReferenceEngine } from '../../src/adapters/engine/reference.ts';
import { memoryVault } from '../../src/adapters/vault/memory.ts';
import { encodeReplay } from '../../src/evidence/replay.ts';
import { decodeArtifact, encodeArtifact } from '../../src/model/artifact.ts';
import { aliveOf } from '../../src/model/mask.ts';
import type { Model } from '../../src/model/model.ts';
import type { ModelShape } from '../../src/model/shape.ts';
import { groupMask, groupsWanted } from '../../src/pruning/groups.ts';
import type { Candidate, TuningJob } from '../../src/pruning/job.ts';
import { checkJob } from '../../src/tuning/check-job.ts';
import { runJob } from '../../src/tuning/run-job.ts';
import { draftOf, echoItems, never, plan, tagShape } from './samples.ts';

let now = 0;
const clock = { monotonicMs: () => (now += 1) };
const shape: ModelShape = { ...tagShape, inputs: 8, layers: [16, 12] };

async function trained(of: ModelShape) {
  const vault = memoryVault(), parent = await vault.put(encodeArtifact(draftOf(of, 1), sha256).bytes), replay = await vault.put(encodeReplay(echoItems(of, 120, of.task === 'tag' ? 12 : 4, 7)));
  const run = (job: TuningJob): Promise<Candidate> => runJob(checkJob(JSON.parse(JSON.stringify(job))), { vault, engine: new ReferenceEngine(), clock, say: () => undefined, signal: never });
  const load = async (id: string): Promise<Model> => decodeArtifact(await vault.get(id), sha256);
  const job: TuningJob = { id: 'dense', cycle: 0, seed: 1, parent, teacher: null, anchor: null, replay: [replay], moments: [], density: 1, criterion: null, scope: 'network', reconstruct: false, training: { ...plan, steps: 200 }, trainedOn: 'echoes' };
  const dense = await run(job);
  const cut = async (extra: Partial<TuningJob>): Promise<{ candidate: Candidate; model: Model }> => {
    const candidate = await run({ ...job, id: 'cut', cycle: 1, parent: dense.model, teacher: dense.model, anchor: dense.model, criterion: 'obs', density: 0.5, reconstruct: true, training: { ...plan, steps: 0, labelShare: 0 }, ...extra });
    return { candidate, model: await load(candidate.model) };
  };
  return { dense, cut, load };
}

describe('a job', () => {
  const ready = trained(shape);

  it('prunes in groups of four, over a stack, in every scope', async () => {
    const { cut } = await ready;
    for (const scope of ['network', 'sensitivity', 'layer', 'unit'] as const) {
      const { model, candidate } = await cut({ granularity: 'g4', scope });
      const groups = model.mask.map((mask, at) => groupMask(mask, at === 0 ? 24 : 28, at === 0 ? 16 : 12));
      expect(groups.reduce((sum, mask) => sum + aliveOf(mask), 0)).toBe(groupsWanted(0.5, 24, 16) + groupsWanted(0.5, 28, 12));
      expect(model.mask.reduce((sum, mask) => sum + aliveOf(mask), 0)).toBe(4 * groups.reduce((sum, mask) => sum + aliveOf(mask), 0));
      expect(candidate.report).toMatchObject({ granularity: 'g4', layers: [16, 12], regrown: 0 });
    }
  });

  it('takes units out, and the repair says more of the parent than the cut alone', async () => {
    const { cut, dense } = await ready;
    const { candidate, model } = await cut({ granularity: 'unit', density: 0.7, scope: 'layer' }), bare = await cut({ granularity: 'unit', density: 0.7, scope: 'layer', reconstruct: false });
    expect(model.shape.layers).toEqual([11, 8]);
    expect(candidate.report).toMatchObject({ density: 1, layers: [11, 8], granularity: 'unit' });
    expect(candidate.report.parity).toBeLessThan(1e-5);
    expect(candidate.report.agreement).toBeGreaterThan(bare.candidate.report.agreement!);
    expect(model.lineage).toMatchObject({ parent: dense.model, anchor: dense.model });
    expect(model.lineage.origins).toHaveLength(19);
    const learnt = await cut({ granularity: 'unit', density: 0.7, scope: 'network', training: { ...plan, steps: 150, labelShare: 0 } });
    expect(learnt.candidate.report.accuracy).toBeGreaterThan(candidate.report.accuracy - 0.02);
  });

  it('takes a whole layer out, and trains what is left with the teacher of two', async () => {
    const { cut } = await ready, { candidate, model } = await cut({ granularity: 'layer', training: { ...plan, steps: 200, labelShare: 0 } });
    expect(model.shape.layers).toHaveLength(1);
    expect([...model.lineage.origins!].every((unit, at) => unit === at + (model.shape.layers[0] === 12 ? 16 : 0))).toBe(true);
    expect(candidate.report.accuracy).toBeGreaterThan(candidate.report.prunedAccuracy!);
    await expect((await trained({ ...tagShape, layers: [4] })).cut({ granularity: 'layer' })).rejects.toMatchObject({ code: 'shape-unsupported' });
  });

  it('gives back what the residual calls for, at the density that was ordered', async () => {
    const { cut } = await ready;
    for (const extra of [{ regrow: 0.2 }, { regrow: 0.2, granularity: 'g4' as const }, { regrow: 0.2, reconstruct: false }, { regrow: 0.2, criterion: 'fisher' as const }, { regrow: 0.2, criterion: 'gradient' as const, reconstruct: false }]) {
      const { candidate, model } = await cut({ density: 0.3, ...extra });
      const all = 24 * 16 + 28 * 12, alive = model.mask.reduce((sum, mask) => sum + aliveOf(mask), 0);
      expect(Math.abs(alive - 0.3 * all)).toBeLessThanOrEqual(extra.granularity === 'g4' ? 6 : 1);
      expect(Math.abs(candidate.report.regrown! - 0.06 * all)).toBeLessThanOrEqual(6);
    }
    await expect(cut({ regrow: 0.2, granularity: 'unit' })).rejects.toMatchObject({ code: 'trainer-failed' });
  });

  it.each(['gradient', 'movement', 'fisher'] as const)('scores by %s, without one label', async (criterion) => {
    const { cut } = await ready, { model } = await cut({ criterion });
    expect(model.lineage.criterion).toBe(criterion);
    expect(model.lineage.density).toBeCloseTo(0.5, 2);
  });

  it.each<[string, ModelShape]>([['GRU', { ...shape, cell: 'gru' }], ['GRU that resets before, both ways', { ...shape, cell: 'gru-before', task: 'classify', state: 'reset', bidirectional: true }]])('takes units, groups and layers of a %s', async (_, of) => {
    const { cut } = await trained(of);
    expect((await cut({ granularity: 'unit', density: 0.5 })).model.shape.layers.reduce((sum, units) => sum + units)).toBe(14);
    expect((await cut({ granularity: 'g4', regrow: 0.3 })).candidate.report.granularity).toBe('g4');
    expect((await cut({ granularity: 'layer' })).model.shape.layers).toHaveLength(1);
  });
});

it('a job of before there was a choice is read as it was, a wrong one refused', async () => {
  const { dense } = await trained({ ...tagShape, layers: [2] });
  const old = { id: 'old', cycle: 1, seed: 1, parent: dense.model, teacher: null, anchor: null, replay: [], moments: [], density: 0.5, criterion: 'obs', scope: 'network', reconstruct: true, training: plan, trainedOn: '' };
  expect(checkJob(old)).toMatchObject(old);
  expect(checkJob({ ...old, granularity: 'unit', regrow: 0.1 })).toMatchObject({ granularity: 'unit', regrow: 0.1 });
  for (const bad of [{ granularity: 'weight' }, { regrow: 2 }, { scope: 'all' }]) expect(() => checkJob({ ...old, ...bad })).toThrow();
});
