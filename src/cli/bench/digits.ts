/**
 * `espalier bench digits`: the whole way of one model on handwritten digits, by the jobs of the tuning room and the engine
 * that serves. A dense LSTM reads each digit row by row; then, for each density, it is cut and repaired by least squares,
 * compiled, and trained again with the dense one as a teacher. Beside them stands the dense one trained for as long again,
 * because a pruned one has had more training than its parent.
 *
 * Settings were chosen on the validation part, which every job sets aside; the test part is looked at once a row.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { chooseEngine } from '../../adapters/engine/choose.ts';
import { childTrainer } from '../../adapters/trainer/child.ts';
import { filesVault } from '../../adapters/vault/files.ts';
import type { ReplayItem } from '../../evidence/replay.ts';
import { encodeReplay } from '../../evidence/replay.ts';
import { NO_TOKENIZER } from '../../model/tokenizer.ts';
import type { Model } from '../../model/model.ts';
import type { Engine, Trainer, Vault } from '../../ports.ts';
import type { CandidateReport, TrainingPlan, TuningJob } from '../../pruning/job.ts';
import { splitItems } from '../../tuning/examine.ts';
import type { BenchOptions } from '../bench.ts';
import { Models } from '../compose/models.ts';
import { runToCandidate, untrained } from '../data/dense.ts';
import { out, table, talk } from '../print.ts';
import type { Digits } from './digits-data.ts';
import { CLASSES, COLUMNS, readDigits } from './digits-data.ts';
import type { Difference, Quality } from './digits-score.ts';
import { answersTo, differenceOf, qualityOf, truthOf } from './digits-score.ts';
import { machineOf } from './machine.ts';
import type { Machine } from './machine.ts';
import { compareThroughput } from './throughput.ts';

interface Training { readonly epochs: number; readonly learningRate: number; readonly dropout: number; readonly labelShare: number }

interface DigitsPlan {
  readonly units: number;
  readonly lanes: number;
  readonly densities: readonly number[];
  readonly dense: Training;
  readonly again: Training;
  readonly validationShare: number;
  readonly digitsMax: { readonly training: number; readonly test: number } | null;
  /** Time that the engine's speed is measured for, of each model; seconds. */
  readonly speedSeconds: number;
}

/**
 * Chosen by accuracy on the validation part (4,990 digits, standard error 0.13 points, seed 1). Dense, 8 epochs: rate 2e-3
 * gave 98.84 %, 4e-3 and 8e-3 99.06 %, 4e-3 with drop-out 0.2 99.10 %. Again at density 0.2, 5 epochs: rate 2e-3 98.86 %,
 * 4e-3 99.04 %, with drop-out 0.1 the same, and 99.02 % without the teacher; 6 epochs at 8e-3 with drop-out 0.1 99.28 %.
 * That last one was found after a whole run at 4e-3 had printed the test part once.
 */
const PLAN: DigitsPlan = {
  units: 128, lanes: 64, densities: [0.8, 0.5, 0.2], validationShare: 1 / 12, digitsMax: null, speedSeconds: 3,
  dense: { epochs: 8, learningRate: 4e-3, dropout: 0.2, labelShare: 1 },
  again: { epochs: 6, learningRate: 8e-3, dropout: 0.1, labelShare: 0.5 },
};
const QUICK: DigitsPlan = { ...PLAN, densities: [0.5, 0.2], digitsMax: { training: 6000, test: 2000 }, speedSeconds: 0.2, dense: { ...PLAN.dense, epochs: 4 }, again: { ...PLAN.again, epochs: 2 } };

/** dense: trained from nothing; dense again: that one trained on; cut: pruned and repaired; again: a cut one trained on. */
export type DigitsStage = 'dense' | 'dense again' | 'cut' | 'again';

export interface DigitsRow extends Quality {
  readonly stage: DigitsStage;
  readonly model: string;
  /** Alive connections divided by all. */
  readonly density: number;
  /** Accuracy on the validation part. */
  readonly validation: number;
  /** On the test part, against the dense model; null for that one itself. */
  readonly againstDense: Difference | null;
  /** Whether the accuracy is that of the dense model or better, within the standard error of the difference. */
  readonly noLoss: boolean | null;
  /** Wall time of the job, examination and parity with the engine included; and of the compilation for the engine. */
  readonly seconds: number;
  readonly enlistMs: number;
  /** Of the model's file, of its gzip, and in the engine's memory. */
  readonly bytes: number;
  readonly gzipBytes: number;
  readonly memoryBytes: number;
  /** Steps of one sequence each, a second of one engine thread; and times the dense model. */
  readonly laneStepsPerSecond: number;
  readonly timesDense: number;
}

