/**
 * `espalier bench moments`: what the moments cost. The same traffic with and without them, in turns, by the CPU time of the
 * whole process: the sampling inside the calls, the sums of second moments, and what JavaScript does for both.
 */
import { writeFile } from 'node:fs/promises';
import process from 'node:process';
import { kernelPath, loadAddon } from '../../adapters/engine/addon.ts';
import { NativeEngine } from '../../adapters/engine/native.ts';
import { emptyMoments } from '../../evidence/moments.ts';
import type { Moments } from '../../evidence/moments.ts';
import { sampleModel } from '../../model/sample-model.ts';
import type { ModelShape } from '../../model/shape.ts';
import type { EngineSequence } from '../../ports.ts';
import { joined } from '../../serving/observe.ts';
import { Sampler } from '../../serving/sampler.ts';
import type { Inference } from '../../serving/work.ts';
import { randomFrom } from '../../support/random.ts';
import type { BenchOptions } from '../bench.ts';
import { out, table, talk } from '../print.ts';
import { machineOf } from './machine.ts';
import { quantileOf } from './throughput.ts';

/** The default of `serving.sampleEvery`. */
const EVERY = 32;
const INPUTS = 128, SEQUENCES = 128, STEPS_MIN = 3, STEPS_MAX = 32;

export interface MomentsRow {
  readonly hidden: number;
  readonly density: number;
  readonly every: number;
  /** CPU time that the moments add, as a share of that without them: quartiles over the pairs. */
  readonly share: readonly [low: number, median: number, high: number];
  readonly pairs: number;
}

/** One engine and its traffic: `run` computes so many calls and gives the CPU time of the process, milliseconds. */
async function workOf(hidden: number, density: number, seed: number): Promise<(calls: number, withMoments: boolean) => Promise<number>> {
  const shape: ModelShape = { cell: 'lstm', vocabulary: 1000, inputs: INPUTS, layers: [hidden], task: 'tag', outputs: 80, state: 'reset' };
  const random = randomFrom(seed), model = sampleModel(shape, density, random, 'moments');
  const addon = loadAddon(kernelPath()), variant = addon.variants().find(({ supported, precision }) => supported && precision === 'fp32')!.name;
  const engine = new NativeEngine(addon, variant, 1), sampler = new Sampler(EVERY, random);
  await engine.enlist(model);
  const sequences = Array.from({ length: SEQUENCES }, (): EngineSequence => ({ inputs: Int32Array.from({ length: STEPS_MIN + Math.floor(random() * (STEPS_MAX - STEPS_MIN + 1)) }, () => Math.floor(random() * 1000)), h: null, c: null }));
  const moments: Moments = emptyMoments(model.id, 0, INPUTS + hidden + 1);
  return async (calls, withMoments) => {
    const before = process.cpuUsage(), inferences: Inference[] = [];
    for (let call = 0; call < calls; call++) {
      const sample = withMoments ? sampler.next(model.id) : null;
      const { activity, steps } = await engine.infer({ model: model.id, sequences, sample });
      if (sample !== null) sampler.ran(steps);
      inferences.push({ batch: { model, role: 'champion', live: true, works: [], dropped: [] }, answers: [], failures: [], failed: null, activity, steps, kernelMs: 0, waitMsMax: 0, carried: new Map() });
      // As serving does: what a few calls sampled is added together.
      if (call % 4 === 3) for (const each of joined(inferences.splice(0))) await engine.gram(each.activity, moments.second);
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
}

async function measure(hidden: number, density: number, pairs: number, seconds: number, seed: number): Promise<MomentsRow> {
  const run = await workOf(hidden, density, seed);
  await run(4, true);
  const calls = 4 * Math.max(1, Math.round(seconds * 1000 / await run(4, false))), shares: number[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    const first = await run(calls, pair % 2 === 0), second = await run(calls, pair % 2 !== 0);
    shares.push(pair % 2 === 0 ? first / second - 1 : second / first - 1);
  }
  return { hidden, density, every: EVERY, share: [quantileOf(shares, 0.25), quantileOf(shares, 0.5), quantileOf(shares, 0.75)], pairs };
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** Prints the table; writes { machine, rows } where a file is given. Throws engine-unavailable. */
export async function runMomentsBench({ seed, quick, json }: BenchOptions): Promise<readonly MomentsRow[]> {
  const rows: MomentsRow[] = [];
  talk(`${SEQUENCES} sequences of ${STEPS_MIN} to ${STEPS_MAX} steps a call, one step in ${EVERY} sampled, CPU time of the process`);
  for (const hidden of quick ? [64] : [256, 512]) for (const density of quick ? [0.1] : [1, 0.1]) rows.push(await measure(hidden, density, quick ? 5 : 21, quick ? 0.02 : 0.15, seed));
  out(table(['units', 'density', 'moments cost', 'quartiles'], rows.map(({ hidden, density, share: [low, median, high] }) => [String(hidden), String(density), percent(median), `${percent(low)} to ${percent(high)}`])));
  if (json !== undefined) await writeFile(json, `${JSON.stringify({ machine: machineOf(), seed, quick, rows }, null, 2)}\n`);
  return rows;
}
