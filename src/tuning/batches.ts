/**
 * Replay items to batches for training. Pure: the same items, options and random source give the same batches.
 *
 * Every array is time-major, as the recurrent kernel wants it: row t · lanes + lane.
 */
import type { ReplayItem } from '../evidence/replay.ts';
import { stepsOf } from '../model/cell.ts';
import type { ModelShape } from '../model/shape.ts';
import { shuffle } from '../support/random.ts';

export interface Batch {
  /** Steps of time. */
  readonly steps: number;
  readonly lanes: number;
  /** Token ids, [steps · lanes]; or frames, [steps · lanes, inputs]; 0 where there is none. */
  readonly inputs: Int32Array | Float32Array;
  /**
   * One for each answer: rows = [steps · lanes] for tag and next, [lanes] for classify and regress. Label ids (next: of the
   * token that follows), −1 where no label is known; for regress 0 where the numbers are known.
   */
  readonly targets: Int32Array;
  /** regress: the numbers, [lanes, outputs]; null otherwise. */
  readonly values: Float32Array | null;
  /** [rows]: 1 where there is an answer to learn, 0 for padding. */
  readonly real: Uint8Array;
  /** classify and regress: row of the last step of each lane, [lanes]; null for tag and next, where every row is answered. */
  readonly last: Int32Array | null;
  /** carry: 1 where the lane goes on from the batch before, 0 where a sequence starts at zero, [lanes]; null where all start at zero. */
  readonly goesOn: Uint8Array | null;
  /** Items of the lanes, and the step of the item with which the lane starts; −1 for an idle lane. [lanes] each. */
  readonly items: Int32Array;
  readonly starts: Int32Array;
  /** Steps of each lane, [lanes]. */
  readonly lengths: Int32Array;
  /** Real steps of time over all lanes. */
  readonly tokens: number;
}

export interface BatchOptions {
  readonly lanes: number;
  /** Steps of time of a batch where state is carried. */
  readonly window: number;
  /** Times that every item comes; Infinity goes on for ever. */
  readonly epochs: number;
  /** Shuffles items; null keeps their order. */
  readonly random: (() => number) | null;
  /** Bound on steps · lanes of a padded batch: fewer lanes where sequences are long. */
  readonly rowsMax: number;
}

/** Padded batches of one length are cut from pools of this many batches. */
const POOL_BATCHES = 50;

interface Lane { item: number; start: number; length: number; goesOn: boolean }

const order = (length: number, random: (() => number) | null): number[] => {
  const indices = Array.from({ length }, (_, i) => i);
  return random === null ? indices : shuffle(indices, random);
};

type Task = Pick<ModelShape, 'task' | 'state' | 'vocabulary' | 'inputs' | 'outputs'>;

/** Whether every step is answered. */
export const stepwise = ({ task }: Pick<ModelShape, 'task'>): boolean => task === 'tag' || task === 'next';

/** What is to be answered at step t of an item: its label, or the token that follows; −1 where that is not known. */
const targetAt = (task: ModelShape['task'], { inputs, targets }: ReplayItem, t: number): number =>
  (task === 'next' ? inputs[t + 1] ?? -1 : targets?.[t] ?? -1);

