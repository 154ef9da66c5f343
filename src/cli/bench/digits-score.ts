/** How good a classifier is on items, and how much better or worse than another on the same ones. */
import type { ReplayItem } from '../../evidence/replay.ts';
import type { ModelId } from '../../model/model.ts';
import type { Engine } from '../../ports.ts';

export interface Quality {
  readonly accuracy: number;
  /** Macro precision: right / answered with it, the mean over the classes; 0 for a class that is never answered. */
  readonly precision: number;
}

export interface Difference {
  /** Accuracy less that of the other. */
  readonly accuracy: number;
  /**
   * Of that difference, paired: √(b + c − (b − c)² / n) / n for b items that only the one and c that only the other
   * gets right (McNemar 1947).
   */
  readonly standardError: number;
}

const BATCH = 256;

/** The class that a model answers to each item. Throws engine errors. */
export async function answersTo(engine: Engine, model: ModelId, items: readonly ReplayItem[]): Promise<Int32Array> {
  const chosen = new Int32Array(items.length);
  for (let at = 0; at < items.length; at += BATCH) {
    const { answers } = await engine.infer({ model, sequences: items.slice(at, at + BATCH).map(({ inputs }) => ({ inputs, h: null, c: null })), sample: null });
    answers.forEach(({ labels }, i) => { chosen[at + i] = labels[0]!; });
  }
  return chosen;
}

/** The classes that the items are of. */
export const truthOf = (items: readonly ReplayItem[]): Int32Array => Int32Array.from(items, ({ targets }) => targets![0]!);

export function qualityOf(chosen: Int32Array, truth: Int32Array, classes: number): Quality {
  const answered = new Float64Array(classes), right = new Float64Array(classes);
  chosen.forEach((label, at) => {
    answered[label]!++;
    if (label === truth[at]) right[label]!++;
  });
  const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
  return { accuracy: sum(right) / truth.length, precision: sum(right.map((count, label) => count / Math.max(1, answered[label]!))) / classes };
}

export function differenceOf(chosen: Int32Array, other: Int32Array, truth: Int32Array): Difference {
  const n = truth.length;
  let gained = 0, lost = 0;
  truth.forEach((label, at) => {
    if (chosen[at] === other[at]) return;
    if (chosen[at] === label) gained++;
    else if (other[at] === label) lost++;
  });
  return { accuracy: (gained - lost) / n, standardError: Math.sqrt(gained + lost - (gained - lost) ** 2 / n) / n };
}
