// Goal: stacks of every cell, both directions, frames, language models and regressions are pruned and trained by whole jobs,
// and their moments are the reference's. Method: small tasks that need memory, learnt to a bar; moments added up beside the float64 forward pass.
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/adapters/digest.ts';
import { ReferenceEngine } from '../../src/adapters/engine/reference.ts';
import { memoryVault } from '../../src/adapters/vault/memory.ts';
import { dense, encodeMoments } from '../../src/evidence/moments.ts';
import type { ReplayItem } from '../../src/evidence/replay.ts';
import { encodeReplay } from '../../src/evidence/replay.ts';
import { decodeArtifact, encodeArtifact } from '../../src/model/artifact.ts';
import { forward } from '../../src/model/cell.ts';
import { initialWeights } from '../../src/model/initial.ts';
import { densityOfMask, fullMask, maskWeights } from '../../src/model/mask.ts';
import type { ModelDraft } from '../../src/model/model.ts';
import { sampleModel } from '../../src/model/sample-model.ts';
import type { Cell, ModelShape, Weights } from '../../src/model/shape.ts';
import { layerShapes } from '../../src/model/shape.ts';
import { NO_TOKENIZER } from '../../src/model/tokenizer.ts';
import type { Candidate, TuningJob } from '../../src/pruning/job.ts';
import { randomFrom } from '../../src/support/random.ts';
import { momentsOf } from '../../src/tuning/moments-of.ts';
import { openRuntime } from '../../src/tuning/ops.ts';
import { runJob } from '../../src/tuning/run-job.ts';
import { never, plan, randomItems } from './samples.ts';

const CELLS: readonly Cell[] = ['lstm', 'gru', 'gru-before', 'rnn-tanh', 'rnn-relu'];
const runtime = openRuntime();
let now = 0;
const clock = { monotonicMs: () => (now += 1) };

describe.each(CELLS)('moments of %s', (cell) => {
  it.each<[string, ModelShape]>([
    ['a stack', { cell, vocabulary: 9, inputs: 3, layers: [4, 5], task: 'tag', outputs: 2, state: 'carry' }],
    ['both directions', { cell, vocabulary: 0, inputs: 3, layers: [4, 2], bidirectional: true, task: 'classify', outputs: 2, state: 'reset' }],
  ])('are the reference\'s for each layer of %s', async (_, shape) => {
    const model = sampleModel(shape, 0.6, randomFrom(1)), parent = sampleModel(shape, 1, randomFrom(2)), items = randomItems(shape, 12, 1, 40, 3);
    const { moments, cross } = await momentsOf(runtime, { id: 'm', model, parent, items, vectorsMax: Infinity }, never);
    const seen = (of: typeof model): number[][][] => {
      const layers: number[][][] = layerShapes(shape).map(() => []);
      for (const { inputs } of items) forward(of, inputs, null, (_t, x, h, layer, reset) => { layers[layer]!.push([...x, ...h, ...reset ?? [], 1]); });
      return layers;
    };
    const own = seen(model), parents = seen(parent);
    moments.forEach((layer, index) => {
      expect(layer).toMatchObject({ layer: index, size: own[index]![0]!.length, vectors: own[index]!.length });
      const full = dense(layer), { size } = layer;
      for (let i = 0; i < size; i++) {
        for (let j = 0; j < size; j++) {
          const mean = (left: number[][], right: number[][]): number => left.reduce((sum, row, at) => sum + row[i]! * right[at]![j]!, 0) / left.length;
          const bound = 1e-5 * Math.max(1, Math.abs(mean(own[index]!, own[index]!)), Math.abs(mean(own[index]!, parents[index]!)));
          expect(Math.abs(full[i * size + j]! - mean(own[index]!, own[index]!))).toBeLessThan(bound);
          expect(Math.abs(cross![index]!.second[i * size + j]! - mean(own[index]!, parents[index]!))).toBeLessThan(bound);
        }
      }
    });
  });
});

/** Embeddings as large as states, and fewer numbers than tokens: otherwise the criteria, which look at one connection at a time, cut the inputs off first. */
const startOf = (shape: ModelShape): Weights => {
  const weights = initialWeights(shape, randomFrom(5));
  return { ...weights, embedding: weights.embedding.map((value) => 8 * value) };
};

