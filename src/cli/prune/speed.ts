/** How fast models run, measured on one batch, in turns: never a count of zeros. */
import { chooseEngine } from '../../adapters/engine/choose.ts';
import { OnnxThread, onnxVersion } from '../../adapters/engine/onnx-thread.ts';
import { OnnxEngine } from '../../adapters/engine/onnx.ts';
import type { BatchSize } from '../../adapters/engine/rates.ts';
import type { ReplayItem } from '../../evidence/replay.ts';
import type { Model } from '../../model/model.ts';
import type { ModelShape } from '../../model/shape.ts';
import type { Engine, EngineSequence } from '../../ports.ts';
import type { Runner, Throughput } from '../bench/throughput.ts';
import { compareRunners } from '../bench/throughput.ts';
import { sequenceOf } from '../data/evaluate.ts';

/** More sequences than the widest lanes of any engine need, and a bound on their steps, beyond which the last one is cut. */
const SEQUENCES = 256, STEPS_MAX = 20_000;
/** Short turns while models are searched for, longer ones for the report. */
const QUICK = { repeats: 3, secondsMin: 0.3, withoutOutput: false } as const, THOROUGH = { repeats: 5, secondsMin: 0.8, withoutOutput: false } as const;

export const numbersPerStep = ({ vocabulary, inputs }: ModelShape): number => (vocabulary > 0 ? 1 : inputs);

/** The first sequences of the items, from a zero state. */
export function batchOfItems(shape: ModelShape, items: readonly ReplayItem[]): readonly EngineSequence[] {
  const width = numbersPerStep(shape), batch: EngineSequence[] = [];
  let left = STEPS_MAX * width;
  for (const item of items.slice(0, SEQUENCES)) {
    if (left <= 0) break;
    batch.push({ ...sequenceOf(item), inputs: item.inputs.subarray(0, left) });
    left -= item.inputs.length;
  }
  return batch;
}

/** For a model without data. */
export const UNSEEN: BatchSize = { sequences: SEQUENCES, steps: [5, 25], seed: 1 };

export interface SpeedRow extends Throughput {
  readonly engine: string;
  /** Which model, in words. */
  readonly model: string;
  /** Of the model in the engine's memory. */
  readonly memoryBytes: number;
}

/** A model and what it is called. */
export interface Named { readonly name: string; readonly model: Model }

/** Lanes that onnxruntime is tried with; the fastest counts. */
const ONNX_LANES = [16, 32, 64] as const;

export interface SpeedTable {
  readonly rows: readonly SpeedRow[];
  /** Engines that could not take part, and why. */
  readonly without: readonly string[];
}

/**
 * All models on the engine; those that are named on onnxruntime too, where it is installed, each at its best lanes; and
 * all in int8 where that is asked for. Throws the engine's errors.
 */
export async function speedTable(engine: Engine, models: readonly Named[], onOnnx: readonly Named[], batch: readonly EngineSequence[], int8: boolean): Promise<SpeedTable> {
  const runners: (Runner & { readonly name: string; readonly memoryBytes: number })[] = [], without: string[] = [];
  const add = async (on: Engine, { name, model }: Named): Promise<void> => {
    const { bytes } = await on.enlist(model);
    runners.push({ engine: on, model: model.id, name, memoryBytes: bytes });
  };
  for (const model of models) await add(engine, model);
  const addOnnx = async (thread: OnnxThread): Promise<void> => {
    for (const lanes of ONNX_LANES) for (const model of onOnnx) await add(new OnnxEngine(thread, 'fp32', lanes), model);
  };
  const failed = (what: string) => (error: unknown): void => { without.push(`${what}: ${error instanceof Error ? error.message : String(error)}`); };
  if (int8) await chooseEngine({ kind: 'native', precision: 'int8-g4', cores: 1 }).then(async (chosen) => { for (const model of models) await add(chosen.engine, model); }).catch(failed('int8'));
  const thread = onnxVersion() === null ? null : await OnnxThread.start().catch(failed('onnxruntime'));
  if (onnxVersion() === null) without.push('onnxruntime: it is not installed');
  try {
    if (thread) await addOnnx(thread).catch(failed('onnxruntime'));
    const measured = await compareRunners(runners, batch, { ...THOROUGH, numbersPerStep: numbersPerStep(models[0]!.model.shape) });
    return { rows: bestOfEach(runners.map(({ engine: { name: on }, name, memoryBytes }, at) => ({ engine: on, model: name, memoryBytes, ...measured[at]! }))), without };
  } finally {
    await thread?.close();
  }
}

/** One row for each engine and model: the fastest. */
function bestOfEach(rows: readonly SpeedRow[]): readonly SpeedRow[] {
  const best = new Map<string, SpeedRow>();
  for (const row of rows) {
    const key = `${row.engine} ${row.model}`, held = best.get(key);
    if (held === undefined || row.laneStepsPerSecond > held.laneStepsPerSecond) best.set(key, row);
  }
  return [...best.values()];
}

/** Speed of a model in those of another, both enlisted, in turns. */
export async function timesOf(engine: Engine, model: Model, parent: Model, batch: readonly EngineSequence[]): Promise<{ readonly laneStepsPerSecond: number; readonly times: number }> {
  const [before, after] = await compareRunners([{ engine, model: parent.id }, { engine, model: model.id }], batch, { ...QUICK, numbersPerStep: numbersPerStep(parent.shape) });
  return { laneStepsPerSecond: after!.laneStepsPerSecond, times: after!.laneStepsPerSecond / before!.laneStepsPerSecond };
}
