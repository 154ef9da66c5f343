/** What the criteria share: grouped norms, and moments that fit a layer. */
import { EspalierError } from '../errors.ts';
import type { Moments } from '../evidence/moments.ts';
import { sourcesOf, unitsOf } from '../model/shape.ts';
import type { Scoring } from './criterion.ts';

/** ‖w‖ over the four gates times a factor for each source, [sources, units]; −Infinity for dead connections unless they may regrow. */
export function scaledNorms({ shape, layer, mask, regrow = false }: Scoring, factorOf: (source: number) => number): Float64Array {
  const units = unitsOf(shape), sources = sourcesOf(shape);
  const scores = new Float64Array(sources * units);
  for (let k = 0; k < sources; k++) {
    const factor = factorOf(k);
    for (let j = 0; j < units; j++) {
      let squares = 0;
      for (let gate = 0; gate < 4; gate++) squares += layer.kernel[(4 * k + gate) * units + j]! ** 2;
      scores[k * units + j] = mask[k * units + j] === 1 || regrow ? factor * Math.sqrt(squares) : -Infinity;
    }
  }
  return scores;
}

/** The moments, if there are any and they are of a layer of this size. Throws evidence-invalid. */
export function fittingMoments({ shape, moments }: Pick<Scoring, 'shape' | 'moments'>): Moments {
  const size = sourcesOf(shape) + 1;
  if (moments === null || moments.vectors === 0) throw new EspalierError('evidence-invalid', 'There are no moments.');
  if (moments.size !== size) throw new EspalierError('evidence-invalid', `The moments are of ${moments.size} sources, the layer has ${size} (with the constant).`);
  return moments;
}
