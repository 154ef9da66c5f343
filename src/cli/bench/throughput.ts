/** How fast an engine runs a model on a ragged batch: lane-steps a second (one step of one sequence each), and latency. */
import { assert } from '../../errors.ts';
import type { ModelId } from '../../model/model.ts';
import type { Engine, EngineCall, EngineResult, EngineSequence } from '../../ports.ts';

/** An engine that can leave the output layer out. */
interface OutputSkipping { inferWithoutOutput(call: EngineCall): Promise<EngineResult> }

export interface ThroughputOptions {
  /** Each repeat gives one throughput; the median of them is reported. */
  readonly repeats: number;
  /** Time spent on each model and mode, at least. */
  readonly secondsMin: number;
  /** Whether it is measured without the output layer too, where the engine can; true where left out. */
  readonly withoutOutput?: boolean;
  /** Numbers of a step: 1 for token ids (and where left out), the width of a frame otherwise. */
  readonly numbersPerStep?: number;
}

export interface Throughput {
  /**
   * Output layer included; median over the repeats. By the CPU time of the engine's thread where it tells it, else by
   * the time inside the engine: what other work takes from the machine does not count, only from p50 and p99.
   */
  readonly laneStepsPerSecond: number;
  /** Output layer left out; null where the engine cannot, or it was not wanted. */
  readonly laneStepsPerSecondWithoutOutput: number | null;
  /** Of one whole call as the caller sees it, output layer included. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const skips = (engine: Engine): engine is Engine & OutputSkipping => 'inferWithoutOutput' in engine;

export async function measureThroughput(engine: Engine, model: ModelId, sequences: readonly EngineSequence[], options: ThroughputOptions): Promise<Throughput> {
  return (await compareThroughput(engine, [model], sequences, options))[0]!;
}

export async function compareThroughput(engine: Engine, models: readonly ModelId[], sequences: readonly EngineSequence[], options: ThroughputOptions): Promise<readonly Throughput[]> {
  return compareRunners(models.map((model) => ({ engine, model })), sequences, options);
}

/** A model where it is enlisted. */
export interface Runner { readonly engine: Engine; readonly model: ModelId }

/** Runners take turns in every repeat, so that a machine that slows down slows all of them. In the order of the runners. */
export async function compareRunners(runners: readonly Runner[], sequences: readonly EngineSequence[], { repeats, secondsMin, withoutOutput = true, numbersPerStep = 1 }: ThroughputOptions): Promise<readonly Throughput[]> {
  assert(repeats >= 1 && sequences.length > 0, 'at least one repeat and one sequence');
  const laneSteps = sequences.reduce((sum, { inputs }) => sum + inputs.length / numbersPerStep, 0);
  const runs = runners.map(() => ({ whole: [] as number[], cell: [] as number[], latencies: [] as number[] }));
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const [at, { engine, model }] of runners.entries()) {
      const call: EngineCall = { model, sequences, sample: null };
      const whole = await callsFor(secondsMin / repeats, () => engine.infer(call));
      runs[at]!.whole.push(rateOf(whole, laneSteps));
      runs[at]!.latencies.push(...whole.map(({ wallMs }) => wallMs));
      if (withoutOutput && skips(engine)) runs[at]!.cell.push(rateOf(await callsFor(secondsMin / repeats, () => engine.inferWithoutOutput(call)), laneSteps));
    }
  }
  return runs.map(({ whole, cell, latencies }) => ({
    laneStepsPerSecond: quantileOf(whole, 0.5),
    laneStepsPerSecondWithoutOutput: cell.length === 0 ? null : quantileOf(cell, 0.5),
    p50Ms: quantileOf(latencies, 0.5),
    p99Ms: quantileOf(latencies, 0.99),
  }));
}

interface Timed { readonly engineMs: number; readonly wallMs: number }

const engineMsOf = (result: EngineResult & { readonly cpuMs?: number }): number => result.cpuMs ?? result.kernelMs;

/** Calls one after the other for so many seconds, at least one, after a first that only warms. */
async function callsFor(seconds: number, run: () => Promise<EngineResult>): Promise<readonly Timed[]> {
  await run();
  const timed: Timed[] = [];
  const end = performance.now() + 1000 * seconds;
  do {
    const started = performance.now();
    const result = await run();
    timed.push({ engineMs: engineMsOf(result), wallMs: performance.now() - started });
  } while (performance.now() < end);
  return timed;
}

/** Lane-steps a second of the median call. */
const rateOf = (calls: readonly Timed[], laneSteps: number): number => (1000 * laneSteps) / quantileOf(calls.map(({ engineMs }) => engineMs), 0.5);

/** The q-th quantile, nearest rank. */
export function quantileOf(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? NaN;
}
