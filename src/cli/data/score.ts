/** Accuracy on items by the engine that serves. */
import type { ReplayItem } from '../../evidence/replay.ts';
import type { Model } from '../../model/model.ts';
import type { Engine } from '../../ports.ts';

export interface Score { readonly right: number; readonly steps: number }

export const shareOf = (score: Score): number => (score.steps === 0 ? 0 : score.right / score.steps);

const BATCH = 256;

/** Right steps of a model on items, each run from a zero state (an item is a whole session where state is carried). */
export async function scoreItems(engine: Engine, model: Model, items: readonly ReplayItem[]): Promise<Score> {
  let right = 0, steps = 0;
  for (let at = 0; at < items.length; at += BATCH) {
    const batch = items.slice(at, at + BATCH);
    const { answers } = await engine.infer({ model: model.id, sequences: batch.map((item) => ({ inputs: item.inputs, h: null, c: null })), sample: null });
    answers.forEach((answer, i) => {
      answer.labels.forEach((label, t) => { if (label === batch[i]!.targets![t]) right++; });
      steps += answer.labels.length;
    });
  }
  return { right, steps };
}
