/** The replay sample: sequences of live traffic, kept for tuning. */
import { hash32 } from '../support/hash.ts';
import { bytesOfNumbers, float32Of, int32Of } from '../support/bytes.ts';
import type { ContainerFormat, ContainerLimits } from '../support/container.ts';
import { readContainer, refusal, tensorData, writeContainer } from '../support/container.ts';
import { integerOf, listOf, recordOf, textOf } from '../support/fields.ts';

/** One training sequence: a whole session block where state is carried, one request where it is reset. */
export interface ReplayItem {
  /** Stable id (session and block); its hash decides which items are kept. */
  readonly id: string;
  /** Token ids, [steps]; or frames, [steps · inputs of the model]. */
  readonly inputs: Int32Array | Float32Array;
  /**
   * Label ids, [steps] for tag and [1] for classify, −1 where no label came; numbers, [outputs], for regress; null where
   * none came at all, and for next, where the sequence tells its own.
   */
  readonly targets: Int32Array | Float32Array | null;
}

/** Another seed than the arms of a trial have, so that the sample does not favour an arm. */
const HASH_SEED = 0x7e91a;

/**
 * The k items with the smallest hash of their id: a uniform sample of all ids ever seen, whatever was merged in which
 * order. Of two items with one id, the one with more labels stays, then the longer one, then the one whose numbers
 * come first. Commutative, associative and idempotent; the result is sorted by hash, then id.
 */
export function mergeReplay(a: readonly ReplayItem[], b: readonly ReplayItem[], itemsMax: number): readonly ReplayItem[] {
  const byId = new Map<string, ReplayItem>();
  for (const items of [a, b]) {
    for (const item of items) {
      const known = byId.get(item.id);
      if (known === undefined || compareVersions(item, known) < 0) byId.set(item.id, item);
    }
  }
  return [...byId.values()]
    .map((item) => ({ item, hash: hash32(item.id, HASH_SEED) }))
    .sort((x, y) => x.hash - y.hash || (x.item.id < y.item.id ? -1 : 1))
    .slice(0, itemsMax)
    .map(({ item }) => item);
}

/** Negative where x is to be kept rather than y; zero only where they are equal. */
function compareVersions(x: ReplayItem, y: ReplayItem): number {
  return labelled(y) - labelled(x)
    || y.inputs.length - x.inputs.length
    || (y.targets?.length ?? -1) - (x.targets?.length ?? -1)
    || compareNumbers(x.inputs, y.inputs)
    || compareNumbers(x.targets ?? NONE, y.targets ?? NONE);
}

const NONE = new Int32Array(0);

function labelled({ targets }: ReplayItem): number {
  if (targets === null) return 0;
  if (targets instanceof Float32Array) return targets.length;
  return targets.reduce((count, target) => count + (target >= 0 ? 1 : 0), 0);
}

function compareNumbers(x: Int32Array | Float32Array, y: Int32Array | Float32Array): number {
  for (let at = 0; at < x.length; at++) if (x[at] !== y[at]) return x[at]! - y[at]!;
  return 0;
}

const FORMAT: ContainerFormat = {
  magic: 'ESPREPL', version: 1, trailerBytes: 0,
  truncated: 'evidence-invalid', tooLarge: 'evidence-invalid', invalid: 'evidence-invalid',
};
const refuse: (what: string) => never = refusal('evidence-invalid');

export interface ReplayLimits extends ContainerLimits {
  readonly itemsMax: number;
  readonly stepsMax: number;
}

export const REPLAY_LIMITS: ReplayLimits = { bytesMax: 256 * 2 ** 20, headerBytesMax: 64 * 2 ** 20, tensorsMax: 2, itemsMax: 1_000_000, stepsMax: 1_000_000 };

