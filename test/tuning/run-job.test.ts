// Goal: a job from vault to vault: what it refuses, what it reports, and that pruning repairs and retrains. Method: small models, a reference engine that may lie.
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/adapters/digest.ts';
import { ReferenceEngine } from '../../src/adapters/engine/reference.ts';
import { memoryVault } from '../../src/adapters/vault/memory.ts';
import { encodeMoments } from '../../src/evidence/moments.ts';
import { encodeReplay } from '../../src/evidence/replay.ts';
import { decodeArtifact, encodeArtifact } from '../../src/model/artifact.ts';
import { densityOfMask, maskLayer } from '../../src/model/mask.ts';
import type { Model, ModelDraft } from '../../src/model/model.ts';
import type { ModelShape } from '../../src/model/shape.ts';
import type { Engine, EngineCall, EngineResult, Vault } from '../../src/ports.ts';
import type { Candidate, CriterionName, TuningJob, TuningNews } from '../../src/pruning/job.ts';
import { splitItems } from '../../src/tuning/examine.ts';
import { momentsOf } from '../../src/tuning/moments-of.ts';
import { openRuntime } from '../../src/tuning/ops.ts';
import { runJob } from '../../src/tuning/run-job.ts';
import { classifyShape, draftOf, echoItems, never, plan, tagShape } from './samples.ts';

const wide = (shape: ModelShape): ModelShape => ({ ...shape, layers: [16] });
const itemsFor = (shape: ModelShape) => echoItems(shape, 150, shape.task === 'tag' ? 16 : 4, 7);
let now = 0;
const clock = { monotonicMs: () => (now += 1) };
const run = (job: TuningJob, vault: Vault, engine: Engine = new ReferenceEngine(), say: (news: TuningNews) => void = () => undefined): Promise<Candidate> => runJob(job, { vault, engine, clock, say, signal: never });
const load = async (vault: Vault, id: string): Promise<Model> => decodeArtifact(await vault.get(id), sha256);

async function dense(shape: ModelShape): Promise<{ vault: Vault; job: TuningJob; candidate: Candidate; draft: ModelDraft }> {
  const vault = memoryVault(), draft = draftOf(shape, 1);
  const parent = await vault.put(encodeArtifact(draft, sha256).bytes), replay = await vault.put(encodeReplay(itemsFor(shape)));
  const job: TuningJob = {
    id: 'dense', cycle: 0, seed: 1, parent, teacher: null, anchor: null, replay: [replay], moments: [], density: 1, criterion: null, scope: 'network', reconstruct: false,
    training: { ...plan, steps: 250 }, trainedOn: 'echoes',
  };
  return { vault, job, draft, candidate: await run(job, vault) };
}

describe.each<[string, ModelShape]>([['tag', wide(tagShape)], ['classify', wide(classifyShape)]])('jobs of %s', (_, shape) => {
  const trained = dense(shape);
  const prune = async (criterion: CriterionName, extra: Partial<TuningJob> = {}): Promise<{ candidate: Candidate; vault: Vault; model: Model }> => {
    const { vault, job, candidate: anchor } = await trained;
    const candidate = await run({ ...job, id: 'cut', cycle: 1, parent: anchor.model, teacher: anchor.model, anchor: anchor.model, density: 0.3, criterion, reconstruct: true, training: { ...plan, steps: 0, labelShare: 0 }, ...extra }, vault);
    return { candidate, vault, model: await load(vault, candidate.model) };
  };

  it('train a dense anchor that has learnt', async () => {
    const { vault, job, candidate: { model, report } } = await trained;
    expect(report).toMatchObject({ prunedAccuracy: null, density: 1, densities: [{ inputs: 1, state: 1 }], agreement: null, steps: 250 });
    expect(report.accuracy).toBeGreaterThan(0.95);
    expect(report.accuracy).toBeGreaterThan(report.parentAccuracy + 0.3);
    expect(report.parity).toBeLessThan(1e-5);
    expect(report.bytes).toBe((await vault.get(model)).length);
    expect((await load(vault, model)).lineage).toMatchObject({ parent: job.parent, anchor: null, density: 1 });
  });

  it('repair by least squares what a cut broke, without one label', async () => {
    const plain = await prune('obs', { reconstruct: false }), repaired = await prune('obs');
    expect(repaired.candidate.report.agreement).toBeGreaterThan(plain.candidate.report.agreement!);
    expect(repaired.candidate.report.prunedAccuracy).toBe(repaired.candidate.report.accuracy);
    expect(densityOfMask(repaired.model.mask)).toBeCloseTo(0.3, 2);
    expect(repaired.model.mask).toEqual(plain.model.mask);
  });

  it('fine-tune under the mask with the teacher alone, and report it', async () => {
    const { candidate: { report }, model } = await prune('obs', { training: { ...plan, steps: 200, labelShare: 0 } });
    expect(report.accuracy).toBeGreaterThan(0.9);
    expect(report.agreement).toBeGreaterThan(0.9);
    expect(report.structuralCost).toBeGreaterThan(0);
    expect(report.weightCost).toBeGreaterThan(0);
    expect(model.weights.layers[0]!.kernel).toEqual(maskLayer(model.weights.layers[0]!, model.mask[0]!, 16).kernel);
  });

  it.each<CriterionName>(['random', 'magnitude', 'activity'])('cut by %s, too', async (criterion) => {
    const { model } = await prune(criterion, { reconstruct: false });
    expect(densityOfMask(model.mask)).toBeCloseTo(0.3, 2);
    expect(model.lineage.criterion).toBe(criterion);
  });

  it('score by live moments of the parent where the job brings them, in parts', async () => {
    const { vault, candidate: anchor } = await trained;
    const parent = await load(vault, anchor.model), items = splitItems(itemsFor(shape), plan.heldOut).training;
    const parts = await Promise.all([items.slice(0, 50), items.slice(50)].map(async (part) => vault.put(encodeMoments((await momentsOf(openRuntime(), { id: parent.id, model: parent, parent: null, items: part, vectorsMax: Infinity }, never)).moments[0]!))));
    const [live, collected] = [await prune('obs', { moments: parts }), await prune('obs')];
    expect(live.model.mask).toEqual(collected.model.mask);
    const strange = await vault.put(encodeMoments({ ...(await momentsOf(openRuntime(), { id: 'somebody', model: parent, parent: null, items, vectorsMax: 10 }, never)).moments[0]! }));
    await expect(prune('obs', { moments: [strange] })).rejects.toMatchObject({ code: 'evidence-invalid' });
  });
});

