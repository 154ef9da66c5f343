/** `espalier bench kernel`: how fast the engine runs one layer of each cell on one ragged batch, by density of its connections. */
import { writeFile } from 'node:fs/promises';
import { chooseEngine } from '../../adapters/engine/choose.ts';
import { sampleModel } from '../../model/sample-model.ts';
import type { Cell, ModelShape } from '../../model/shape.ts';
import type { EngineSequence } from '../../ports.ts';
import { randomFrom } from '../../support/random.ts';
import type { BenchOptions } from '../bench.ts';
import { out, table, talk } from '../print.ts';
import { machineOf } from './machine.ts';
import { compareThroughput } from './throughput.ts';

/** 256 units for tagging, as in the demo. */
const SHAPE: Omit<ModelShape, 'cell'> = { vocabulary: 5000, inputs: 128, layers: [256], task: 'tag', outputs: 80, state: 'carry' };
const DENSITIES = [1, 0.5, 0.2, 0.1, 0.05];
const CELLS: readonly Cell[] = ['lstm', 'gru', 'gru-before', 'rnn-tanh', 'rnn-relu'];
/** The densities of the cells other than the LSTM. */
const DENSITIES_BESIDE: readonly number[] = [1, 0.2, 0.1];
const SEQUENCES = 128;
const STEPS_MIN = 8;
const STEPS_MAX = 40;

export interface KernelBenchRow {
  readonly cell: Cell;
  readonly density: number;
  /** Steps of one sequence each, a second of one thread; output layer included. */
  readonly laneStepsPerSecond: number;
  readonly laneStepsPerSecondWithoutOutput: number | null;
  /** laneStepsPerSecond divided by that of the same cell at density 1. */
  readonly timesDense: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** A batch of sequences of different lengths, all from a zero state. */
function raggedBatch(random: () => number): EngineSequence[] {
  return Array.from({ length: SEQUENCES }, () => ({
    inputs: Int32Array.from({ length: STEPS_MIN + Math.floor(random() * (STEPS_MAX - STEPS_MIN + 1)) }, () => Math.floor(random() * SHAPE.vocabulary)),
    h: null, c: null,
  }));
}

/** Prints the table; writes { machine, engine, rows } where a file is given. */
export async function runKernelBench({ seed, quick, json }: BenchOptions): Promise<readonly KernelBenchRow[]> {
  const { engine, variant, reason } = await chooseEngine({ kind: 'auto', cores: 1 });
  talk(`engine ${engine.name}: ${reason}`);
  const random = randomFrom(seed);
  const planned = CELLS.flatMap((cell) => DENSITIES.filter((density) => cell === 'lstm' || DENSITIES_BESIDE.includes(density)).map((density) => ({ cell, density })));
  const models = planned.map(({ cell, density }) => sampleModel({ ...SHAPE, cell }, density, random, `${cell}-${density}`));
  for (const model of models) await engine.enlist(model);
  const options = quick ? { repeats: 1, secondsMin: 0.2 } : { repeats: 5, secondsMin: 4 };
  const measured = await compareThroughput(engine, models.map(({ id }) => id), raggedBatch(random), options);
  const rows = planned.map(({ cell, density }, at): KernelBenchRow => {
    const dense = measured[planned.findIndex((other) => other.cell === cell && other.density === 1)]!;
    return { cell, density, ...measured[at]!, timesDense: measured[at]!.laneStepsPerSecond / dense.laneStepsPerSecond };
  });
  out(`${SHAPE.layers[0]} units, ${SHAPE.inputs} inputs, ${SHAPE.outputs} labels; ${SEQUENCES} sequences of ${STEPS_MIN} to ${STEPS_MAX} steps; one thread`);
  const thousands = (rate: number | null): string => (rate === null ? '-' : (rate / 1000).toFixed(1));
  out(table(['cell', 'density', 'k lane-steps/s', 'times dense', 'without output', 'p50 ms', 'p99 ms'], rows.map((row) => [
    row.cell, String(row.density), thousands(row.laneStepsPerSecond), row.timesDense.toFixed(2), thousands(row.laneStepsPerSecondWithoutOutput), row.p50Ms.toFixed(2), row.p99Ms.toFixed(2),
  ])));
  if (json !== undefined) {
    await writeFile(json, `${JSON.stringify({ machine: machineOf(), engine: { name: engine.name, variant }, seed, quick, shape: SHAPE, rows }, null, 2)}\n`);
  }
  return rows;
}
