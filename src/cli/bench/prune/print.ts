/** The rows and the demands as tables. */
import { out, table } from '../../print.ts';
import { DEMANDS, meanOf, verdictOf } from './demands.ts';
import type { PruneFile, PruneRow } from './row.ts';

const share = (metric: PruneRow['metric'], value: number): string => (metric === 'bits' ? value.toFixed(4) : (100 * value).toFixed(2));

/** One line for each method, criterion, granularity and density of a task: means over seeds and parts, and the standard error of what was lost. */
export function summaryOf(rows: readonly PruneRow[]): readonly (readonly string[])[] {
  const groups = new Map<string, PruneRow[]>();
  for (const row of rows) {
    const key = [row.task, row.cell, row.method, row.hidden, row.criterion, row.granularity, row.density].join('|');
    groups.set(key, [...groups.get(key) ?? [], row]);
  }
  return [...groups.values()].map((group) => {
    const { task, cell, method, criterion, granularity, density, metric, layers, engine } = group[0]!, known = group.filter(({ dense }) => dense !== null);
    const lost = known.length === 0 ? null : meanOf(known.map(({ value, dense }) => (metric === 'bits' ? 100 * (value / dense! - 1) : 100 * (dense! - value))));
    const random = group.filter((row) => row.random !== null && row.criterion !== 'random');
    const mean = (of: (row: PruneRow) => number): number => meanOf(group.map(of)).mean;
    return [
      task, cell, method, criterion ?? '-', granularity === 'none' ? '-' : granularity, String(Number(density.toFixed(3))), layers.join('+'), String(group.length), share(metric, mean((row) => row.value)),
      lost === null || method === 'dense' ? '-' : `${lost.mean.toFixed(2)}${lost.error === null ? '' : ` ± ${lost.error.toFixed(2)}`}${metric === 'bits' ? ' %' : ''}`,
      random.length === 0 ? '-' : share(metric, meanOf(random.map((row) => row.random!)).mean), (100 * mean((row) => row.agreement)).toFixed(1), `${(mean((row) => row.laneStepsPerSecond) / 1e6).toFixed(3)} M ${engine}`, mean((row) => row.seconds).toFixed(0),
    ];
  });
}

export function printFile({ rows, widths }: PruneFile): void {
  if (rows.length > 0) out(table(['task', 'cell', 'method', 'criterion', 'what goes', 'density', 'units', 'n', 'value', 'lost', 'random', 'agree %', 'lane-steps/s', 'CPU s'], summaryOf(rows)));
  const verdicts = DEMANDS.map((demand) => verdictOf(demand, rows, widths[`${demand.task}|${demand.cell}|${demand.hidden}`] ?? []));
  out('');
  out(table(['task', 'cell', 'method', 'what goes', 'density', 'wanted', 'found', 'n', 'met'], verdicts.map(({ demand: { task, cell, method, granularity, density }, wanted, found, rows: n, met }) =>
    [task, cell, method, granularity === 'none' ? '-' : granularity, String(density), wanted, found, String(n), met === null ? '-' : met ? 'met' : 'NOT MET'])));
}
