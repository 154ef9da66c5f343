/** What is said about data before an hour of training rather than after it. */
import { EspalierError } from '../../errors.ts';
import { REPLAY_LIMITS } from '../../evidence/replay.ts';
import type { ReplayLimits } from '../../evidence/replay.ts';
import type { ExampleData } from '../data/read.ts';
import type { Parts } from './split.ts';

/** Bytes of a number of an input or a target. */
const NUMBER_BYTES = 4;

/** Throws data-unreadable where the training process would not take the items. */
export function checkSize({ fit }: Pick<Parts, 'fit'>, { itemsMax, stepsMax, bytesMax }: Pick<ReplayLimits, 'itemsMax' | 'stepsMax' | 'bytesMax'> = REPLAY_LIMITS): void {
  const refuse = (what: string): never => { throw new EspalierError('data-unreadable', what); };
  if (fit.length > itemsMax) refuse(`${fit.length} sequences to train on, and at most ${itemsMax} fit; take a part of them.`);
  let bytes = 0;
  for (const { inputs, targets } of fit) {
    // The name of an item with its two counts, generously.
    bytes += NUMBER_BYTES * (inputs.length + (targets?.length ?? 0)) + 64;
    if (inputs.length > stepsMax) refuse(`a sequence has ${inputs.length} numbers (where state is carried, ten lines are one), and at most ${stepsMax} fit; cut it into shorter ones.`);
  }
  if (bytes > bytesMax) refuse(`the data to train on take ${(bytes / 2 ** 20).toFixed(0)} MiB as numbers, and at most ${bytesMax / 2 ** 20} MiB fit; take a part of them, or narrower frames.`);
}

/** Root mean squares that a network with its usual first weights learns from without much ado. */
const SCALE_MIN = 0.02, SCALE_MAX = 5;

/** √(Σ x² / n) of all numbers. */
function rootMeanSquare(lists: Iterable<Float32Array>): number {
  let squares = 0, count = 0;
  for (const list of lists) {
    for (const value of list) squares += value * value;
    count += list.length;
  }
  return count === 0 ? 0 : Math.sqrt(squares / count);
}

/** What is to be said about numbers that are far from the order of 1: nothing brings them there, neither here nor in serving. */
export function scaleRemarks({ examples }: Pick<ExampleData, 'examples'>): readonly string[] {
  const numbers = (list: readonly (readonly string[] | Float32Array)[]): readonly Float32Array[] => list.filter((value) => value instanceof Float32Array);
  const remark = (name: string, lists: readonly Float32Array[]): readonly string[] => {
    const scale = rootMeanSquare(lists);
    return lists.length === 0 || scale === 0 || (scale >= SCALE_MIN && scale <= SCALE_MAX) ? [] : [`the numbers of ${name} are ${scale.toPrecision(3)} in root mean square, and are taken as they are; scale them to about 1, here and in what is served`];
  };
  return [...remark('the frames', numbers(examples.map(({ input }) => input))), ...remark('the values', numbers(examples.map(({ answer }) => answer)))];
}
