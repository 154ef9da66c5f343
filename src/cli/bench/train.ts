/**
 * `espalier bench train`: how fast each cell trains on one thread of TensorFlow, beside Python Keras where an interpreter
 * is given, and whether long training holds on to memory.
 */
import { writeFile } from 'node:fs/promises';
import type { Runtime } from '../../tuning/ops.ts';
import { openRuntime } from '../../tuning/ops.ts';
import type { BenchOptions } from '../bench.ts';
import { out, table, talk } from '../print.ts';
import type { Keras } from './keras.ts';
import { startKeras } from './keras.ts';
import type { Machine } from './machine.ts';
import { machineOf } from './machine.ts';
import type { CellsPlan, TrainRow } from './train-cells.ts';
import { CELLS, measureCell } from './train-cells.ts';
import type { MemoryPlan, TrainMemory } from './train-memory.ts';
import { measureMemory } from './train-memory.ts';

interface Plan { readonly cells: CellsPlan; readonly memory: MemoryPlan }

const SHAPE = { vocabulary: 5000, inputs: 100, layers: [256], task: 'classify', outputs: 150, state: 'reset' } as const;
const PLAN: Plan = {
  cells: { shape: SHAPE, lengths: { min: 12, max: 28 }, batches: [{ lanes: 64, steps: 40 }, { lanes: 256, steps: 12 }], rounds: 3 },
  // Narrower, so that 5,000 steps end in about two minutes.
  memory: { shape: { ...SHAPE, cell: 'lstm', layers: [128] }, lengths: { min: 12, max: 28 }, lanes: 32 },
};
const QUICK_SHAPE = { ...SHAPE, vocabulary: 50, inputs: 6, layers: [8], outputs: 5 };
const QUICK: Plan = {
  cells: { shape: QUICK_SHAPE, lengths: { min: 2, max: 5 }, batches: [{ lanes: 4, steps: 3 }, { lanes: 8, steps: 3 }], rounds: 1 },
  memory: { shape: { ...QUICK_SHAPE, cell: 'lstm' }, lengths: { min: 2, max: 4 }, lanes: 4 },
};

export interface TrainBench {
  readonly machine: Machine & { readonly tensorflow: string; readonly device: 'cpu' | 'gpu'; readonly kerasTensorflow: string | null };
  readonly seed: number;
  readonly quick: boolean;
  readonly plan: Plan;
  readonly rows: readonly TrainRow[];
  readonly memory: TrainMemory;
}

/** TensorFlow reads these when it is loaded. */
function oneThread(): void {
  for (const name of ['OMP_NUM_THREADS', 'TF_NUM_INTRAOP_THREADS', 'TF_NUM_INTEROP_THREADS']) process.env[name] = '1';
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
}

async function rowsOf(runtime: Runtime, keras: Keras | null, plan: CellsPlan, seed: number): Promise<TrainRow[]> {
  const rows: TrainRow[] = [];
  for (const cell of CELLS) {
    for (const batch of plan.batches) {
      const row = await measureCell(runtime, keras, { ...plan.shape, cell }, plan, batch, seed);
      rows.push(row);
      talk(`${cell} at batch ${batch.lanes}: ${Math.round(row.tokensPerSecond)} tokens/s${row.keras === null ? '' : `, Keras ${Math.round(row.keras)}`}`);
    }
  }
  return rows;
}

function print({ rows, memory, plan: { memory: { shape, lanes } } }: TrainBench): void {
  const thousands = (rate: number | null): string => (rate === null ? '-' : (rate / 1000).toFixed(1));
  out(table(['cell', 'batch', 'k tokens/s', 'Keras', 'ratio', 'ratios by round', 'CPUs', "Keras'"], rows.map((row) => [
    row.cell, String(row.batch), thousands(row.tokensPerSecond), thousands(row.keras), row.ratio?.toFixed(2) ?? '-',
    row.rounds.map(({ ours, keras }) => (keras === null ? '-' : (ours / keras).toFixed(2))).join(' '), row.cpus.ours.toFixed(2), row.cpus.keras?.toFixed(2) ?? '-',
  ])));
  out(`memory     ${memory.at1000MiB.toFixed(1)} MiB at step 1,000, ${memory.at5000MiB.toFixed(1)} MiB at step 5,000: ${memory.grownMiB < 0 ? `${(-memory.grownMiB).toFixed(1)} MiB less` : `${memory.grownMiB.toFixed(1)} MiB more`} (LSTM ${shape.layers[0]}, batch ${lanes}, ${memory.seconds.toFixed(0)} s)`);
}

/** Prints the table; writes { machine, seed, quick, plan, rows, memory } where a file is given. Throws usage, trainer-unavailable, trainer-failed. */
export async function runTrainBench({ seed, quick, json, python }: BenchOptions): Promise<TrainBench> {
  oneThread();
  const plan = quick ? QUICK : PLAN;
  const keras = python === undefined ? null : await startKeras(python);
  try {
    const runtime = openRuntime();
    const { shape, lengths } = plan.cells;
    out(`${shape.layers[0]} units, ${shape.inputs} inputs, ${shape.vocabulary} tokens, ${shape.outputs} labels; sequences of ${lengths.min} to ${lengths.max} steps, a label each; Adam; one thread`);
    const memory = await measureMemory(runtime, plan.memory, seed, ({ step, rssMiB }) => { if (step % 1000 === 0) talk(`step ${step}: ${rssMiB.toFixed(1)} MiB`); });
    const rows = await rowsOf(runtime, keras, plan.cells, seed);
    const machine = { ...machineOf(), tensorflow: runtime.tf.version, device: runtime.tf.device, kerasTensorflow: keras?.tensorflow ?? null };
    const bench: TrainBench = { machine, seed, quick, plan, rows, memory };
    print(bench);
    if (json !== undefined) await writeFile(json, `${JSON.stringify(bench, null, 2)}\n`);
    return bench;
  } finally { await keras?.close(); }
}