const draftOf = (shape: ModelShape): ModelDraft => ({
  shape, weights: startOf(shape), mask: fullMask(shape), tokenizer: NO_TOKENIZER,
  labels: shape.task === 'next' || shape.task === 'regress' ? [] : Array.from({ length: shape.outputs }, (_, label) => `l${label}`),
  lineage: { parent: null, anchor: null, cycle: 0, density: 1, criterion: null, seed: 1, trainedOn: 'nothing' },
});

/** Every second token repeats the one before it: half of the next tokens can be known, if one is remembered. */
function stutters(shape: ModelShape, count: number): readonly ReplayItem[] {
  return randomItems(shape, count, 10, 20, 8).map(({ id, inputs }) => ({ id, inputs: Int32Array.from(inputs, (_, t) => inputs[t - t % 2]!), targets: null }));
}

/** The first frame's first number, remembered to the end; and the sum of the last frame. */
function remembered(shape: ModelShape, count: number): readonly ReplayItem[] {
  return randomItems(shape, count, 3, 6, 9).map(({ id, inputs }) => ({ id, inputs, targets: Float32Array.of(inputs[0]! / 2, (inputs.at(-1)! + inputs.at(-2)!) / 4) }));
}

const jobOf = (parent: string, replay: string, extra: Partial<TuningJob> = {}): TuningJob => ({
  id: 'dense', cycle: 0, seed: 1, parent, teacher: null, anchor: null, replay: [replay], moments: [], density: 1, criterion: null, scope: 'network', reconstruct: false,
  training: plan, trainedOn: 'made', ...extra,
});

describe.each(CELLS)('jobs of %s', (cell) => {
  const next: ModelShape = { cell, vocabulary: 6, inputs: 4, layers: [24, 20], task: 'next', outputs: 6, state: 'carry' };
  const regress: ModelShape = { cell, vocabulary: 0, inputs: 2, layers: [10], bidirectional: true, task: 'regress', outputs: 2, state: 'reset' };

  it.each<[string, ModelShape, readonly ReplayItem[], number]>([
    ['a language model of two layers', next, stutters(next, 150), 0.5],
    ['a regression over frames in both directions', regress, remembered(regress, 200), 0.6],
  ])('train %s, prune it by the moments of all layers, and train it again', async (_, shape, items, bar) => {
    const vault = memoryVault(), engine = new ReferenceEngine();
    const run = (job: TuningJob): Promise<Candidate> => runJob(job, { vault, engine, clock, say: () => undefined, signal: never });
    const replay = await vault.put(encodeReplay(items));
    const training = { ...plan, steps: 350, lanes: 16, window: 12, learningRate: 0.006 };
    const anchor = await run(jobOf(await vault.put(encodeArtifact(draftOf(shape), sha256).bytes), replay, { training }));
    expect(anchor.report.accuracy).toBeGreaterThan(bar);
    expect(anchor.report.accuracy).toBeGreaterThan(anchor.report.parentAccuracy + 0.2);
    expect(anchor.report.parity).toBeLessThan(1e-5);

    const parent = decodeArtifact(await vault.get(anchor.model), sha256);
    const live = (await momentsOf(runtime, { id: parent.id, model: parent, parent: null, items: items.slice(0, 20), vectorsMax: Infinity }, never)).moments;
    const cut = await run(jobOf(anchor.model, replay, {
      id: 'cut', cycle: 1, teacher: anchor.model, anchor: anchor.model, density: 0.6, criterion: 'obs', reconstruct: true, moments: await Promise.all(live.map((moments) => vault.put(encodeMoments(moments)))),
      training: { ...training, steps: 150, labelShare: 0.5 },
    }));
    const { mask, weights } = decodeArtifact(await vault.get(cut.model), sha256);
    expect(densityOfMask(mask)).toBeCloseTo(0.6, 2);
    expect(cut.report.densities).toHaveLength(mask.length);
    expect(maskWeights(shape, weights, mask)).toEqual(weights);
    expect(cut.report.parity).toBeLessThan(1e-5);
    expect(cut.report.accuracy).toBeGreaterThan(anchor.report.accuracy - 0.15);
    expect(cut.report.agreement).toBeGreaterThan(0.6);
  });
});
