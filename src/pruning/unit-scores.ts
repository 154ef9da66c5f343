/** Which units stay: from the saliencies of the connections that leave them. */
import { EspalierError, assert } from '../errors.ts';
import type { ModelShape, Weights } from '../model/shape.ts';
import { directionsOf, layerShapes } from '../model/shape.ts';
import { factorize, inverseDiagonal } from './cholesky.ts';
import type { CriterionName, RankingScope } from './job.ts';
import { addRidge } from './ridge.ts';

/** λ of the inverse as a share of the mean second moment, as in the criterion obs. */
const DAMPING = 1e-4;

/**
 * Saliency of the rows of the output layer, [features]: the norm of the row times what the criterion says of the source.
 * obs: 1 / √((E[b bᵀ] + λI)⁻¹_kk), activity: √E[b_k²], random: drawn; all others: the norm alone.
 * @param second E[b bᵀ] of what the output layer reads, [features + 1, features + 1]; null where the criterion needs none
 * Throws evidence-invalid where moments are needed and there are none.
 */
export function outputScores(criterion: CriterionName, { output, outputBias }: Pick<Weights, 'output' | 'outputBias'>, second: Float64Array | null, random: () => number): Float64Array {
  const outputs = outputBias.length, features = output.length / outputs, size = features + 1;
  const norms = Float64Array.from({ length: features }, (_, k) => Math.hypot(...output.subarray(k * outputs, (k + 1) * outputs)));
  if (criterion === 'random') return norms.map(() => random());
  if (criterion !== 'activity' && criterion !== 'obs') return norms;
  if (second?.length !== size * size || !(second.at(-1)! > 0)) throw new EspalierError('evidence-invalid', 'There are no moments of what the output layer reads.');
  if (criterion === 'activity') return norms.map((norm, k) => norm * Math.sqrt(second[k * size + k]!));
  const block = Float64Array.from(second);
  addRidge(block, size, DAMPING);
  if (!factorize(block, size)) throw new EspalierError('evidence-invalid', 'The second moments are not positive definite.');
  const diagonal = inverseDiagonal(block, size);
  return norms.map((norm, k) => norm / Math.sqrt(diagonal[k]!));
}

/** Σ_j s_kj² of each source of a layer as a share of the sum over all, [sources]; dead connections count nothing. */
function shares(scores: Float64Array, units: number): Float64Array {
  const rows = new Float64Array(scores.length / units);
  let total = 0;
  for (let at = 0; at < scores.length; at++) {
    if (scores[at]! === -Infinity) continue;
    const square = scores[at]! ** 2;
    rows[Math.floor(at / units)]! += square;
    total += square;
  }
  return total > 0 ? rows.map((row) => row / total) : rows;
}

/**
 * Saliency of every unit, [units] for each layer: the root of the sum over its readers (its own layer, the layers that
 * read it, or the output) of the squared saliencies of its connections, each as a share of all that the reader has. With
 * obs the squares are exactly what the least-squares errors of the reader's units grow by together when the unit goes:
 * they share the matrix, so the group score w_gᵀ [(G + λI)⁻¹]_gg⁻¹ w_g of one source is the sum over its connections.
 * What enters the unit is not asked: a unit that hardly varies shows that in its moments.
 * @param scores of the connections, for each layer @param output of the rows of the output layer
 */
export function unitScores(shape: ModelShape, scores: readonly Float64Array[], output: Float64Array): readonly Float64Array[] {
  const layers = layerShapes(shape), directions = directionsOf(shape), rows = layers.map(({ index, units }) => shares(scores[index]!, units)), last = shares(output, 1);
  return layers.map(({ index, layer, inputs, units }) => Float64Array.from({ length: units }, (_, unit) => {
    const place = (index % directions) * units + unit;
    const above = layer === shape.layers.length - 1 ? last[place]! : layers.reduce((sum, reader) => sum + (reader.layer === layer + 1 ? rows[reader.index]![place]! : 0), 0);
    return Math.sqrt(rows[index]![inputs + unit]! + above);
  }));
}

/** The same for the inputs of the first layer, [inputs]. */
export function inputScores(shape: ModelShape, scores: readonly Float64Array[]): Float64Array {
  const rows = layerShapes(shape).filter(({ layer }) => layer === 0).map(({ index, units }) => shares(scores[index]!, units));
  return Float64Array.from({ length: shape.inputs }, (_, k) => Math.sqrt(rows.reduce((sum, row) => sum + row[k]!, 0)));
}

/** Places of the highest scores, in rising order of place; ties go to the lower place. */
export const bestPlaces = (scores: Float64Array, count: number): Int32Array =>
  Int32Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b).slice(0, count).sort();

/**
 * The units that stay, for each layer in rising order: round(density · units) of the network, at least one of each layer
 * and direction. The scopes network and sensitivity rank the layers together, each score relative to the mean of its layer (the r-th best of
 * both directions as one, since they keep as many); the others give each layer the same share.
 */
export function chooseUnits(shape: ModelShape, scores: readonly Float64Array[], { density, scope }: { readonly density: number; readonly scope: RankingScope }): readonly Int32Array[] {
  assert(density >= 0 && density <= 1 && scores.every((layer) => layer.every(Number.isFinite)), 'density lies in 0 to 1, scores are finite');
  const directions = directionsOf(shape);
  const counts = scope === 'network' || scope === 'sensitivity' ? countsTogether(shape, scores, density) : shape.layers.map((units) => Math.max(1, Math.round(density * units)));
  return scores.map((layer, index) => bestPlaces(layer, counts[Math.floor(index / directions)]!));
}

function countsTogether(shape: ModelShape, scores: readonly Float64Array[], density: number): readonly number[] {
  const directions = directionsOf(shape), all = shape.layers.reduce((sum, units) => sum + units, 0);
  const ranked = shape.layers.flatMap((units, layer) => {
    const own = scores.slice(directions * layer, directions * (layer + 1)).map((values) => Float64Array.from(values).sort().reverse());
    const mean = own.reduce((sum, values) => sum + values.reduce((part, value) => part + value, 0), 0) / (directions * units);
    // The best of each layer comes first of all: no layer may vanish by units.
    return Array.from({ length: units }, (_, rank) => ({ layer, score: rank === 0 ? Infinity : own.reduce((sum, values) => sum + values[rank]!, 0) / (mean > 0 ? mean : 1) }));
  });
  const counts = shape.layers.map(() => 0);
  for (const { layer } of ranked.sort((a, b) => b.score - a.score || a.layer - b.layer).slice(0, Math.max(shape.layers.length, Math.round(density * all)))) counts[layer]!++;
  return counts;
}
