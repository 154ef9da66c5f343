// Goal: a training that was cut off goes on to the bit, a job done twice is the same model, and what training is told about held-out items is used as said. Method: one thread, checkpoints through their bytes, a training cut off at a step and taken up, weights compared exactly.
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/adapters/digest.ts';
import { ReferenceEngine } from '../../src/adapters/engine/reference.ts';
import { memoryVault } from '../../src/adapters/vault/memory.ts';
import { memoryWorkbench } from '../../src/adapters/workbench/memory.ts';
import { EspalierError } from '../../src/errors.ts';
import { decodeArtifact } from '../../src/model/artifact.ts';
import { fullMask } from '../../src/model/mask.ts';
import type { Mask, ModelShape } from '../../src/model/shape.ts';
import type { Workbench } from '../../src/ports.ts';
import type { TuningJob, TuningNews } from '../../src/pruning/job.ts';
import { randomFrom } from '../../src/support/random.ts';
import { decodeCheckpoint, encodeCheckpoint, workName } from '../../src/tuning/checkpoint.ts';
import type { FineTuned, FineTuning } from '../../src/tuning/fine-tune.ts';
import { fineTune } from '../../src/tuning/fine-tune.ts';
import { openRuntime } from '../../src/tuning/ops.ts';
import { createOptimizer, weightMask } from '../../src/tuning/optimizer.ts';
import { PROBE_FACTORS } from '../../src/tuning/probe-rate.ts';
import { runJob } from '../../src/tuning/run-job.ts';
import type { TrainingState } from '../../src/tuning/training-state.ts';
import { jobIn } from '../checks/trainer.ts';
import { classifyShape, draftOf, echoItems, never, plan, tagShape } from './samples.ts';