/** As bytes for the vault, whose name for them is their checksum. */
export function encodeReplay(items: readonly ReplayItem[]): Uint8Array<ArrayBuffer> {
  const inputs = joined(items.map((item) => item.inputs));
  const targets = joined(items.map((item) => item.targets ?? NONE));
  const header = { items: items.map((item) => [item.id, item.inputs.length, item.targets?.length ?? null]) };
  return writeContainer(FORMAT, header, [
    { name: 'inputs', dtype: dtypeOf(inputs), shape: [inputs.length], data: bytesOfNumbers(inputs) },
    { name: 'targets', dtype: dtypeOf(targets), shape: [targets.length], data: bytesOfNumbers(targets) },
  ]);
}

const dtypeOf = (values: Int32Array | Float32Array): 'i32' | 'f32' => (values instanceof Float32Array ? 'f32' : 'i32');

/** All items of a sample are of one kind, that of the model that they are for. */
function joined(arrays: readonly (Int32Array | Float32Array)[]): Int32Array | Float32Array {
  const length = arrays.reduce((sum, array) => sum + array.length, 0);
  const all = arrays.some((array) => array instanceof Float32Array) ? new Float32Array(length) : new Int32Array(length);
  let end = 0;
  for (const array of arrays) { all.set(array, end); end += array.length; }
  return all;
}

/**
 * Throws evidence-invalid for whatever is not a replay sample as `encodeReplay` writes it. Whether the ids of tokens
 * and labels lie below those of a model, and frames have its width, is for the one who knows the model to check.
 */
export function decodeReplay(bytes: Uint8Array, limits: ReplayLimits = REPLAY_LIMITS): readonly ReplayItem[] {
  const container = readContainer(FORMAT, bytes, limits);
  const { items } = recordOf(container.header, ['items'], 'the header', refuse);
  const frames = container.tensors.get('inputs')?.dtype === 'f32', numbers = container.tensors.get('targets')?.dtype === 'f32';
  let inputsEnd = 0, targetsEnd = 0;
  const ids = new Set<string>();
  const parts = listOf(items, limits.itemsMax, 'items', refuse).map((entry) => {
    const fields = listOf(entry, 3, 'an item', refuse);
    const id = textOf(fields[0], 10_000, 'the id of an item', refuse);
    if (ids.has(id)) refuse(`the item ${JSON.stringify(id.slice(0, 60))} is there twice`);
    ids.add(id);
    const steps = integerOf(fields[1], 1, limits.stepsMax, 'the steps of an item', refuse);
    const labels = fields[2] === null ? null : integerOf(fields[2], 1, limits.stepsMax, 'the labels of an item', refuse);
    if (labels !== null && labels !== 1 && labels !== steps && !numbers && !(frames && steps % labels === 0)) refuse(`an item has ${labels} labels for ${steps} steps`);
    const inputsFrom = inputsEnd, targetsFrom = targetsEnd;
    inputsEnd += steps;
    targetsEnd += labels ?? 0;
    return { id, inputsFrom, inputsTo: inputsEnd, targetsFrom, targetsTo: labels === null ? null : targetsEnd };
  });
  const read = (name: string, real: boolean, end: number): Int32Array | Float32Array => (real ? float32Of : int32Of)(tensorData(container, name, real ? 'f32' : 'i32', [end], refuse));
  const inputs = read('inputs', frames, inputsEnd), targets = read('targets', numbers, targetsEnd);
  if (inputs.some((value) => (frames ? !Number.isFinite(value) : value < 0))) refuse(frames ? 'a frame is not finite' : 'a token id is negative');
  if (targets.some((value) => (numbers ? !Number.isFinite(value) : value < -1))) refuse(numbers ? 'a target is not finite' : 'a label id is below −1');
  return parts.map(({ id, inputsFrom, inputsTo, targetsFrom, targetsTo }) =>
    ({ id, inputs: inputs.slice(inputsFrom, inputsTo), targets: targetsTo === null ? null : targets.slice(targetsFrom, targetsTo) }));
}
