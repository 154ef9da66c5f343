/** How far the numbers of a regression are off, by the engine that serves. */
import type { ReplayItem } from '../../evidence/replay.ts';
import { stepsOf } from '../../model/cell.ts';
import type { Model } from '../../model/model.ts';
import type { Engine } from '../../ports.ts';
import { sequenceOf } from './evaluate.ts';

export interface NumberEvaluation {
  readonly items: number;
  /** Over all numbers of all items, in their unit. */
  readonly meanAbsoluteError: number;
  readonly rootMeanSquareError: number;
  /** 1 − Σ (y − ŷ)² / Σ (y − ȳ)², ȳ the mean of each number over the items; null where the numbers do not differ. */
  readonly r2: number | null;
  /** Share of the items of which no number is off by more than `errorMax`. */
  readonly accuracy: number;
  readonly errorMax: number;
  readonly laneSteps: number;
  readonly laneStepsPerSecond: number;
}

const BATCH = 256;

/** @param items with numbers; the model is enlisted. Throws engine errors. */
export async function evaluateNumbers(engine: Engine, model: Model, items: readonly ReplayItem[], errorMax: number): Promise<NumberEvaluation> {
  const { outputs } = model.shape;
  const means = new Float64Array(outputs);
  for (const { targets } of items) targets!.forEach((value, at) => { means[at]! += value / items.length; });
  let absolute = 0, squares = 0, spread = 0, right = 0, laneSteps = 0, kernelMs = 0;
  for (let from = 0; from < items.length; from += BATCH) {
    const batch = items.slice(from, from + BATCH);
    const result = await engine.infer({ model: model.id, sequences: batch.map(sequenceOf), sample: null });
    kernelMs += result.kernelMs;
    result.answers.forEach(({ values }, i) => {
      laneSteps += stepsOf(model.shape, batch[i]!.inputs);
      let near = true;
      batch[i]!.targets!.forEach((wanted, at) => {
        const error = Math.abs(values![at]! - wanted);
        absolute += error;
        squares += error * error;
        spread += (wanted - means[at]!) ** 2;
        if (error > errorMax) near = false;
      });
      if (near) right++;
    });
  }
  const numbers = items.length * outputs;
  return {
    items: items.length, meanAbsoluteError: absolute / numbers, rootMeanSquareError: Math.sqrt(squares / numbers), r2: spread === 0 ? null : 1 - squares / spread,
    accuracy: right / items.length, errorMax, laneSteps, laneStepsPerSecond: kernelMs === 0 ? 0 : 1000 * laneSteps / kernelMs,
  };
}
