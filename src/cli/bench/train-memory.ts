/** Whether training holds on to memory: resident memory of this process while an LSTM trains for 5,000 steps. */
import { initialWeights } from '../../model/initial.ts';
import { fullMask } from '../../model/mask.ts';
import type { ModelShape } from '../../model/shape.ts';
import { randomFrom } from '../../support/random.ts';
import { fineTune } from '../../tuning/fine-tune.ts';
import type { Runtime } from '../../tuning/ops.ts';
import type { Lengths } from './train-cells.ts';
import { clock, never, planOf, randomItems } from './train-cells.ts';

const STEPS = 5000, SETTLED = 1000, EVERY = 250, ITEMS = 4000;
const MIB = 2 ** 20;

export interface MemorySample {
  readonly step: number;
  readonly rssMiB: number;
  /** Of JavaScript: objects, and buffers outside the heap. */
  readonly heapMiB: number;
  readonly externalMiB: number;
  /** Tensors alive inside TensorFlow. */
  readonly tensors: number;
}

export interface TrainMemory {
  readonly at1000MiB: number;
  readonly at5000MiB: number;
  readonly grownMiB: number;
  readonly seconds: number;
  readonly samples: readonly MemorySample[];
}

export interface MemoryPlan { readonly shape: ModelShape; readonly lengths: Lengths; readonly lanes: number }

/** Samples before each 250th step, step 0 included; in a process that has trained nothing yet, or growth hides in what was freed. */
export async function measureMemory(runtime: Runtime, { shape, lengths, lanes }: MemoryPlan, seed: number, say: (sample: MemorySample) => void): Promise<TrainMemory> {
  const random = randomFrom(seed), samples: MemorySample[] = [], began = clock.monotonicMs();
  const sample = (): void => {
    const { rss, heapUsed, external } = process.memoryUsage();
    samples.push({ step: samples.length * EVERY, rssMiB: rss / MIB, heapMiB: heapUsed / MIB, externalMiB: external / MIB, tensors: runtime.tf.alive() });
    say(samples.at(-1)!);
  };
  await fineTune(runtime, {
    start: { shape, weights: initialWeights(shape, random) }, mask: fullMask(shape), teacher: null, items: randomItems(shape, lengths, ITEMS, random),
    // One step more than is looked at: what is called between steps is called before a step.
    plan: planOf(lanes, STEPS + 1), seed, clock, signal: never, say: () => undefined,
    cuts: { every: EVERY, at: () => { sample(); return Promise.resolve(null); } },
  });
  const at = (step: number): number => samples[step / EVERY]!.rssMiB;
  return { at1000MiB: at(SETTLED), at5000MiB: at(STEPS), grownMiB: at(STEPS) - at(SETTLED), seconds: (clock.monotonicMs() - began) / 1000, samples };
}
