/** Lane-steps a second, measured on one batch in turns: of engines with the same model, or of models on the same engine. */
import type { ModelId } from '../../model/model.ts';
import type { ModelShape } from '../../model/shape.ts';
import type { Engine, EngineSequence } from '../../ports.ts';
import { randomFrom } from '../../support/random.ts';

/** Enough sequences for the widest lanes of any engine. */
const QUICK: BatchSize = { sequences: 64, steps: [4, 16], seed: 23 };
/** Each runs the batch so often, in turns; its fastest run counts, because what else runs only slows. */
const RUNS = 3;

export interface BatchSize {
  readonly sequences: number;
  /** Fewest and most of a sequence. */
  readonly steps: readonly [least: number, most: number];
  readonly seed: number;
}

/** Ragged sequences of random inputs, from a zero state. */
export function randomBatch(shape: ModelShape, { sequences, steps: [least, most], seed }: BatchSize): readonly EngineSequence[] {
  const random = randomFrom(seed);
  return Array.from({ length: sequences }, () => {
    const steps = least + Math.floor(random() * (most - least + 1));
    const inputs = shape.vocabulary > 0 ? Int32Array.from({ length: steps }, () => Math.floor(random() * shape.vocabulary)) : Float32Array.from({ length: steps * shape.inputs }, () => 2 * random() - 1);
    return { inputs, h: null, c: null };
  });
}

/** Throws engine errors. @param runners models of this input shape, enlisted */
export async function ratesOf(runners: readonly { readonly engine: Engine; readonly model: ModelId }[], shape: ModelShape): Promise<readonly number[]> {
  const sequences = randomBatch(shape, QUICK), width = shape.vocabulary > 0 ? 1 : shape.inputs;
  const laneSteps = sequences.reduce((sum, { inputs }) => sum + inputs.length / width, 0);
  const fastest = runners.map(() => Infinity);
  for (let run = 0; run <= RUNS; run++) {
    for (const [at, { engine, model }] of runners.entries()) {
      const { kernelMs } = await engine.infer({ model, sequences, sample: null });
      // The first one only warms.
      if (run > 0) fastest[at] = Math.min(fastest[at]!, kernelMs);
    }
  }
  return fastest.map((ms) => 1000 * laneSteps / Math.max(ms, 1e-6));
}

/** Speed of a model in those of another, both enlisted; null where the engine fails on the batch, or does not tell its time. */
export async function timesOf(engine: Engine, model: ModelId, other: ModelId, shape: ModelShape): Promise<number | null> {
  const [rate, base] = await ratesOf([{ engine, model }, { engine, model: other }], shape).catch(() => []);
  const times = (rate ?? 0) / (base ?? 0);
  return Number.isFinite(times) && times > 0 ? times : null;
}
