/**
 * Layer surgery: a whole layer of a stack goes, and its readers read what it read, through the linear map that comes
 * nearest to it. Exact where the layer is linear in its inputs; what it remembered is gone, and is for training to make up.
 */
import { EspalierError, assert } from '../errors.ts';
import type { LayerMask, LayerWeights, ModelShape } from '../model/shape.ts';
import { directionsOf, layerShapes } from '../model/shape.ts';
import { factorize, solveFactored } from './cholesky.ts';
import { addRidge } from './ridge.ts';
import type { Masked, Selected } from './units.ts';

/** y = kernelᵀ x + bias: what a layer says (of both directions), from what it reads at the same step. */
export interface LinearMap {
  /** [inputs, width] */
  readonly kernel: Float64Array;
  /** [width] */
  readonly bias: Float64Array;
}

/**
 * The map with the smallest E‖y − kernelᵀ x − bias‖² + λ‖kernel‖², λ = ridge · trace / n.
 * @param second E[a aᵀ] of a = [x; 1], [inputs + 1, inputs + 1] @param cross E[a yᵀ], [inputs + 1, width]
 * Throws evidence-invalid where the moments are not positive definite.
 */
export function fitMap(second: Float64Array, cross: Float64Array, inputs: number, ridge = 1e-4): LinearMap {
  const size = inputs + 1, width = cross.length / size;
  assert(second.length === size * size && Number.isInteger(width), 'second is [inputs + 1, inputs + 1], cross [inputs + 1, width]');
  const matrix = Float64Array.from(second), solution = Float64Array.from(cross);
  addRidge(matrix, size, ridge);
  if (!factorize(matrix, size)) throw new EspalierError('evidence-invalid', 'The second moments are not positive definite.');
  solveFactored(matrix, size, solution, width);
  return { kernel: solution.slice(0, inputs * width), bias: solution.slice(inputs * width) };
}

/** Rows of a matrix [width, columns] read through the map: [inputs, columns], and what is added to the bias [columns]. */
function through({ kernel, bias }: LinearMap, rows: Float32Array, columns: number): { readonly rows: Float32Array; readonly bias: Float64Array } {
  const width = bias.length, inputs = kernel.length / width, mapped = new Float64Array(inputs * columns), added = new Float64Array(columns);
  for (let y = 0; y < width; y++) {
    for (let column = 0; column < columns; column++) {
      const weight = rows[y * columns + column]!;
      if (weight === 0) continue;
      added[column]! += bias[y]! * weight;
      for (let x = 0; x < inputs; x++) mapped[x * columns + column]! += kernel[x * width + y]! * weight;
    }
  }
  return { rows: Float32Array.from(mapped), bias: added };
}

const plus = (bias: Float32Array, added: Float64Array): Float32Array => bias.map((value, at) => value + added[at]!);

/** A reader of the layer that goes: its input rows become those through the map; a unit that listened to any of them listens to all. */
function joined(layer: LayerWeights, mask: LayerMask, map: LinearMap, units: number): { readonly layer: LayerWeights; readonly mask: LayerMask } {
  const width = map.bias.length, inputs = map.kernel.length / width, columns = layer.bias.length;
  const { rows, bias } = through(map, layer.kernel.subarray(0, width * columns), columns);
  const listens = Uint8Array.from({ length: units }, (_, j) => (Array.from({ length: width }, (__, k) => mask[k * units + j]!).includes(1) ? 1 : 0));
  const kernel = new Float32Array(inputs * columns + layer.kernel.length - width * columns), kept = new Uint8Array(inputs * units + mask.length - width * units);
  kernel.set(rows);
  kernel.set(layer.kernel.subarray(width * columns), inputs * columns);
  for (let k = 0; k < inputs; k++) kept.set(listens, k * units);
  kept.set(mask.subarray(width * units), inputs * units);
  return { layer: { ...layer, kernel, bias: plus(layer.bias, bias) }, mask: kept };
}

/** Whether a layer can be removed: not the only one, and not the last one of a network that reads both ways, whose output reads two different steps. */
export const removable = (shape: ModelShape, layer: number): boolean => shape.layers.length > 1 && (directionsOf(shape) === 1 || layer < shape.layers.length - 1);

/** The network without a layer (both directions of it). Throws shape-unsupported where it is not `removable`. */
export function removeLayer({ shape, weights, mask }: Masked, layer: number, map: LinearMap): Selected {
  if (!removable(shape, layer)) throw new EspalierError('shape-unsupported', `Layer ${layer} of ${shape.layers.length} cannot be removed.`);
  const directions = directionsOf(shape), layers = layerShapes(shape), last = layer === shape.layers.length - 1;
  assert(map.bias.length === directions * shape.layers[layer]! && map.kernel.length === map.bias.length * layers[directions * layer]!.inputs, 'the map is that of the layer');
  let start = 0;
  const kept = layers.map((of) => ({ of, start: (start += of.units) - of.units })).filter(({ of }) => of.layer !== layer);
  const parts = kept.map(({ of: { index, units, layer: own } }) => (own === layer + 1 ? joined(weights.layers[index]!, mask[index]!, map, units) : { layer: weights.layers[index]!, mask: mask[index]! }));
  const output = last ? through(map, weights.output, shape.outputs) : null;
  return {
    shape: { ...shape, layers: shape.layers.filter((_, at) => at !== layer) },
    weights: {
      ...weights, layers: parts.map((part) => part.layer),
      ...(output === null ? {} : { output: output.rows, outputBias: plus(weights.outputBias, output.bias) }),
    },
    mask: parts.map((part) => part.mask),
    stateMap: Int32Array.from(kept.flatMap(({ of, start: from }) => Array.from({ length: of.units }, (_, unit) => from + unit))),
  };
}
