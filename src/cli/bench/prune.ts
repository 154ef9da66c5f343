/**
 * `espalier bench prune`: how far pruning goes on four tasks, beside its honest rivals. For each task a dense network is
 * trained with labels; it is cut step by step by connections and by groups of four while it teaches; beside that stand a
 * random cut, a repair without training, whole units, single weights, and small dense networks of equal measured speed from
 * scratch, trained as long. One row for each finished run, written at once, so that a run that ends goes on from there.
 *
 * Settings were chosen on validation parts; the test part is looked at once a row.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EspalierError } from '../../errors.ts';
import { densityOfMask } from '../../model/mask.ts';
import type { Cell } from '../../model/shape.ts';
import type { Model } from '../../model/model.ts';
import { examine } from '../../tuning/examine.ts';
import type { Runtime } from '../../tuning/ops.ts';
import { openRuntime } from '../../tuning/ops.ts';
import { machineOf } from './machine.ts';
import type { Work } from './prune/data.ts';
import { readWork } from './prune/data.ts';
import type { Bench } from './prune/make.ts';
import { cpuClock, make, never } from './prune/make.ts';
import type { Engines, Timed } from './prune/measure.ts';
import { judge, measureWidths, openEngines, speedBatch, speedsOf } from './prune/measure.ts';
import type { Place } from './prune/plan.ts';
import { engineOf, runsOf } from './prune/plan.ts';
import { curveOf } from './prune/curve.ts';
import { printFile } from './prune/print.ts';
import type { EqualWidth, PruneFile, PruneRow, Run, TaskName } from './prune/row.ts';
import { keyOf, merged, readFileOf, saveFile } from './prune/row.ts';
import type { Settings } from './prune/settings.ts';
import { SETTINGS, quickly, wordsOf } from './prune/settings.ts';
import type { Store } from './prune/store.ts';
import { openStore } from './prune/store.ts';

export interface PruneBenchOptions {
  readonly data?: string | undefined;
  readonly json?: string | undefined;
  /** Folder for the curves. */
  readonly svg?: string | undefined;
  /** Names with commas; all where left out. */
  readonly task?: string | undefined;
  /** The first seed. */
  readonly seed: number;
  /** CPU minutes of one training at most. */
  readonly minutes?: number | undefined;
  readonly quick?: boolean | undefined;
  /** Progress, a line each; stderr otherwise. */
  readonly say?: (line: string) => void;
}

const MINUTES = 20;

/** A task with one cell, and what is known of it. */
interface Group {
  readonly settings: Settings;
  readonly cell: Cell;
  readonly work: Work;
  readonly engines: Engines;
  readonly widths: readonly EqualWidth[];
}

interface Session {
  readonly runtime: Runtime;
  readonly store: Store;
  readonly seed: number;
  readonly secondsMax: number;
  readonly say: (line: string) => void;
  readonly json: string | undefined;
  file: PruneFile;
}

async function save(session: Session, group: Pick<Run, 'task' | 'cell'>): Promise<void> {
  session.file = await saveFile(session.json, session.file, group);
}

export const groupKey = ({ task, cell, hidden }: Pick<Run, 'task' | 'cell' | 'hidden'>): string => `${task}|${cell}|${hidden}`;

const denseOf = (run: Run, { hidden }: Settings): Run => ({ ...run, method: 'dense', criterion: null, granularity: 'none', density: 1, hidden });

/** CPU seconds of the parent and of the sparse model that a small network stands beside, where time is what they share. */
function budgetOf({ file: { rows } }: Session, { settings, widths }: Group, run: Run): number | null {
  if (settings.rivals === 'passes' || !(run.method === 'small' || run.method === 'small-taught')) return null;
  const beside = widths.filter(({ hidden }) => hidden === run.hidden).flatMap(({ granularity, density }) => rows.filter((row) => row.method === 'pruned' && row.criterion !== 'random' && row.granularity === granularity && row.density === density && groupKey(row) === groupKey({ ...run, hidden: settings.hidden }) && row.seed === run.seed));
  const parent = rows.find((row) => keyOf(row) === keyOf(denseOf(run, settings)));
  return parent === undefined || beside.length === 0 ? null : parent.seconds + Math.max(...beside.map(({ seconds }) => seconds));
}

