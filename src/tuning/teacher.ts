/**
 * The teacher: logits for the batches of a student, on the same sequences with state of its own.
 *
 * A teacher without drop-out says the same each time an item comes, so where training passes over the items more than
 * once and the answers fit in memory, they are computed once and looked up.
 */
import type { ReplayItem } from '../evidence/replay.ts';
import { stepsOf } from '../model/cell.ts';
import type { Batch } from './batches.ts';
import { stepwise } from './batches.ts';
import { evaluate } from './evaluate.ts';
import type { StateKeeper } from './network.ts';
import { runForward, stateKeeper } from './network.ts';
import type { Runtime } from './ops.ts';
import type { Network } from './parameters.ts';
import { dropParameters, uploadParameters } from './parameters.ts';
import type { Tensor } from './tensorflow.ts';

/** Bound on the remembered answers, bytes. */
const REMEMBERED_BYTES_MAX = 128 * 2 ** 20;
/** Passes over the items from which remembering pays. */
const PASSES_MIN = 1.5;

export interface Teacher {
  /** [rows, outputs]; call it for every batch in turn, inside a scope. */
  logits(batch: Batch): Tensor;
  /** Holds its state between batches; null where its answers are remembered. */
  readonly keeper: StateKeeper | null;
  close(): void;
}

/** Row of the table for each row of a batch; padding points at row 0. */
function tableRows(batch: Batch, offsets: Int32Array): Int32Array {
  if (batch.last !== null) return Int32Array.from(batch.items, (item) => offsets[item]!);
  const rows = new Int32Array(batch.real.length);
  batch.lengths.forEach((length, lane) => {
    for (let t = 0; t < length; t++) rows[t * batch.lanes + lane] = offsets[batch.items[lane]!]! + batch.starts[lane]! + t;
  });
  return rows;
}

async function remembered(runtime: Runtime, network: Network, items: readonly ReplayItem[], offsets: Int32Array, rows: number, signal: AbortSignal): Promise<Teacher> {
  const { tf, ops } = runtime;
  const outputs = network.shape.outputs;
  const values = new Float32Array(rows * outputs);
  await evaluate(runtime, [network], items, signal, (batch, [forward]) => {
    const logits = tf.readFloats(forward!.logits);
    const at = tableRows(batch, offsets);
    batch.real.forEach((bit, row) => { if (bit === 1) values.set(logits.subarray(row * outputs, (row + 1) * outputs), at[row]! * outputs); });
  });
  const table = tf.keep(tf.floats(values, [rows, outputs]));
  return {
    keeper: null,
    logits: (batch) => { const at = tableRows(batch, offsets); return ops.gather(table, tf.ints(at, [at.length])); },
    close: () => { tf.drop(table); },
  };
}

function live(runtime: Runtime, { shape, weights }: Network): Teacher {
  const { tf } = runtime;
  const parameters = uploadParameters(tf, shape, weights), keeper = stateKeeper(tf);
  return {
    keeper,
    logits: (batch) => {
      const forward = runForward(runtime, shape, parameters, batch, keeper.get(), null);
      keeper.put(forward.state);
      return forward.logits;
    },
    close: () => { dropParameters(tf, parameters); keeper.close(); },
  };
}

/** @param tokens steps of all items that training will see; decides whether remembering pays. Throws aborted. */
export async function createTeacher(runtime: Runtime, network: Network, items: readonly ReplayItem[], tokens: number, signal: AbortSignal): Promise<Teacher> {
  const every = stepwise(network.shape);
  const offsets = new Int32Array(items.length);
  let rows = 0, steps = 0;
  items.forEach((item, index) => {
    offsets[index] = rows;
    const length = stepsOf(network.shape, item.inputs);
    rows += every ? length : 1;
    steps += length;
  });
  const pays = tokens >= PASSES_MIN * steps && rows * network.shape.outputs * Float32Array.BYTES_PER_ELEMENT <= REMEMBERED_BYTES_MAX;
  return pays ? remembered(runtime, network, items, offsets, rows, signal) : live(runtime, network);
}
