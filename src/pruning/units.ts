/**
 * Unit surgery: a network of some of the units of another, in any order.
 *
 * A unit goes with all that is its own (its gates, biases, h and c) and with all that enters and leaves it, in every
 * layer, in both directions and in the output layer. What is left is the network in which nobody reads the units that
 * went, not an approximation of it: the sums are the same but for the order of their terms. A selection of all units in
 * another order is a permutation, undone at the borders (rows of the readers, columns of the embedding), so that the
 * network computes what it did. What the readers lose is for reconstruction to make up, before the surgery (`unitMask`).
 */
import { EspalierError } from '../errors.ts';
import type { LayerMask, LayerShape, LayerWeights, Mask, ModelShape, Weights } from '../model/shape.ts';
import { directionsOf, layerShapes } from '../model/shape.ts';

export interface Masked { readonly shape: ModelShape; readonly weights: Weights; readonly mask: Mask }

export interface Selection {
  /** Columns of the embedding that stay, in their new order; null leaves them. Frames keep theirs: their producer sends them. */
  readonly inputs: Int32Array | null;
  /** Units that stay, in their new order, for each layer as in `Weights.layers`; both directions of a layer keep as many. */
  readonly units: readonly Int32Array[];
}

export interface Selected extends Masked {
  /** For each unit of the new network, all layers one after the other, the unit of the old one that it was: the map of `carryState`. */
  readonly stateMap: Int32Array;
}

const range = (length: number, from = 0): Int32Array => Int32Array.from({ length }, (_, at) => from + at);

/** Everything, as it stands. */
export const wholeSelection = (shape: ModelShape): Selection => ({ inputs: null, units: layerShapes(shape).map(({ units }) => range(units)) });

function refuse(what: string): never { throw new EspalierError('shape-unsupported', what); }

/** Indices below a bound, each at most once, at least one. Calls `refuse`. */
function checkIndices(indices: Int32Array, below: number, what: string): void {
  if (indices.length === 0) refuse(`${what}: at least one has to stay`);
  if (new Set(indices).size !== indices.length || indices.some((at) => at < 0 || at >= below)) refuse(`${what}: not indices below ${below}, each once`);
}

function checkSelection(shape: ModelShape, { inputs, units }: Selection): void {
  const layers = layerShapes(shape), directions = directionsOf(shape);
  if (units.length !== layers.length) refuse(`units of ${units.length} layers are selected, the network has ${layers.length}`);
  for (const { index, units: all } of layers) {
    checkIndices(units[index]!, all, `units of layer ${index}`);
    const first = units[index - index % directions]!;
    if (units[index]!.length !== first.length) refuse(`both directions of a layer keep as many units, not ${first.length} and ${units[index]!.length}`);
  }
  if (inputs === null) return;
  if (shape.vocabulary === 0) refuse('the numbers of a frame cannot be selected');
  checkIndices(inputs, shape.inputs, 'columns of the embedding');
}

/** Old places of what a layer reads from the layer below (or the output from the last), [forward; backward]. */
function readFrom(shape: ModelShape, units: readonly Int32Array[], layer: number): Int32Array {
  const directions = directionsOf(shape), width = shape.layers[layer]!;
  return Int32Array.from(Array.from({ length: directions }, (_, direction) => [...units[directions * layer + direction]!.map((unit) => direction * width + unit)]).flat());
}

/** Old sources of a layer in their new order. */
function sourcesOf(shape: ModelShape, { inputs, units }: Selection, { index, layer, inputs: width }: LayerShape): Int32Array {
  const below = layer > 0 ? readFrom(shape, units, layer - 1) : inputs ?? range(width);
  return Int32Array.from([...below, ...units[index]!.map((unit) => width + unit)]);
}

/** Rows and columns of a matrix [rows, width] in a new order. */
function pick<T extends Float32Array | Float64Array | Uint8Array>(make: (length: number) => T, matrix: T, width: number, rows: Int32Array, columns: Int32Array): T {
  const picked = make(rows.length * columns.length);
  rows.forEach((row, r) => { columns.forEach((column, c) => { picked[r * columns.length + c] = matrix[row * width + column]!; }); });
  return picked;
}
const floats = (length: number): Float32Array => new Float32Array(length);

function selectLayer(layer: LayerWeights, { units, gates }: LayerShape, sources: Int32Array, kept: Int32Array): LayerWeights {
  const columns = Int32Array.from(Array.from({ length: gates }, (_, gate) => [...kept.map((unit) => gate * units + unit)]).flat());
  const only = Int32Array.of(0), width = gates * units;
  return {
    kernel: pick(floats, layer.kernel, width, sources, columns), bias: pick(floats, layer.bias, width, only, columns),
    ...(layer.recurrentBias === undefined ? {} : { recurrentBias: pick(floats, layer.recurrentBias, width, only, columns) }),
  };
}

/** The network of the selected units and embedding columns. Throws shape-unsupported for a selection that is none of this network. */
export function selectUnits({ shape, weights, mask }: Masked, selection: Selection): Selected {
  checkSelection(shape, selection);
  const { inputs, units } = selection, layers = layerShapes(shape), directions = directionsOf(shape);
  const sources = layers.map((of) => sourcesOf(shape, selection, of));
  let start = 0;
  const starts = layers.map(({ units: all }) => (start += all) - all);
  return {
    shape: { ...shape, inputs: inputs?.length ?? shape.inputs, layers: shape.layers.map((_, layer) => units[directions * layer]!.length) },
    weights: {
      embedding: inputs === null ? Float32Array.from(weights.embedding) : pick(floats, weights.embedding, shape.inputs, range(shape.vocabulary), inputs),
      layers: layers.map((of) => selectLayer(weights.layers[of.index]!, of, sources[of.index]!, units[of.index]!)),
      output: pick(floats, weights.output, shape.outputs, readFrom(shape, units, shape.layers.length - 1), range(shape.outputs)),
      outputBias: Float32Array.from(weights.outputBias),
    },
    mask: layers.map((of): LayerMask => pick((length) => new Uint8Array(length), mask[of.index]!, of.units, sources[of.index]!, units[of.index]!)),
    stateMap: Int32Array.from(layers.flatMap(({ index }) => [...units[index]!.map((unit) => starts[index]! + unit)])),
  };
}

/** The saliencies [sources, units] of a network as those of the selected one. Throws shape-unsupported. */
export function selectScores(shape: ModelShape, scores: readonly Float64Array[], selection: Selection): readonly Float64Array[] {
  checkSelection(shape, selection);
  return layerShapes(shape).map((of) => pick((length) => new Float64Array(length), scores[of.index]!, of.units, sourcesOf(shape, selection, of), selection.units[of.index]!));
}

/**
 * The mask of the network before the surgery, in which nothing enters or leaves what is to go: what reconstruction makes
 * up for under it stays right when the units are removed.
 */
export function unitMask(shape: ModelShape, mask: Mask, selection: Selection): Mask {
  checkSelection(shape, selection);
  return layerShapes(shape).map((of) => {
    const held = mask[of.index]!, kept = new Uint8Array(held.length);
    for (const k of sourcesOf(shape, selection, of)) for (const j of selection.units[of.index]!) kept[k * of.units + j] = held[k * of.units + j]!;
    return kept;
  });
}

/** The rows [features] of the output layer that stay: 1, or 0 for a unit that goes. */
export function outputMask(shape: ModelShape, { units }: Selection): Uint8Array {
  const kept = new Uint8Array(directionsOf(shape) * shape.layers.at(-1)!);
  for (const row of readFrom(shape, units, shape.layers.length - 1)) kept[row] = 1;
  return kept;
}