it('refuses replay items that the model cannot have seen', async () => {
  const { vault, job } = await dense({ ...tagShape, layers: [2] });
  for (const bad of [{ inputs: Int32Array.of(11), targets: null }, { inputs: Int32Array.of(1, 2), targets: Int32Array.of(0) }, { inputs: Int32Array.of(1), targets: Int32Array.of(4) }]) {
    const replay = await vault.put(encodeReplay([{ id: 'bad', ...bad }]));
    await expect(run({ ...job, replay: [replay] }, vault)).rejects.toMatchObject({ code: 'evidence-invalid' });
  }
});

it('keeps a candidate whose packed form disagrees from leaving, and retires it from the engine', async () => {
  class Lying extends ReferenceEngine {
    readonly retired: string[] = [];
    override async infer(call: EngineCall): Promise<EngineResult> {
      const result = await super.infer(call);
      result.answers.at(-1)!.h[0]! += 2e-4;
      return result;
    }
    override async retire(model: string): Promise<void> { this.retired.push(model); await super.retire(model); }
  }
  const { vault, job } = await dense({ ...tagShape, layers: [2] });
  const engine = new Lying(), before = await vault.list();
  await expect(run({ ...job, training: { ...plan, steps: 1 } }, vault, engine)).rejects.toMatchObject({ code: 'parity-failed' });
  expect(engine.retired).toHaveLength(1);
  expect(await vault.list()).toEqual(before);
});

it('says where it computes, and refuses a job that demands a GPU where TensorFlow has none', async () => {
  const { vault, job } = await dense({ ...tagShape, layers: [2] });
  const news: TuningNews[] = [], { device, version } = openRuntime().tf;
  const demanding = run({ ...job, training: { ...plan, steps: 1 }, device: 'gpu' }, vault, undefined, (next) => { news.push(next); });
  if (device === 'gpu') await demanding;
  else await expect(demanding).rejects.toMatchObject({ code: 'gpu-missing', exitCode: 5, remedy: expect.stringContaining('espalier doctor') as string, details: expect.stringContaining('computes on the CPU; no GPU was found') as string });
  expect(news[0]).toEqual({ kind: 'device', device: { device, tensorflow: version, gpu: null, driver: null, cuda: null, cudnn: null } });
  await run({ ...job, training: { ...plan, steps: 1 }, device: 'any' }, vault);
});

it('sets aside the same items whatever else the sample holds', () => {
  const items = echoItems(tagShape, 500, 3, 1);
  const { training, heldOut } = splitItems(items, 0.2);
  expect(training.length + heldOut.length).toBe(500);
  expect(heldOut.length).toBeGreaterThan(70);
  expect(heldOut.length).toBeLessThan(130);
  expect(splitItems(items.slice(100), 0.2).heldOut).toEqual(heldOut.filter((item) => items.indexOf(item) >= 100));
});
