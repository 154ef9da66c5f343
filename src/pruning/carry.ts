/** The state of a session from one model to another, at a swap. */
import { EspalierError } from '../errors.ts';
import type { ModelShape } from '../model/shape.ts';
import { stateLengths } from '../model/shape.ts';

export interface CarriedState {
  /** [units of all layers]; c is empty but for the LSTM. */
  readonly h: Float32Array;
  readonly c: Float32Array;
}

/**
 * The state (h, c) as the next model takes it over; fresh arrays. Without a map unit j goes to unit j, which is right
 * where connections were pruned and no unit was renamed.
 * @param origins for each unit of the new model (all layers one after the other) the unit of the old one that it was, −1 for a new one, which starts at zero
 * Throws shape-unsupported where the numbers of units differ and no map says which is which, or the map does not fit.
 */
export function carryState(from: ModelShape, to: ModelShape, state: CarriedState, origins?: Int32Array): CarriedState {
  const lengths = stateLengths(from), old = lengths.h, units = stateLengths(to).h;
  if (lengths.c > 0 !== stateLengths(to).c > 0) throw new EspalierError('shape-unsupported', `The state of a cell ${from.cell} is none of a cell ${to.cell}.`);
  if (state.h.length !== old || state.c.length !== lengths.c) throw new EspalierError('shape-unsupported', `A state of ${state.h.length} units does not belong to a model of ${old}.`);
  if (origins === undefined) {
    if (old !== units) throw new EspalierError('shape-unsupported', `A state of ${old} units cannot go to a model of ${units} without a map.`);
    return { h: Float32Array.from(state.h), c: Float32Array.from(state.c) };
  }
  if (origins.length !== units || origins.some((origin) => origin < -1 || origin >= old)) throw new EspalierError('shape-unsupported', 'The map of units does not fit the models.');
  const moved = (values: Float32Array): Float32Array => Float32Array.from(origins, (origin) => origin < 0 ? 0 : values[origin]!);
  return { h: moved(state.h), c: lengths.c > 0 ? moved(state.c) : new Float32Array(0) };
}

/** The map of the way back: for each of `units` units of the parent the unit of the child that it became, −1 where it went. */
export function backwards(origins: readonly number[], units: number): Int32Array {
  const back = new Int32Array(units).fill(-1);
  origins.forEach((origin, unit) => { if (origin < units) back[origin] = unit; });
  return back;
}