function assemble(shape: Task, items: readonly ReplayItem[], lanes: readonly Lane[], steps: number, carry: boolean): Batch {
  const count = lanes.length, width = shape.vocabulary > 0 ? 1 : shape.inputs, every = stepwise(shape);
  const inputs = shape.vocabulary > 0 ? new Int32Array(steps * count) : new Float32Array(steps * count * width);
  const targets = new Int32Array(every ? steps * count : count).fill(-1);
  const values = shape.task === 'regress' ? new Float32Array(count * shape.outputs) : null;
  const real = new Uint8Array(targets.length);
  const last = every ? null : new Int32Array(count);
  let tokens = 0;
  lanes.forEach(({ item: index, start, length }, lane) => {
    const item = items[index];
    if (item === undefined) return;
    tokens += length;
    for (let t = 0; t < length; t++) {
      const row = t * count + lane;
      if (width === 1) inputs[row] = item.inputs[start + t]!;
      else inputs.set(item.inputs.subarray((start + t) * width, (start + t + 1) * width), row * width);
      if (!every) continue;
      real[row] = 1;
      targets[row] = targetAt(shape.task, item, start + t);
    }
    if (last === null) return;
    last[lane] = (length - 1) * count + lane;
    real[lane] = 1;
    if (item.targets === null) return;
    values?.set(item.targets, lane * shape.outputs);
    targets[lane] = values === null ? item.targets[0]! : 0;
  });
  return {
    steps, lanes: count, inputs, targets, values, real, last, tokens,
    goesOn: carry ? Uint8Array.from(lanes, (lane) => (lane.goesOn ? 1 : 0)) : null,
    items: Int32Array.from(lanes, (lane) => lane.item),
    starts: Int32Array.from(lanes, (lane) => lane.start),
    lengths: Int32Array.from(lanes, (lane) => lane.length),
  };
}

/** The order of the items, epoch after epoch. */
function* sequence(length: number, epochs: number, random: (() => number) | null): Generator<number> {
  for (let epoch = 0; epoch < epochs; epoch++) yield* order(length, random);
}

/**
 * Truncated back-propagation through time: each lane walks through a whole item in windows; an item starts in the first
 * step of a window, its last window is padded. Lanes that have nothing left idle.
 */
function* carried(shape: Task, items: readonly ReplayItem[], options: BatchOptions): Generator<Batch> {
  const next = sequence(items.length, options.epochs, options.random);
  const lengthOf = (item: number): number => stepsOf(shape, items[item]!.inputs);
  const lanes: Lane[] = Array.from({ length: options.lanes }, () => ({ item: -1, start: 0, length: 0, goesOn: false }));
  for (;;) {
    for (const lane of lanes) {
      const start = lane.start + lane.length;
      const goesOn = lane.item >= 0 && start < lengthOf(lane.item);
      if (!goesOn) lane.item = (next.next().value as number | undefined) ?? -1;
      lane.goesOn = goesOn;
      lane.start = goesOn ? start : 0;
      lane.length = lane.item < 0 ? 0 : Math.min(options.window, lengthOf(lane.item) - lane.start);
    }
    const steps = Math.max(...lanes.map((lane) => lane.length));
    if (steps === 0) return;
    yield assemble(shape, items, lanes, steps, true);
  }
}

/** Whole items side by side, of nearly one length; every batch starts at zero. */
function* padded(shape: Task, items: readonly ReplayItem[], options: BatchOptions): Generator<Batch> {
  const lengthOf = (item: number): number => stepsOf(shape, items[item]!.inputs);
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    const indices = order(items.length, options.random);
    for (let at = 0; at < indices.length; at += POOL_BATCHES * options.lanes) {
      const pool = indices.slice(at, at + POOL_BATCHES * options.lanes).sort((a, b) => lengthOf(a) - lengthOf(b) || a - b);
      const batches: number[][] = [];
      for (const item of pool) {
        const open = batches.at(-1);
        if (open === undefined || open.length >= options.lanes || lengthOf(item) * (open.length + 1) > options.rowsMax) batches.push([item]);
        else open.push(item);
      }
      for (const batch of options.random === null ? batches : shuffle(batches, options.random)) {
        const lanes = batch.map((item) => ({ item, start: 0, length: lengthOf(item), goesOn: false }));
        yield assemble(shape, items, lanes, Math.max(...lanes.map((lane) => lane.length)), false);
      }
    }
  }
}

/** Whether sequences go on from batch to batch. */
export const goesOnBetween = (shape: Pick<ModelShape, 'task' | 'state'>): boolean => stepwise(shape) && shape.state === 'carry';

/** The batches of a model of this shape; items must not be empty. */
export function batchesOf(shape: Task, items: readonly ReplayItem[], options: BatchOptions): Generator<Batch> {
  return goesOnBetween(shape) ? carried(shape, items, options) : padded(shape, items, options);
}
