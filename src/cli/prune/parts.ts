/** One's own data as parts for a model that is there already, labelled or not. */
import type { ReplayItem } from '../../evidence/replay.ts';
import type { Model } from '../../model/model.ts';
import { splitItems } from '../../tuning/examine.ts';
import { readingOf } from '../data/example.ts';
import { checkFits, tokensOf } from '../data/fits.ts';
import { readData } from '../data/read.ts';
import type { Parts } from '../train/split.ts';
import { splitExamples } from '../train/split.ts';
import { splitRunningText } from '../train/split-text.ts';

export interface PruneParts extends Parts {
  /** Whether the held-out part has labels to count by; a running text always has, its next tokens. */
  readonly labelled: boolean;
}

export const answersKnown = ({ targets }: ReplayItem): boolean => targets !== null && (targets instanceof Float32Array || targets.some((target) => target >= 0));

/**
 * The parts of `train` by the same seed: where the model was trained on this file by this seed, it never saw the test
 * part. Throws data-unreadable where the file cannot be read, does not fit the model, or is too little.
 */
export function partsFor(model: Model, file: string, seed: number): PruneParts {
  const { task, state } = model.shape, reading = readingOf(model);
  const data = readData(file, task === 'next' ? null : task);
  checkFits(model, data, file);
  if (data.kind === 'text') return { ...splitRunningText(data.text, tokensOf(model), reading), labelled: true };
  const parts = splitExamples(data, state, seed, 1, reading);
  return { ...parts, labelled: splitItems(parts.fit, parts.validationShare).heldOut.some(answersKnown) };
}
