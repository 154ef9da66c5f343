/** One run of the bench of pruning, what it gave, and the file that holds all of them. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { EspalierError } from '../../../errors.ts';
import type { Cell } from '../../../model/shape.ts';
import type { CriterionName } from '../../../pruning/job.ts';
import type { Machine } from '../machine.ts';
import { machineOf } from '../machine.ts';

export type TaskName = 'clinc150' | 'fsdd' | 'tinyshakespeare' | 'brown';
export type Metric = 'accuracy' | 'bits';

/**
 * dense: the parent, with labels. pruned: cut step by step while the parent teaches. cut: in one go, nothing else.
 * repaired: cut in steps and repaired by least squares, no training. units: whole units went, repaired, then taught.
 * weights: single weights went, step by step, the smallest first. small: a dense network of fewer units from scratch with
 * labels, trained as long as the parent and its cut together; small-taught: the same, by the parent as a teacher.
 */
export type Method = 'dense' | 'pruned' | 'cut' | 'repaired' | 'units' | 'weights' | 'small' | 'small-taught';
export type Kind = 'connection' | 'g4' | 'unit' | 'weight' | 'none';

/** What makes a run another one. */
export interface Run {
  readonly task: TaskName;
  readonly cell: Cell;
  /** Units of the network that it starts from. */
  readonly hidden: number;
  readonly seed: number;
  /** What is left out of training; empty where there is one test part. */
  readonly fold: string;
  readonly method: Method;
  readonly criterion: CriterionName | null;
  readonly granularity: Kind;
  /** Of what the granularity counts; 1 where nothing went. */
  readonly density: number;
}

export interface PruneRow extends Run {
  readonly metric: Metric;
  /** On the test part, by the engine whose speed is given: a share of right answers, or bits a token. */
  readonly value: number;
  /** On the validation part, in TensorFlow. */
  readonly validation: number;
  /** The value of the parent of the same seed and fold, and of the random cut to the same density; null where there is none. */
  readonly dense: number | null;
  readonly random: number | null;
  /** Share of the test answers that are those of the parent. */
  readonly agreement: number;
  readonly engine: 'fp32' | 'int8';
  /** One thread, at the best batch; at the end of a task all its models are measured again in turns. */
  readonly laneStepsPerSecond: number;
  /** Alive connections divided by all; units of each layer; bytes of the file and of its gzip. */
  readonly alive: number;
  readonly layers: readonly number[];
  readonly bytes: number;
  readonly gzipBytes: number;
  /** Optimizer steps, and CPU seconds from the parent (or from nothing) to this model. */
  readonly steps: number;
  readonly seconds: number;
  /** The settings, in words: a row of other settings is made again. */
  readonly settings: string;
}

/** The dense width that is as fast as a sparse model, as measured before anything is trained. */
export interface EqualWidth {
  readonly granularity: 'connection' | 'g4';
  readonly density: number;
  readonly engine: 'fp32' | 'int8';
  readonly sparse: number;
  readonly hidden: number;
  readonly small: number;
}

export interface PruneFile {
  readonly machine: Machine;
  readonly quick: boolean;
  readonly rows: readonly PruneRow[];
  /** By task, cell and units. */
  readonly widths: Readonly<Record<string, readonly EqualWidth[]>>;
}

const FIELDS = ['task', 'cell', 'hidden', 'seed', 'fold', 'method', 'criterion', 'granularity', 'density'] as const;

export const keyOf = (run: Run): string => FIELDS.map((field) => String(run[field] ?? '-')).join('|');

/** What is looked up beside a row: the same parent, test part and seed. */
const sameTest = (a: Run, b: Run): boolean => a.task === b.task && a.cell === b.cell && a.seed === b.seed && a.fold === b.fold;

/** Rows with what they are compared with, which may have come after them. */
export function linked(rows: readonly PruneRow[]): readonly PruneRow[] {
  return rows.map((row): PruneRow => {
    const beside = rows.filter((other) => sameTest(row, other));
    const random = beside.find(({ criterion, method, granularity, density }) => criterion === 'random' && method === row.method && granularity === row.granularity && density === row.density);
    return { ...row, dense: beside.find(({ method }) => method === 'dense')?.value ?? null, random: random?.value ?? null };
  });
}

/** The row in its place: of several with one key only the last stays. */
export const merged = (rows: readonly PruneRow[], row: PruneRow): readonly PruneRow[] =>
  linked([...rows.filter((held) => keyOf(held) !== keyOf(row)), row]);

/** What a run before left; null where there is no file. Throws data-unreadable, usage. */
export async function readFileOf(json: string | undefined, quick: boolean): Promise<PruneFile | null> {
  const text = json === undefined ? null : await readFile(json, 'utf8').catch(() => null);
  if (text === null) return null;
  let held: Partial<PruneFile>;
  try { held = JSON.parse(text) as PruneFile; } catch (error) { throw new EspalierError('data-unreadable', `${json} is not a file of this bench.`, error); }
  if (!Array.isArray(held.rows) || held.widths === undefined) throw new EspalierError('data-unreadable', `${json} is not a file of this bench.`);
  if (held.quick !== quick || !isDeepStrictEqual(held.machine, machineOf())) throw new EspalierError('usage', `${json} was begun ${held.quick === quick ? 'on another machine' : held.quick === true ? 'with --quick' : 'without --quick'}; name another file.`);
  return held as PruneFile;
}

/** What a run found of its own task and cell, with what the file holds of the others: several tasks may be run at once. */
export function joined(held: PruneFile, own: PruneFile, { task, cell }: Pick<Run, 'task' | 'cell'>): PruneFile {
  const ours = (row: PruneRow): boolean => row.task === task && row.cell === cell;
  return { ...own, rows: linked([...held.rows.filter((row) => !ours(row)), ...own.rows.filter(ours)]), widths: { ...held.widths, ...own.widths } };
}

/** In one piece or not at all: a run that is killed goes on from what was there. Returns what is in the file now. */
export async function saveFile(json: string | undefined, file: PruneFile, group: Pick<Run, 'task' | 'cell'>): Promise<PruneFile> {
  if (json === undefined) return file;
  const held = await readFileOf(json, file.quick), whole = held === null ? file : joined(held, file, group), part = `${json}.${process.pid}.part`;
  await writeFile(part, `${JSON.stringify(whole, null, 1)}\n`);
  await rename(part, json);
  return whole;
}
