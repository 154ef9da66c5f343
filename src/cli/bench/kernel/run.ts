/**
 * `espalier bench kernel`: our kernels on pruned networks against the engines that a user would pick for the dense one, on
 * one thread of the same machine in the same run, by CPU time, each at batch 1 and at the batch where it is fastest.
 */
import { writeFile } from 'node:fs/promises';
import { onnxVersion } from '../../../adapters/engine/onnx-thread.ts';
import { randomFrom, shuffle } from '../../../support/random.ts';
import { out, table, talk } from '../../print.ts';
import type { BenchOptions } from '../../bench.ts';
import { readClinc } from '../clinc.ts';
import { machineOf } from '../machine.ts';
import type { Contestant } from './contestant.ts';
import { native, onnxruntime, webAssembly } from './contestant.ts';
import { measureFixed, measureRagged } from './measure.ts';
import { DEMANDS, INPUTS, OURS, PLAN, QUICK, STEPS } from './plan.ts';
import type { KernelPlan, KernelRatio, KernelRow } from './plan.ts';
import type { PythonEngines } from './python.ts';
import { pythonEngines } from './python.ts';

/** Sequences of the ragged comparison; peers sort as far ahead. */
const RAGGED = 1024, RAGGED_HIDDEN = 512, RAGGED_DENSITY = 0.1;

/** WebAssembly is for pruned models on machines without a native binary; dense ones would take most of the time. */
const WASM_DENSITY_MAX = 0.2;

type BenchCell = KernelPlan['cells'][number];

async function contestantsOf(cell: BenchCell, hidden: number, densities: readonly number[], seed: number, python: PythonEngines | null): Promise<readonly Contestant[]> {
  const contestants: Contestant[] = [];
  for (const engine of ['fp32', 'int8-g4'] as const) for (const density of densities) contestants.push(await native(engine, cell, hidden, density, seed));
  for (const density of densities.filter((share) => share <= WASM_DENSITY_MAX)) contestants.push(await webAssembly(cell, hidden, density, seed));
  if (onnxVersion() !== null) for (const precision of cell === 'lstm' ? ['fp32', 'int8'] as const : ['fp32'] as const) contestants.push(await onnxruntime(precision, cell, hidden, seed));
  for (const name of python?.names ?? []) contestants.push(python!.contestant(name, cell, hidden));
  return contestants;
}

async function closeAll(contestants: readonly Contestant[]): Promise<void> { for (const contestant of contestants) await contestant.close(); }

async function fixedRows(plan: KernelPlan, seed: number, python: PythonEngines | null): Promise<readonly KernelRow[]> {
  const rows: KernelRow[] = [];
  for (const cell of plan.cells) {
    for (const hidden of plan.hidden) {
      const contestants = await contestantsOf(cell, hidden, plan.densities, seed, python);
      talk(`${cell} of ${hidden} units: ${contestants.length} contestants, ${plan.rounds} rounds`);
      for (const { contestant: { engine, density }, ...measured } of await measureFixed(contestants, plan.batches, plan.rounds, plan.seconds)) rows.push({ engine, cell, hidden, density, lengths: 'fixed', ...measured });
      await closeAll(contestants);
    }
  }
  return rows;
}

async function raggedRows(plan: KernelPlan, data: string, seed: number): Promise<readonly KernelRow[]> {
  const clinc = await readClinc(data);
  const lengths = shuffle([...clinc.train], randomFrom(seed)).slice(0, RAGGED).map(({ inputs }) => inputs.length);
  // Those of Python would compile a network for every length.
  const contestants = await contestantsOf('lstm', RAGGED_HIDDEN, [RAGGED_DENSITY], seed, null);
  talk(`${RAGGED} sequences of CLINC150 lengths, lstm of ${RAGGED_HIDDEN} units`);
  const measured = await measureRagged(contestants, lengths, plan.batches, plan.rounds, plan.seconds);
  await closeAll(contestants);
  return measured.map(({ contestant: { engine, density }, sorted, bestBatch, laneStepsPerSecond }) =>
    ({ engine, cell: 'lstm', hidden: RAGGED_HIDDEN, density, batch: 'best', bestBatch, lengths: sorted ? 'clinc150-sorted' : 'clinc150', laneStepsPerSecond }));
}

