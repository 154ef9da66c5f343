/** The loss that training minimises, on items that it never sees: by it a learning rate is chosen, and training ends early. */
import type { ReplayItem } from '../evidence/replay.ts';
import type { ModelShape, Weights } from '../model/shape.ts';
import { stepsOf } from '../model/cell.ts';
import type { TrainingPlan } from '../pruning/job.ts';
import { evaluate } from './evaluate.ts';
import { mixedLoss, realRows } from './loss.ts';
import type { Runtime } from './ops.ts';
import type { Network } from './parameters.ts';
import type { Teacher } from './teacher.ts';
import { createTeacher } from './teacher.ts';

/** Bound on the steps of time of a look: it is one of many. */
const STEPS_MAX = 20_000;

export interface HeldOut {
  /** Mean loss of an answer as the model serves: no drop-out, labels and teacher by the plan. Throws aborted. */
  loss(weights: Weights): Promise<number>;
  close(): void;
}

/** The first items, in the order given, so that every look is at the same ones. */
function firstOf(shape: ModelShape, items: readonly ReplayItem[]): readonly ReplayItem[] {
  let steps = 0;
  const end = items.findIndex(({ inputs }) => (steps += stepsOf(shape, inputs)) > STEPS_MAX);
  return end < 0 ? items : items.slice(0, Math.max(1, end));
}

/** @param teacher null where labels alone teach */
export async function openHeldOut(runtime: Runtime, shape: ModelShape, teacher: Network | null, all: readonly ReplayItem[], plan: TrainingPlan, signal: AbortSignal): Promise<HeldOut> {
  const items = firstOf(shape, all);
  const taught: Teacher | null = teacher === null ? null : await createTeacher(runtime, teacher, items, Infinity, signal);
  return {
    loss: async (weights) => {
      let sum = 0, rows = 0;
      await evaluate(runtime, [{ shape, weights }], items, signal, (batch, [own]) => {
        const n = realRows(batch);
        sum += n * mixedLoss(runtime, own!.logits, batch, taught?.logits(batch) ?? null, plan).loss;
        rows += n;
      });
      return sum / Math.max(1, rows);
    },
    close: () => { taught?.close(); },
  };
}