export interface DigitsBench {
  readonly machine: Machine;
  readonly engine: string;
  readonly seed: number;
  readonly quick: boolean;
  readonly plan: DigitsPlan;
  readonly digits: { readonly training: number; readonly validation: number; readonly test: number };
  /** Of everything, reading and measuring included. */
  readonly seconds: number;
  readonly rows: readonly DigitsRow[];
}

/** A row before the engine's speed is known, with what it answers to the test part. */
interface Entry { readonly row: Omit<DigitsRow, 'laneStepsPerSecond' | 'timesDense'>; readonly chosen: Int32Array }

interface Bench {
  readonly engine: Engine;
  readonly trainer: Trainer;
  readonly vault: Vault;
  readonly models: Models;
  readonly plan: DigitsPlan;
  readonly seed: number;
  /** Training and validation digits, in the vault; and how many are trained on. */
  readonly replay: string;
  readonly training: number;
  readonly test: readonly ReplayItem[];
  readonly truth: Int32Array;
}

type Step = Partial<TuningJob> & Pick<TuningJob, 'id' | 'parent'>;

const LABELS = Array.from({ length: CLASSES }, (_, digit) => String(digit));
const NO_TRAINING: Training = { epochs: 0, learningRate: 1e-3, dropout: 0, labelShare: 1 };

function planOf({ plan, training }: Bench, { epochs, learningRate, dropout, labelShare }: Training): TrainingPlan {
  return { steps: epochs * Math.ceil(training / plan.lanes), lanes: plan.lanes, window: 1, learningRate, labelShare, temperature: 2, dropout, heldOut: plan.validationShare, secondsMax: 1e6 };
}

/** Runs one job in the training process. @returns the model, and what the examination on the validation part says */
async function tuned({ trainer, models, seed, replay }: Bench, training: TrainingPlan, step: Step): Promise<{ readonly model: Model; readonly report: CandidateReport }> {
  let saidAt = -Infinity;
  const { model, report } = await runToCandidate(trainer, {
    cycle: 0, seed, teacher: null, anchor: null, replay: [replay], moments: [], density: 1, criterion: null, scope: 'network', reconstruct: true, training, trainedOn: 'handwritten digits', ...step,
  }, (news) => {
    if (news.kind !== 'progress' || performance.now() - saidAt < 10_000) return;
    saidAt = performance.now();
    talk(`  ${step.id}: step ${news.step} of ${news.steps}, loss ${news.loss.toFixed(4)}, ${Math.round(news.tokensPerSecond)} steps of sequences/s`);
  });
  return { model: await models.load(model), report };
}

/** Compiles a model for the engine, and judges it by that on the test part. */
async function entryOf(bench: Bench, stage: DigitsStage, { model, report }: { readonly model: Model; readonly report: CandidateReport }, dense: Entry | null): Promise<Entry> {
  const { engine, vault, test, truth } = bench;
  const { ms, bytes: memoryBytes } = await engine.enlist(model);
  const chosen = await answersTo(engine, model.id, test), quality = qualityOf(chosen, truth, CLASSES);
  const againstDense = dense === null ? null : differenceOf(chosen, dense.chosen, truth);
  const file = await vault.get(model.id);
  const row: Entry['row'] = {
    stage, model: model.id, density: report.density, ...quality, validation: report.accuracy, againstDense,
    noLoss: againstDense === null ? null : againstDense.accuracy >= -againstDense.standardError,
    seconds: report.seconds, enlistMs: ms, bytes: file.length, gzipBytes: gzipSync(file, { level: 9 }).length, memoryBytes,
  };
  talk(`${stage} at density ${row.density.toFixed(2)}: validation ${percent(row.validation)} %, test ${percent(row.accuracy)} %, ${row.seconds.toFixed(1)} s`);
  return { row, chosen };
}