/** Ours, at every density, against the peers' dense network. */
export const ratiosOf = (rows: readonly KernelRow[]): readonly KernelRatio[] => rows.filter(({ engine }) => OURS.includes(engine)).flatMap(({ engine: ours, cell, hidden, density, batch, lengths, laneStepsPerSecond }) =>
  rows.filter((peer) => !OURS.includes(peer.engine) && peer.cell === cell && peer.hidden === hidden && peer.batch === batch && peer.lengths === lengths)
    .map((peer) => ({ ours, peer: peer.engine, cell, hidden, density, batch, lengths, ratio: laneStepsPerSecond / peer.laneStepsPerSecond })));

const thousands = (rate: number | undefined): string => (rate === undefined ? '-' : (rate / 1000).toFixed(1));

function sayRows(rows: readonly KernelRow[]): void {
  const groups = [...new Set(rows.map(({ cell, hidden, batch, lengths }) => `${cell} ${hidden} ${batch} ${lengths}`))];
  for (const group of groups) {
    const own = rows.filter(({ cell, hidden, batch, lengths }) => `${cell} ${hidden} ${batch} ${lengths}` === group), peers = own.filter(({ engine }) => !OURS.includes(engine));
    const { cell, hidden, batch, lengths } = own[0]!;
    out(`\n${cell}, ${hidden} units, batch ${batch}${lengths === 'fixed' ? '' : `, ${lengths}`}: k lane-steps/s${peers.length > 0 ? ', and times the peers' : ''}`);
    out(table(['engine', 'density', 'k/s', 'batch', ...peers.map(({ engine }) => `x ${engine}`)], own.map((row) => [
      row.engine, String(row.density), thousands(row.laneStepsPerSecond), String(row.bestBatch ?? row.batch), ...peers.map((peer) => (row.laneStepsPerSecond / peer.laneStepsPerSecond).toFixed(2)),
    ])));
  }
}

function sayDemands(ratios: readonly KernelRatio[]): void {
  const judged = DEMANDS.map((demand) => ({ ...demand, found: ratios.find((ratio) => ratio.hidden === 512 && ratio.lengths === 'fixed' && ratio.ours === demand.ours && ratio.peer === demand.peer && ratio.cell === demand.cell && ratio.density === demand.density && ratio.batch === demand.batch) }));
  if (judged.every(({ found }) => found === undefined)) return;
  out('\nasked for, of 512 units');
  out(table(['ours', 'cell', 'density', 'batch', 'peer', 'at least', 'measured'], judged.map(({ ours, cell, density, batch, peer, least, found }) => [ours, cell, String(density), String(batch), peer, `${least}x`, found === undefined ? 'not run' : `${found.ratio.toFixed(2)}x`])));
}

/** Prints the tables; writes { machine, versions, inputs, steps, rows, ratios } where a file is given. Throws usage, data-unreadable, engine-unavailable. */
export async function runKernelBench({ seed, quick, json, data, python: interpreter }: BenchOptions): Promise<readonly KernelRow[]> {
  const plan = quick ? QUICK : PLAN;
  const python = interpreter === undefined ? null : await pythonEngines(interpreter);
  const versions = [`onnxruntime ${onnxVersion() ?? 'not installed'}`, python?.versions ?? ''].filter((text) => text !== '').join(', ');
  talk(`frames of ${INPUTS} numbers (int8-g4: embeddings of tokens), ${STEPS} steps, one thread, by CPU time; peers: ${versions}`);
  try {
    const rows = [...await fixedRows(plan, seed, python), ...(data === undefined ? [] : await raggedRows(plan, data, seed))];
    const ratios = ratiosOf(rows);
    sayRows(rows);
    sayDemands(ratios);
    if (json !== undefined) await writeFile(json, `${JSON.stringify({ machine: machineOf(), versions, seed, quick, inputs: INPUTS, steps: STEPS, rows, ratios }, null, 2)}\n`);
    return rows;
  } finally {
    python?.close();
  }
}