// Read when TensorFlow is loaded, below: sums of one thread have one order.
Object.assign(process.env, { OMP_NUM_THREADS: '1', TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1' });
const runtime = openRuntime();
/** A clock that stands: a checkpoint is due before every step. */
const standing = () => ({ monotonicMs: () => 0 });
const nextShape: ModelShape = { ...tagShape, task: 'next', outputs: 11 };
const stacked: ModelShape = { ...classifyShape, cell: 'gru', layers: [6, 5], bidirectional: true };
const halfMask = (shape: ModelShape): Mask => { const random = randomFrom(5); return fullMask(shape).map((layer) => layer.map(() => (random() < 0.5 ? 0 : 1))); };

function tuningOf(shape: ModelShape, extra: Partial<FineTuning>): FineTuning {
  const items = echoItems(shape, 60, 13, 3);
  return {
    start: draftOf(shape, 1), mask: halfMask(shape), teacher: draftOf(shape, 2), items: items.slice(12), heldOut: items.slice(0, 12), seed: 3, clock: standing(), signal: never, say: () => undefined,
    plan: { ...plan, steps: 40, labelShare: 0.5, dropout: 0.3 }, ...extra,
  };
}

/** Every state of a training, by its step, as it was before that step. */
async function states(tuning: FineTuning): Promise<{ done: FineTuned; at: ReadonlyMap<number, TrainingState> }> {
  const at = new Map<number, TrainingState>();
  const done = await fineTune(runtime, { ...tuning, checkpoints: { everyMs: 0, write: (state) => { at.set(state.step, structuredClone(state)); return Promise.resolve(); } } });
  return { done, at };
}

const CASES: readonly (readonly [string, ModelShape, Partial<FineTuning>])[] = [
  ['tag, state carried', tagShape, {}],
  ['next, one pass, its teacher alongside', nextShape, { plan: { ...plan, steps: 25, labelShare: 0, dropout: 0.2 } }],
  ['a GRU in two layers and both directions', stacked, {}],
  ['classify with a probe and an early end', classifyShape, { plan: { ...plan, steps: 60, labelShare: 0.5, dropout: 0.3, probeSteps: 5, patience: 2, learningRate: 0.05 } }],
  ['classify, shrinking', classifyShape, { mask: fullMask(classifyShape), shrink: { to: halfMask(classifyShape), steps: 20 }, plan: { ...plan, steps: 40, labelShare: 0.5, dropout: 0.3 } }],
];

describe.each(CASES)('a training of %s', (_, shape, extra) => {
  const facts = { origins: null, regrown: 0, parentAccuracy: 0.5, prunedAccuracy: null, seconds: 1, scores: null, shrinkTo: null };

  it('goes on to the bit from any checkpoint, through bytes', async () => {
    const tuning = tuningOf(shape, extra), { done, at } = await states(tuning);
    const taken = [...at.keys()].filter((step) => step <= done.steps);
    for (const step of [0, 1, taken.at(Math.floor(taken.length / 2))!, 20, taken.at(-1)!]) {
      const { training } = decodeCheckpoint(encodeCheckpoint({ begun: { ...facts, shape, mask: tuning.mask }, training: at.get(step)! }), shape)!;
      expect(training).toEqual(at.get(step));
      const again = await fineTune(runtime, { ...tuning, clock: standing(), from: training });
      expect(again, `from step ${step}`).toMatchObject({ steps: done.steps, bestStep: done.bestStep, ended: done.ended, rate: done.rate, probed: done.probed, mask: done.mask });
      expect(again.weights, `from step ${step}`).toEqual(done.weights);
    }
  });

  it('leaves no tensor behind', async () => {
    const alive = runtime.tf.alive();
    await fineTune(runtime, tuningOf(shape, extra));
    expect(runtime.tf.alive()).toBe(alive);
  });
});

it('a cut zeroes both moments of what dies, and leaves the others alone', async () => {
  const mask = halfMask(tagShape), wide = weightMask(mask[0]!, 7);
  const { at } = await states(tuningOf(tagShape, { mask: fullMask(tagShape), plan: { ...plan, steps: 5 } }));
  const { optimizer: before } = at.get(4)!, optimizer = createOptimizer(runtime, tagShape, draftOf(tagShape, 1).weights, null);
  optimizer.restore(before);
  optimizer.cut(mask, optimizer.weights().layers);
  const after = optimizer.state();
  for (const part of ['values', 'first', 'second'] as const) {
    const name = 'layers.0.kernel', expected = before[part][name]!.map((value, i) => (wide[i] === 1 ? value : 0));
    expect(before[part][name]!.some((value, i) => value !== 0 && wide[i] === 0)).toBe(true);
    expect(after[part][name]).toEqual(expected);
    expect({ ...after[part], [name]: 0 }).toEqual({ ...before[part], [name]: 0 });
  }
  optimizer.destroy();
});

describe('the probe', () => {
  it('tries rates from the same start, takes the one with the smallest held-out loss, and changes nothing else', async () => {
    const tuning = tuningOf(classifyShape, { plan: { ...plan, steps: 30, learningRate: 0.01, probeSteps: 25 } });
    const { rate, probed, weights } = await fineTune(runtime, tuning);
    expect(probed.map((one) => one.rate)).toEqual(PROBE_FACTORS.map((factor) => factor * 0.01));
    expect(new Set(probed.map(({ loss }) => loss)).size).toBe(probed.length);
    expect(rate).toBe([...probed].sort((a, b) => a.loss - b.loss)[0]!.rate);
    const plain = await fineTune(runtime, { ...tuning, clock: standing(), plan: { ...tuning.plan, probeSteps: 0, learningRate: rate } });
    expect(weights).toEqual(plain.weights);
  });

  it('passes over a rate that blows up', async () => {
    const start = draftOf(classifyShape, 1);
    const { rate, probed } = await fineTune(runtime, tuningOf(classifyShape, { start: { ...start, weights: { ...start.weights, output: start.weights.output.map((w) => 1e3 * w) } }, teacher: null, plan: { ...plan, steps: 3, learningRate: 1e37, probeSteps: 6 } }));
    expect(probed.length).toBeLessThan(PROBE_FACTORS.length);
    expect(Number.isFinite(rate)).toBe(true);
  }, 20_000);
});

it('training ends early when the held-out loss has stopped to fall, with the best weights', async () => {
  const tuning = tuningOf(classifyShape, { teacher: null, plan: { ...plan, steps: 600, learningRate: 0.05, patience: 3 } });
  // Labels by chance: what is learnt of them is of no use on others.
  const random = randomFrom(8), items = echoItems(classifyShape, 40, 13, 4).map((item) => ({ ...item, targets: Int32Array.of(Math.floor(random() * 4)) }));
  const { ended, steps, bestStep, weights } = await fineTune(runtime, { ...tuning, items: items.slice(15), heldOut: items.slice(0, 15) });
  expect(ended).toBe('held-out');
  expect(steps).toBe(bestStep + 3 * 30);
  expect(steps).toBeLessThan(600);
  const upTo = await fineTune(runtime, { ...tuning, items: items.slice(15), heldOut: items.slice(0, 15), clock: standing(), plan: { ...tuning.plan, patience: 1000 } });
  expect(upTo).toMatchObject({ ended: 'steps', steps: 600, bestStep });
  expect(upTo.weights).toEqual(weights);
});

it('shrinking takes what is to die to zero on the way, and ends at the mask', async () => {
  const to = halfMask(classifyShape), wide = weightMask(to[0]!, 7);
  const { done, at } = await states(tuningOf(classifyShape, { mask: fullMask(classifyShape), shrink: { to, steps: 20 }, plan: { ...plan, steps: 30 } }));
  const dying = (step: number): number => Math.hypot(...at.get(step)!.optimizer.values['layers.0.kernel']!.filter((__, i) => wide[i] === 0));
  expect(dying(0)).toBeGreaterThan(0);
  expect(dying(10)).toBeLessThan(dying(0));
  expect(dying(19)).toBeLessThan(dying(10) / 3);
  expect(dying(20)).toBe(0);
  expect(done.mask).toEqual(to);
  done.weights.layers[0]!.kernel.forEach((x, i) => { if (wide[i] === 0) expect(x).toBe(0); });
});

describe('a job', () => {
  const vault = memoryVault();
  const run = (job: TuningJob, of: Workbench | null = null, say: (news: TuningNews) => void = () => undefined, signal = never) =>
    runJob(job, { vault, engine: new ReferenceEngine(), clock: standing(), say, signal, workbench: of === null ? null : { of, everyMs: 0 } });
  const jobs: readonly (readonly [string, Partial<TuningJob>])[] = [
    ['connections', { density: 0.3 }], ['units', { granularity: 'unit', density: 0.6 }], ['g4 with regrowth', { granularity: 'g4', regrow: 0.2, density: 0.4 }],
    ['connections that shrink', { density: 0.3, training: { ...plan, steps: 60, shrink: 0.5, labelShare: 1 } }],
  ];

  it.each(jobs)('of %s done twice gives the same model, and so does one that was cut off and given again', async (_, extra) => {
    const job = await jobIn(vault, { training: { ...plan, steps: 60, dropout: 0.2 }, ...extra });
    const first = await run(job), twice = await run(job);
    expect(twice.model).toBe(first.model);
    expect(decodeArtifact(await vault.get(first.model), sha256).lineage.density).toBe(first.report.density);
    // A workbench on which the process dies with the checkpoint of some step.
    const kept = memoryWorkbench();
    let writes = 0;
    const dying: Workbench = { ...kept, remove: () => Promise.resolve(), write: async (name, bytes) => { await kept.write(name, bytes); if (++writes === 25) throw new EspalierError('storage-failed', 'killed'); } };
    await expect(run(job, dying)).rejects.toMatchObject({ code: 'storage-failed' });
    const news: TuningNews[] = [];
    const resumed = await run({ ...job, training: { ...job.training, secondsMax: 500 } }, kept, (next) => { news.push(next); });
    expect(news).toContainEqual({ kind: 'resumed', step: 24, steps: 60 });
    expect(news.filter(({ kind }) => kind === 'stage').map((one) => 'stage' in one && one.stage)).toEqual(['load', 'train', 'examine', 'parity', 'store']);
    expect(resumed.model).toBe(first.model);
    expect(resumed.report).toMatchObject({ accuracy: first.report.accuracy, parentAccuracy: first.report.parentAccuracy, prunedAccuracy: first.report.prunedAccuracy, structuralCost: first.report.structuralCost, regrown: first.report.regrown!, resumedAt: 24 });
    expect(await kept.read(workName(job))).toBeNull();
  });

  it('starts over where its checkpoint does not read, keeps the work of one that is called off, and clears that of one that failed', async () => {
    const job = await jobIn(vault, { training: { ...plan, steps: 60 } }), bench = memoryWorkbench(), first = await run(job);
    const stopped = new AbortController();
    let seen = 0;
    const watched: Workbench = { ...bench, write: async (name, bytes) => { await bench.write(name, bytes); if (++seen === 3) stopped.abort(); } };
    await expect(run(job, watched, undefined, stopped.signal)).rejects.toMatchObject({ code: 'aborted' });
    const left = (await bench.read(workName(job)))!;
    expect(left).not.toBeNull();
    left[left.length - 100]! ^= 1;
    await bench.write(workName(job), left);
    const { model, report } = await run(job, bench);
    expect([model, report.resumedAt]).toEqual([first.model, undefined]);
    const bad = { ...job, training: { ...job.training, shrink: 0.5 }, regrow: 0.2 };
    await bench.write(workName(bad), Uint8Array.of(1));
    await expect(run(bad, bench)).rejects.toMatchObject({ code: 'trainer-failed' });
    expect(await bench.read(workName(bad))).toBeNull();
  });
});
