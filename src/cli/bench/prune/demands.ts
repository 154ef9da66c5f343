/** What pruning is demanded to reach, and whether the rows of a run reach it. Pure. */
import type { Cell } from '../../../model/shape.ts';
import type { EqualWidth, Method, PruneRow, TaskName } from './row.ts';

/**
 * value: mean of the rows, at least (or with `most`, at most). points: accuracy lost to the parent, points, at most; with
 * `error` at most that much more than its own standard error. percent: worse than the parent, at most. rival: better than
 * the best small dense network of equal measured speed, with labels or taught.
 */
type Want =
  | { readonly kind: 'value'; readonly least?: number; readonly most?: number }
  | { readonly kind: 'points'; readonly most: number | null; readonly error?: boolean }
  | { readonly kind: 'percent'; readonly most: number }
  | { readonly kind: 'rival' };

export interface Demand {
  readonly task: TaskName;
  readonly cell: Cell;
  readonly hidden: number;
  readonly method: Method;
  readonly granularity: PruneRow['granularity'];
  readonly density: number;
  readonly want: Want;
}

const of = (task: TaskName, cell: Cell, hidden: number) => (method: Method, granularity: Demand['granularity'], density: number, want: Want): Demand => ({ task, cell, hidden, method, granularity, density, want });
const clinc = of('clinc150', 'lstm', 256), gru = of('clinc150', 'gru', 256), brown = of('brown', 'lstm', 256), text = of('tinyshakespeare', 'lstm', 512), digits = of('fsdd', 'lstm', 128);
const points = (most: number | null, error = false): Want => ({ kind: 'points', most, error });

export const DEMANDS: readonly Demand[] = [
  clinc('dense', 'none', 1, { kind: 'value', least: 0.89 }),
  ...(['connection', 'g4'] as const).flatMap((kind) => [clinc('pruned', kind, 0.1, points(0, true)), clinc('pruned', kind, 0.05, points(0.3))]),
  clinc('repaired', 'connection', 0.1, { kind: 'value', least: 0.85 }), clinc('repaired', 'connection', 0.05, points(null)),
  ...(['connection', 'g4'] as const).flatMap((kind) => [gru('pruned', kind, 0.1, points(0.3)), gru('pruned', kind, 0.05, points(0.7))]),
  brown('pruned', 'connection', 0.1, points(0.2)), brown('pruned', 'connection', 0.05, points(0.5)),
  text('dense', 'none', 1, { kind: 'value', most: 2.2 }),
  text('pruned', 'g4', 0.2, { kind: 'percent', most: 0.3 }), text('pruned', 'g4', 0.2, { kind: 'rival' }),
  text('pruned', 'connection', 0.1, { kind: 'percent', most: 2 }), text('pruned', 'connection', 0.1, { kind: 'rival' }),
  text('pruned', 'connection', 0.05, { kind: 'percent', most: 5 }),
  digits('pruned', 'connection', 0.1, points(1)), digits('pruned', 'connection', 0.05, points(null)),
];

/** Mean and its standard error; null for the error of one value alone. */
export function meanOf(values: readonly number[]): { readonly mean: number; readonly error: number | null } {
  const n = values.length, mean = values.reduce((sum, value) => sum + value, 0) / n;
  return { mean, error: n < 2 ? null : Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1) / n) };
}

export interface Verdict {
  readonly demand: Demand;
  /** In words. */
  readonly wanted: string;
  readonly found: string;
  /** Rows that it rests on. */
  readonly rows: number;
  /** Null where nothing is measured yet, or nothing is demanded. */
  readonly met: boolean | null;
}

const show = (value: number, digits = 2): string => value.toFixed(digits);
const withError = ({ mean, error }: ReturnType<typeof meanOf>, unit: string, digits = 2): string => `${show(mean, digits)}${error === null ? '' : ` ± ${show(error, digits)}`}${unit}`;

const inSame = (a: Pick<Demand, 'task' | 'cell'>, b: Pick<Demand, 'task' | 'cell'>): boolean => a.task === b.task && a.cell === b.cell;

/** The small dense rows that a sparse one is held against. */
export function rivalsOf(rows: readonly PruneRow[], widths: readonly EqualWidth[], { granularity, density, ...rest }: Pick<Demand, 'task' | 'cell' | 'granularity' | 'density'>): readonly PruneRow[] {
  const hidden = widths.find((width) => width.granularity === granularity && width.density === density)?.hidden;
  return rows.filter((row) => inSame(row, rest) && (row.method === 'small' || row.method === 'small-taught') && row.hidden === hidden);
}

/** @param widths of the task and cell of the demand */
export function verdictOf(demand: Demand, rows: readonly PruneRow[], widths: readonly EqualWidth[]): Verdict {
  const { method, granularity, density, want, hidden } = demand;
  const own = rows.filter((row) => inSame(row, demand) && row.method === method && row.granularity === granularity && row.density === density && row.hidden === hidden && row.criterion !== 'random' && (method !== 'repaired' || row.criterion === 'fisher'));
  const lost = own.filter(({ dense }) => dense !== null);
  const verdict = (wanted: string, found: string, met: boolean | null): Verdict => ({ demand, wanted, found: own.length === 0 ? 'not run yet' : found, rows: own.length, met: own.length === 0 ? null : met });
  if (want.kind === 'value') {
    const value = meanOf(own.map((row) => row.value)), percent = own[0]?.metric === 'accuracy';
    const text = percent ? withError({ mean: 100 * value.mean, error: value.error === null ? null : 100 * value.error }, ' %') : withError(value, ' bits', 4);
    return verdict(want.least !== undefined ? `at least ${show(100 * want.least, 0)} %` : `at most ${want.most} bits`, text, want.least !== undefined ? value.mean >= want.least : value.mean <= want.most!);
  }
  if (want.kind === 'points') {
    const loss = meanOf(lost.map((row) => 100 * (row.dense! - row.value))), { most, error } = want;
    const met = most === null ? null : error === true ? loss.mean <= most + (loss.error ?? 0) : loss.mean <= most;
    return verdict(most === null ? 'report' : `at most ${show(most, 1)} points lost${error === true ? ' + its standard error' : ''}`, withError(loss, ' points lost'), met);
  }
  if (want.kind === 'percent') {
    const worse = meanOf(lost.map((row) => 100 * (row.value / row.dense! - 1)));
    return verdict(`at most ${want.most} % worse`, withError(worse, ' % worse'), worse.mean <= want.most);
  }
  const rivals = rivalsOf(rows, widths, demand), bits = own[0]?.metric === 'bits', mine = meanOf(own.map((row) => row.value)).mean;
  if (rivals.length === 0) return verdict('better than the small dense network of equal speed', 'the rival is not run yet', null);
  const best = bits ? Math.min(...rivals.map((row) => row.value)) : Math.max(...rivals.map((row) => row.value));
  return verdict('better than the small dense network of equal speed', `${show(mine, 4)} against ${show(best, 4)} (${rivals[0]!.hidden} units)`, bits ? mine < best : mine > best);
}
