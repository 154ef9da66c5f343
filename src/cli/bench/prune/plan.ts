/** Which runs a task has, the most telling ones first. Pure. */
import type { Cell } from '../../../model/shape.ts';
import type { CriterionName } from '../../../pruning/job.ts';
import type { EqualWidth, Method, Run } from './row.ts';
import type { Settings, Sparse } from './settings.ts';

/** Seed and left-out part of a run. */
export interface Place { readonly seed: number; readonly fold: string }

type Own = Pick<Run, 'method' | 'criterion' | 'granularity' | 'density'> & { readonly hidden?: number };

const pruned = ({ granularity, density }: Sparse, criterion: CriterionName): Own => ({ method: 'pruned', criterion, granularity, density });

/** The dense widths that stand beside the sparse ones, each once. */
const widthsOf = (widths: readonly EqualWidth[]): readonly number[] => [...new Set(widths.map(({ hidden }) => hidden))];

/** Stages, each of which is done for every seed and part before the next. */
export function stagesOf(settings: Settings, widths: readonly EqualWidth[]): readonly (readonly Own[])[] {
  const { sparse, random, repaired, criteria, criterion, unitCriterion, weights, hidden } = settings;
  const untrained = (method: Method): readonly Own[] => repaired.flatMap((density) => criteria.map((by): Own => ({ method, criterion: by, granularity: 'connection', density })));
  const small = (method: Method): readonly Own[] => widthsOf(widths).map((width): Own => ({ method, criterion: null, granularity: 'none', density: 1, hidden: width }));
  return [
    [{ method: 'dense', criterion: null, granularity: 'none', density: 1 }, ...sparse.map((what) => pruned(what, criterion)), ...untrained('repaired')],
    random.map((what) => pruned(what, 'random')),
    small('small'),
    [...small('small-taught'), ...widthsOf(widths).map((width): Own => ({ method: 'units', criterion: unitCriterion, granularity: 'unit', density: width / hidden })), ...weights.map((density): Own => ({ method: 'weights', criterion: 'magnitude', granularity: 'weight', density })), ...untrained('cut')],
  ];
}

/** All runs of one cell, in the order in which they are done. */
export function runsOf(settings: Settings, cell: Cell, places: readonly Place[], widths: readonly EqualWidth[]): readonly Run[] {
  return stagesOf(settings, widths).flatMap((stage) => places.flatMap(({ seed, fold }) =>
    stage.map(({ hidden, ...own }): Run => ({ task: settings.task, cell, hidden: hidden ?? settings.hidden, seed, fold, ...own }))));
}

/**
 * The engine that a run is judged and timed by: that of the sparse model that it is, or that it stands beside; fp32, as it was
 * trained, for everything else.
 */
export function engineOf({ method, hidden, granularity, density }: Pick<Run, 'method' | 'hidden' | 'granularity' | 'density'>, widths: readonly EqualWidth[]): EqualWidth['engine'] {
  if (granularity === 'g4') return widths.find((width) => width.granularity === 'g4')?.engine ?? 'fp32';
  if (method !== 'small' && method !== 'small-taught' && method !== 'units') return 'fp32';
  const units = Math.round(hidden * density), beside = widths.filter((width) => width.hidden === units);
  return beside.length > 0 && beside.every(({ engine }) => engine === 'int8') ? 'int8' : 'fp32';
}

/** Smallest width and step of a small dense network. */
const WIDTH_STEP = 8;

/**
 * The narrowest dense network, in steps of 8 units, that is not faster than a sparse model; between the widths that were
 * measured log speed goes linearly with log width. So the rival is as fast or a little slower, and as wide as that allows.
 * @param speeds lane-steps a second of dense networks, by width in rising order
 */
export function equalWidth(sparse: number, speeds: readonly { readonly hidden: number; readonly laneStepsPerSecond: number }[]): { readonly hidden: number; readonly small: number } {
  const widest = speeds.at(-1)!.hidden;
  for (let hidden = WIDTH_STEP; hidden < widest; hidden += WIDTH_STEP) {
    const small = speedAt(hidden, speeds);
    if (small <= sparse) return { hidden, small };
  }
  return { hidden: widest, small: speeds.at(-1)!.laneStepsPerSecond };
}

function speedAt(hidden: number, speeds: readonly { readonly hidden: number; readonly laneStepsPerSecond: number }[]): number {
  const at = Math.max(1, speeds.findIndex((speed) => speed.hidden >= hidden)), [low, high] = [speeds[at - 1]!, speeds[at]!];
  const share = Math.log(hidden / low.hidden) / Math.log(high.hidden / low.hidden);
  return Math.exp(Math.log(low.laneStepsPerSecond) * (1 - share) + Math.log(high.laneStepsPerSecond) * share);
}
