/**
 * An order of units and embedding columns in which what survives lies together: before a cut in groups of four, sources
 * that matter to the same units become neighbours. `selectUnits` undoes it at the borders, so the network computes the same.
 */
import type { ModelShape } from '../model/shape.ts';
import { directionsOf, layerShapes } from '../model/shape.ts';
import { choose } from './choose.ts';
import { GROUP } from './groups.ts';
import type { Selection } from './units.ts';
import { selectScores, wholeSelection } from './units.ts';

/** Squared saliencies of a source to all who read it: rows of the layers that do, side by side, [n, width]. */
function patternsOf(n: number, readers: readonly { readonly scores: Float64Array; readonly units: number; readonly from: number }[]): readonly Float64Array[] {
  return Array.from({ length: n }, (_, k) => Float64Array.from(readers.flatMap(({ scores, units, from }) =>
    Array.from(scores.subarray((from + k) * units, (from + k + 1) * units), (score) => (score === -Infinity ? 0 : score * score)))));
}

const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += a[at]! * b[at]!;
  return sum;
}

/**
 * Greedy groups of four: the most salient source that is left, then three times the one whose pattern overlaps most with
 * what is together already. The `first` least salient ones go ahead: they share a group with what stands before.
 */
function ordered(patterns: readonly Float64Array[], first: number): Int32Array {
  const bySum = [...patterns.keys()].sort((a, b) => total(patterns[a]!) - total(patterns[b]!) || a - b);
  const order = bySum.splice(0, Math.min(first, bySum.length));
  while (bySum.length > 0) {
    const seed = bySum.pop()!, together = Float64Array.from(patterns[seed]!);
    order.push(seed);
    for (let member = 1; member < GROUP && bySum.length > 0; member++) {
      let best = bySum.length - 1, most = -1;
      for (let at = bySum.length - 1; at >= 0; at--) {
        const overlap = dot(together, patterns[bySum[at]!]!);
        if (overlap > most) { most = overlap; best = at; }
      }
      const [taken] = bySum.splice(best, 1);
      patterns[taken!]!.forEach((value, at) => { together[at]! += value; });
      order.push(taken!);
    }
  }
  return Int32Array.from(order);
}

/** Σ squared saliencies that a cut to this density in groups of four leaves. */
function left(shape: ModelShape, scores: readonly Float64Array[], density: number): number {
  return layerShapes(shape).reduce((sum, { index, sources, units }) => {
    const own = scores[index]!, mask = Uint8Array.from(own, (score) => (score > -Infinity ? 1 : 0));
    choose({ scores: own, mask, sources, units, density, scope: 'layer', granularity: 'g4' }).forEach((bit, at) => { if (bit === 1) sum += own[at]! ** 2; });
    return sum;
  }, 0);
}

/**
 * The order for these saliencies; the one that stands where no more saliency would survive in the other.
 * @param density of the cut that it is for
 */
export function orderForGroups(shape: ModelShape, scores: readonly Float64Array[], density: number): Selection {
  const layers = layerShapes(shape), directions = directionsOf(shape), whole = wholeSelection(shape);
  const first = layers.filter(({ layer }) => layer === 0).map(({ index, units }) => ({ scores: scores[index]!, units, from: 0 }));
  const order: Selection = {
    inputs: shape.vocabulary === 0 ? null : ordered(patternsOf(shape.inputs, first), 0),
    units: layers.map(({ index, layer, inputs, units }) => {
      const above = layers.filter((reader) => reader.layer === layer + 1).map((reader) => ({ scores: scores[reader.index]!, units: reader.units, from: (index % directions) * units }));
      return ordered(patternsOf(units, [{ scores: scores[index]!, units, from: inputs }, ...above]), (GROUP - inputs % GROUP) % GROUP);
    }),
  };
  return left(shape, selectScores(shape, scores, order), density) > left(shape, scores, density) ? order : whole;
}