async function rowOf(session: Session, { settings, work, engines, widths }: Group, bench: Bench, run: Run, parent: Model | null, budget: number | null): Promise<PruneRow> {
  const { runtime, store } = session, { parts } = bench, began = cpuClock.monotonicMs();
  const made = await make(bench, run, parent, budget), seconds = (cpuClock.monotonicMs() - began) / 1000;
  const { model, bytes, gzipBytes } = store.put(run, work, made, parent), engine = engineOf(run, widths);
  const validation = await examine(runtime, model, null, parts.validation, never), { value, agreement } = await judge(engines, engine, settings.metric, model, parent ?? model, parts.test);
  const [laneStepsPerSecond] = await speedsOf(engines, work, speedBatch(work, parts), [{ model, engine }], settings.speedSeconds);
  return {
    ...run, metric: settings.metric, value, validation: settings.metric === 'bits' ? validation.loss / Math.LN2 : validation.accuracy, dense: null, random: null, agreement, engine, laneStepsPerSecond: laneStepsPerSecond!,
    alive: densityOfMask(model.mask), layers: model.shape.layers, bytes, gzipBytes, steps: made.steps, seconds, settings: wordsOf(settings, run),
  };
}

const shown = ({ metric, value, validation, dense }: PruneRow): string => {
  const text = (number: number): string => (metric === 'bits' ? `${number.toFixed(4)} bits` : `${(100 * number).toFixed(2)} %`);
  return `test ${text(value)}${dense === null ? '' : ` (dense ${text(dense)})`}, validation ${text(validation)}`;
};

const isCurrent = (row: PruneRow, settings: Settings, widths: readonly EqualWidth[]): boolean => row.settings === wordsOf(settings, row) && row.engine === engineOf(row, widths);

/** Makes what is missing of a task and cell. Returns how many rows were made. */
async function runGroup(session: Session, group: Group): Promise<number> {
  const { settings, cell, work, widths } = group, { store, say, secondsMax, runtime } = session;
  const places = Array.from({ length: settings.seeds }, (_, at) => session.seed + at).flatMap((seed) => work.folds.map((fold): Place => ({ seed, fold })));
  const benches = new Map<string, Bench>();
  let count = 0;
  // Rows of other settings would be taken together with those of these.
  session.file = { ...session.file, rows: session.file.rows.filter((row) => row.task !== settings.task || row.cell !== cell || isCurrent(row, settings, widths)) };
  for (const run of runsOf(settings, cell, places, widths)) {
    const held = session.file.rows.find((row) => keyOf(row) === keyOf(run)), parentRun = denseOf(run, settings);
    if (held !== undefined && (run.method !== 'dense' || store.get(run) !== null)) continue;
    const bench = benches.get(run.fold) ?? { runtime, work, parts: work.parts(run.fold), settings, secondsMax, say };
    benches.set(run.fold, bench);
    const parent = run.method === 'dense' ? null : store.get(parentRun);
    if (run.method !== 'dense' && parent === null) throw new EspalierError('data-unreadable', `The dense model of ${keyOf(run)} is gone; it is in the folder beside the file.`);
    const row = await rowOf(session, group, bench, run, parent, budgetOf(session, group, run));
    session.file = { ...session.file, rows: merged(session.file.rows, row) };
    await save(session, run);
    say(`${keyOf(run)}: ${shown(session.file.rows.find((of) => keyOf(of) === keyOf(run))!)}, ${row.seconds.toFixed(0)} s of CPU`);
    count++;
  }
  return count;
}

