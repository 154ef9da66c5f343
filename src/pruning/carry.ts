/** The state of a session from one model to another, at a swap. */
import { EspalierError } from '../errors.ts';
import type { ModelShape } from '../model/shape.ts';
import { unitsOf } from '../model/shape.ts';

export interface CarriedState {
  /** [units] each */
  readonly h: Float32Array;
  readonly c: Float32Array;
}

/**
 * The state (h, c) as the next model takes it over; fresh arrays. Without a map unit j goes to unit j, which is right
 * where connections were pruned and no unit was renamed.
 * @param origins for each unit of the new model the unit of the old one that it was, −1 for a new one, which starts at zero
 * Throws shape-unsupported where the numbers of units differ and no map says which is which, or the map does not fit.
 */
export function carryState(from: ModelShape, to: ModelShape, state: CarriedState, origins?: Int32Array): CarriedState {
  const old = unitsOf(from), units = unitsOf(to);
  if (state.h.length !== old || state.c.length !== old) throw new EspalierError('shape-unsupported', `A state of ${state.h.length} units does not belong to a model of ${old}.`);
  if (origins === undefined) {
    if (old !== units) throw new EspalierError('shape-unsupported', `A state of ${old} units cannot go to a model of ${units} without a map.`);
    return { h: Float32Array.from(state.h), c: Float32Array.from(state.c) };
  }
  if (origins.length !== units || origins.some((origin) => origin < -1 || origin >= old)) throw new EspalierError('shape-unsupported', 'The map of units does not fit the models.');
  const moved = (values: Float32Array): Float32Array => Float32Array.from(origins, (origin) => origin < 0 ? 0 : values[origin]!);
  return { h: moved(state.h), c: moved(state.c) };
}