async function entriesOf(bench: Bench): Promise<Entry[]> {
  const { models, plan, seed } = bench;
  const start = await models.store(untrained({ tokenizer: NO_TOKENIZER, labels: LABELS }, { cell: 'lstm', inputs: COLUMNS, layers: [plan.units], task: 'classify', state: 'reset' }, seed));
  const first = await tuned(bench, planOf(bench, plan.dense), { id: 'dense', parent: start.id });
  const dense = await entryOf(bench, 'dense', first, null), entries = [dense];
  const again = async (stage: DigitsStage, parent: Model): Promise<void> => {
    const more = await tuned(bench, planOf(bench, plan.again), { id: `${stage} at ${parent.lineage.density.toFixed(2)}`, parent: parent.id, teacher: first.model.id, anchor: first.model.id });
    entries.push(await entryOf(bench, stage, more, dense));
  };
  await again('dense again', first.model);
  for (const density of plan.densities) {
    const cut = await tuned(bench, planOf(bench, NO_TRAINING), { id: `cut to ${density}`, parent: first.model.id, anchor: first.model.id, density, criterion: 'obs' });
    entries.push(await entryOf(bench, 'cut', cut, dense));
    await again('again', cut.model);
  }
  return entries;
}

const SPEED_REPEATS = 3, SPEED_SEQUENCES = 128;

/** The models take turns, on one batch of the first test digits. */
async function rowsOf({ engine, test, plan }: Bench, entries: readonly Entry[]): Promise<DigitsRow[]> {
  const sequences = test.slice(0, SPEED_SEQUENCES).map(({ inputs }) => ({ inputs, h: null, c: null }));
  const measured = await compareThroughput(engine, entries.map(({ row }) => row.model), sequences, { repeats: SPEED_REPEATS, secondsMin: plan.speedSeconds, numbersPerStep: COLUMNS });
  return entries.map(({ row }, at) => {
    const { laneStepsPerSecond } = measured[at]!;
    return { ...row, laneStepsPerSecond, timesDense: laneStepsPerSecond / measured[0]!.laneStepsPerSecond };
  });
}

const percent = (share: number): string => (100 * share).toFixed(2);

function print({ rows }: DigitsBench): void {
  const kilo = (bytes: number): string => (bytes / 1000).toFixed(0);
  out(table(['model', 'density', 'accuracy %', 'precision %', 'against dense', 'job s', 'file kB', 'gzip kB', 'memory kB', 'k lane-steps/s', 'times dense'], rows.map((row) => [
    row.stage, row.density.toFixed(3), percent(row.accuracy), percent(row.precision),
    row.againstDense === null ? '-' : `${row.againstDense.accuracy >= 0 ? '+' : ''}${percent(row.againstDense.accuracy)} ± ${percent(row.againstDense.standardError)}`,
    row.seconds.toFixed(1), kilo(row.bytes), kilo(row.gzipBytes), kilo(row.memoryBytes), (row.laneStepsPerSecond / 1000).toFixed(0), row.timesDense.toFixed(2),
  ])));
}

/** Trains in a process of its own, with a vault that is gone afterwards. */
async function measured(engine: Engine, { training, test }: Digits, plan: DigitsPlan, seed: number): Promise<DigitsRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'espalier-digits-'));
  const vault = filesVault(folder);
  const trainer = childTrainer({ setup: { vault: folder, engine: { kind: 'auto', variant: null } } });
  try {
    const replay = await vault.put(encodeReplay(training));
    const bench: Bench = {
      engine, trainer, vault, models: new Models(vault), plan, seed, replay, training: splitItems(training, plan.validationShare).training.length, test, truth: truthOf(test),
    };
    return await rowsOf(bench, await entriesOf(bench));
  } finally {
    await trainer.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Prints the table; writes { machine, engine, seed, quick, plan, digits, seconds, rows } where a file is given. Throws data-unreadable, the trainer's and the engine's errors. */
export async function runDigitsBench({ data, seed, quick, json }: BenchOptions): Promise<DigitsBench> {
  const began = performance.now(), plan = quick ? QUICK : PLAN;
  const digits = await readDigits(data, plan.digitsMax ?? undefined);
  const { engine } = await chooseEngine({ kind: 'auto' });
  const { training, heldOut } = splitItems(digits.training, plan.validationShare);
  const counts = { training: training.length, validation: heldOut.length, test: digits.test.length };
  out(`LSTM of ${plan.units} units over the rows of ${counts.training} digits to train on, ${counts.validation} to choose by, ${counts.test} to judge by; Adam, batch ${plan.lanes}, one thread; ${engine.name}`);
  const rows = await measured(engine, digits, plan, seed);
  const bench: DigitsBench = { machine: machineOf(), engine: engine.name, seed, quick, plan, digits: counts, seconds: (performance.now() - began) / 1000, rows };
  print(bench);
  out(`${bench.seconds.toFixed(0)} s in all`);
  if (json !== undefined) await writeFile(json, `${JSON.stringify(bench, null, 2)}\n`);
  return bench;
}
