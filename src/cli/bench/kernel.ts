/** `espalier bench kernel`: how fast the engine runs an LSTM on one ragged batch, by density of its connections. */
import { writeFile } from 'node:fs/promises';
import { chooseEngine } from '../../adapters/engine/choose.ts';
import { sampleModel } from '../../model/sample-model.ts';
import type { ModelShape } from '../../model/shape.ts';
import type { EngineSequence } from '../../ports.ts';
import { randomFrom } from '../../support/random.ts';
import type { BenchOptions } from '../bench.ts';
import { out, table, talk } from '../print.ts';
import { machineOf } from './machine.ts';
import { compareThroughput } from './throughput.ts';

/** An LSTM of 256 units for tagging, as in the demo. */
const SHAPE: ModelShape = { cell: 'lstm', vocabulary: 5000, inputs: 128, layers: [256], task: 'tag', outputs: 80, state: 'carry' };
const DENSITIES = [1, 0.5, 0.2, 0.1, 0.05];
const SEQUENCES = 128;
const STEPS_MIN = 8;
const STEPS_MAX = 40;

export interface KernelBenchRow {
  readonly density: number;
  /** Steps of one sequence each, a second of one thread; output layer included. */
  readonly laneStepsPerSecond: number;
  readonly laneStepsPerSecondWithoutOutput: number | null;
  /** laneStepsPerSecond divided by that of density 1. */
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
  const { engine, variant, reason } = await chooseEngine({ kind: 'auto' });
  talk(`engine ${engine.name}: ${reason}`);
  const random = randomFrom(seed);
  const models = DENSITIES.map((density) => sampleModel(SHAPE, density, random, `density-${density}`));
  for (const model of models) await engine.enlist(model);
  const options = quick ? { repeats: 1, secondsMin: 0.2 } : { repeats: 5, secondsMin: 5 };
  const measured = await compareThroughput(engine, models.map(({ id }) => id), raggedBatch(random), options);
  const rows = measured.map((throughput, at): KernelBenchRow => ({
    density: DENSITIES[at]!, ...throughput, timesDense: throughput.laneStepsPerSecond / measured[0]!.laneStepsPerSecond,
  }));
  out(`LSTM ${SHAPE.layers[0]}, ${SHAPE.inputs} inputs, ${SHAPE.outputs} labels; ${SEQUENCES} sequences of ${STEPS_MIN} to ${STEPS_MAX} steps; one thread`);
  const thousands = (rate: number | null): string => (rate === null ? '-' : (rate / 1000).toFixed(1));
  out(table(['density', 'k lane-steps/s', 'times dense', 'without output', 'p50 ms', 'p99 ms'], rows.map((row) => [
    String(row.density), thousands(row.laneStepsPerSecond), row.timesDense.toFixed(2), thousands(row.laneStepsPerSecondWithoutOutput), row.p50Ms.toFixed(2), row.p99Ms.toFixed(2),
  ])));
  if (json !== undefined) {
    await writeFile(json, `${JSON.stringify({ machine: machineOf(), engine: { name: engine.name, variant }, seed, quick, shape: SHAPE, rows }, null, 2)}\n`);
  }
  return rows;
}
