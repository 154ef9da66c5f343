/** The examination: what a model gets right on items that it was never trained on. */
import type { ReplayItem } from '../evidence/replay.ts';
import { ERROR_MAX } from '../evidence/tally.ts';
import { hash32 } from '../support/hash.ts';
import { evaluate } from './evaluate.ts';
import type { Batch } from './batches.ts';
import { chosenLabels, countRight, rowLosses, withinTolerance } from './loss.ts';
import type { Runtime } from './ops.ts';
import type { Network } from './parameters.ts';
import type { Tensor } from './tensorflow.ts';

/** Another seed than the replay sample has, so that the two choices are independent. */
const HELD_OUT_SEED = 0x51de;

/** Training and held-out items, by hash of the id alone: the same split for every job, whatever else the sample holds. */
export function splitItems<T extends { readonly id: string }>(items: readonly T[], heldOut: number): { readonly training: readonly T[]; readonly heldOut: readonly T[] } {
  const aside = (item: T): boolean => hash32(item.id, HELD_OUT_SEED) / 2 ** 32 < heldOut;
  return { training: items.filter((item) => !aside(item)), heldOut: items.filter(aside) };
}

export interface Examination {
  /** Share of the labelled steps that are right; 0 where nothing is labelled. */
  readonly accuracy: number;
  /** Mean cross-entropy of the labelled steps in nats (regress: mean squared error); 0 where nothing is labelled. */
  readonly loss: number;
  /** Share of all steps on which model and teacher choose the same label; null without a teacher. */
  readonly agreement: number | null;
  /** Labelled steps. */
  readonly labelled: number;
}

/** Whether two models give the same answer at a row: the same label, or numbers within the tolerance of one another. */
function agreement(runtime: Runtime, own: Tensor, other: Tensor, batch: Batch, errorMax: number): (row: number) => boolean {
  const { tf } = runtime;
  if (batch.values !== null) {
    const near = withinTolerance(tf.readFloats(own), tf.readFloats(other), own.shape[1]!, errorMax);
    return (row) => near[row] === 0;
  }
  const chosen = chosenLabels(runtime, own, batch), taught = chosenLabels(runtime, other, batch);
  return (row) => chosen[row] === taught[row];
}

/** Throws aborted. @param errorMax regress: largest error of a number that counts as right */
export async function examine(runtime: Runtime, model: Network, teacher: Network | null, items: readonly ReplayItem[], signal: AbortSignal, errorMax = ERROR_MAX): Promise<Examination> {
  let right = 0, labelled = 0, loss = 0, agreed = 0, steps = 0;
  await evaluate(runtime, teacher === null ? [model] : [model, teacher], items, signal, (batch, [own, other]) => {
    const chosen = chosenLabels(runtime, own!.logits, batch, errorMax);
    const counts = countRight(chosen, batch);
    right += counts.right;
    labelled += counts.labelled;
    rowLosses(runtime, own!.logits, batch).forEach((nats, row) => { if (batch.targets[row]! >= 0 && batch.real[row] === 1) loss += nats; });
    if (other === undefined) return;
    const same = agreement(runtime, own!.logits, other.logits, batch, errorMax);
    batch.real.forEach((bit, row) => { steps += bit; if (bit === 1 && same(row)) agreed++; });
  });
  const mean = (sum: number, count: number): number => (count === 0 ? 0 : sum / count);
  return { accuracy: mean(right, labelled), loss: mean(loss, labelled), agreement: teacher === null ? null : mean(agreed, steps), labelled };
}