/** All models of a task in turns, so that what is compared was measured at the same time. */
async function measureTogether(session: Session, { settings, cell, work, engines }: Group): Promise<void> {
  const rows = session.file.rows.filter((row) => row.task === settings.task && row.cell === cell), timed = rows.flatMap((row): (Timed & { readonly key: string })[] => {
    const model = session.store.get(row);
    return model === null ? [] : [{ model, engine: row.engine, key: keyOf(row) }];
  });
  const speeds = await speedsOf(engines, work, speedBatch(work, work.parts(work.folds[0]!)), timed, settings.speedSeconds);
  const byKey = new Map(timed.map(({ key }, at) => [key, speeds[at]!]));
  session.file = { ...session.file, rows: session.file.rows.map((row) => ({ ...row, laneStepsPerSecond: byKey.get(keyOf(row)) ?? row.laneStepsPerSecond })) };
  await save(session, { task: settings.task, cell });
}

async function runTask(session: Session, data: string, settings: Settings): Promise<void> {
  const { say } = session, work = await readWork(data, settings);
  for (const cell of settings.cells) {
    const engines = await openEngines(work.shape), key = groupKey({ ...settings, cell });
    say(`${key}: ${work.folds.length} test part${work.folds.length === 1 ? '' : 's'}, ${work.shape.outputs} outputs`);
    if (session.file.widths[key] === undefined) {
      const widths = await measureWidths(engines, work, work.parts(work.folds[0]!), cell, settings);
      session.file = { ...session.file, widths: { ...session.file.widths, [key]: widths } };
      await save(session, { task: settings.task, cell });
    }
    const group: Group = { settings, cell, work, engines, widths: session.file.widths[key]! };
    if (await runGroup(session, group) > 0) await measureTogether(session, group);
  }
}

function tasksOf(task: string | undefined, quick: boolean): readonly Settings[] {
  const names = new Set<string>(SETTINGS.map((settings) => settings.task)), wanted = task?.split(',') ?? [...names], unknown = wanted.find((name) => !names.has(name));
  if (unknown !== undefined) throw new EspalierError('usage', `There is no task ${unknown}; there are ${[...names].join(', ')}.`);
  return SETTINGS.filter((settings) => wanted.includes(settings.task)).map((settings) => (quick ? quickly(settings) : settings));
}

async function draw(folder: string, { rows }: PruneFile): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const key of new Set(rows.map(({ task, cell }) => `${task} ${cell}`))) {
    await writeFile(join(folder, `${key.replace(' ', '-')}.svg`), curveOf(key, rows.filter(({ task, cell }: { readonly task: TaskName; readonly cell: Cell }) => `${task} ${cell}` === key)));
  }
}

/** Prints the tables; writes { machine, quick, widths, rows } where a file is given, and goes on from it. Throws usage, data-unreadable, trainer-unavailable, engine-unavailable. */
export async function runPruneBench({ data, json, svg, task, seed, minutes = MINUTES, quick = false, say = (line) => { process.stderr.write(`${line}\n`); } }: PruneBenchOptions): Promise<PruneFile> {
  if (data === undefined) throw new EspalierError('usage', '`bench prune` needs --data with the folder that holds clinc150, fsdd and tinyshakespeare.');
  // One thread is as fast as two at these sizes, and its CPU time is its time.
  for (const name of ['OMP_NUM_THREADS', 'TF_NUM_INTRAOP_THREADS', 'TF_NUM_INTEROP_THREADS']) process.env[name] ??= '1';
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  const tasks = tasksOf(task, quick), held = await readFileOf(json, quick), store = openStore(json);
  const session: Session = {
    runtime: openRuntime(), store, seed, secondsMax: 60 * minutes, say, json, file: held ?? { machine: machineOf(), quick, rows: [], widths: {} },
  };
  try {
    for (const settings of tasks) await runTask(session, data, settings);
  } finally {
    store.close();
  }
  printFile(session.file);
  if (svg !== undefined) await draw(svg, session.file);
  return session.file;
}
