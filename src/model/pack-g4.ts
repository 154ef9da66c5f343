/**
 * A quantised model in groups of four for the kernel: four consecutive sources into one unit, with all its gates.
 *
 * Inputs and states begin with a row of four of their own, and so do the two directions that a layer reads; what is left
 * over in a last row is filled up with weights of zero. Any mask can be packed, but a group is stored whole where any of
 * its connections is alive: `paddingOf` says what that costs. Sums are scaled as in pack.ts.
 */
import { assert } from '../errors.ts';
import type { QuantisedModel } from './quantise.ts';
import { sumsOf } from './quantise.ts';
import { outputScale, PADDED_BIAS, SCALES } from './pack.ts';
import type { Cell, LayerMask, LayerShape, Mask, ModelShape } from './shape.ts';
import { directionsOf, layerShapes } from './shape.ts';

const FOUR = 4;

export interface PackedG4Layer {
  readonly units: number;
  readonly inputs: number;
  /** Groups of unit j are ptr[j] to ptr[j + 1]; [units + 1]. */
  readonly ptr: Uint32Array;
  /** Row of four sources of each group, rising within a unit; [groups]. */
  readonly source: Uint32Array;
  /** [groups, gates, 4] */
  readonly values: Int8Array;
  /** [units, sums], scaled. */
  readonly bias: Float32Array;
  readonly scale: Float32Array;
}

export interface PackedG4 {
  readonly cell: Cell;
  readonly bidirectional: boolean;
  readonly vocabulary: number;
  readonly outputs: number;
  readonly layers: readonly PackedG4Layer[];
  /** Bytes 128 + a; [vocabulary, rows of inputs, 4]. */
  readonly embedding: Uint8Array;
  readonly step: number;
  /** [⌈outputs / 4⌉, rows of features, 4 classes, 4] */
  readonly output: Int8Array;
  /** [⌈outputs / 4⌉, 4] both; classes beyond `outputs` hold PADDED_BIAS. */
  readonly outputScale: Float32Array;
  readonly outputBias: Float32Array;
}

const rowsOf = (sources: number): number => Math.ceil(sources / FOUR);

/** Where the sources of consecutive parts lie, each part in rows of its own: 4 · row + place; and the number of rows. */
function places(parts: readonly number[]): { readonly place: Uint32Array; readonly rows: number } {
  const place = new Uint32Array(parts.reduce((sum, part) => sum + part, 0));
  let rows = 0, at = 0;
  for (const part of parts) {
    for (let k = 0; k < part; k++) place[at++] = FOUR * rows + k;
    rows += rowsOf(part);
  }
  return { place, rows };
}

const placesOf = (shape: ModelShape, { layer, inputs, units }: LayerShape): ReturnType<typeof places> => {
  const directions = layer === 0 ? 1 : directionsOf(shape);
  return places([...new Array<number>(directions).fill(inputs / directions), units]);
};

/** Whether each row has an alive connection into each unit, [rows, units]. */
function aliveGroups(mask: LayerMask, { place, rows }: ReturnType<typeof places>, units: number): Uint8Array {
  const alive = new Uint8Array(rows * units);
  for (let k = 0; k < place.length; k++) {
    const row = (place[k]! >> 2) * units;
    for (let j = 0; j < units; j++) alive[row + j]! |= mask[k * units + j]!;
  }
  return alive;
}

export interface Padding {
  readonly groups: number;
  /** Connections alive, and places stored for them: four a group. */
  readonly alive: number;
  readonly stored: number;
  /** Share of the stored weights that are dead; 0 where nothing is stored. */
  readonly dead: number;
}

/** What groups of four cost with this mask. */
export function paddingOf(shape: ModelShape, mask: Mask): Padding {
  let groups = 0, alive = 0;
  for (const layer of layerShapes(shape)) {
    for (const bit of mask[layer.index]!) alive += bit;
    for (const bit of aliveGroups(mask[layer.index]!, placesOf(shape, layer), layer.units)) groups += bit;
  }
  const stored = FOUR * groups;
  return { groups, alive, stored, dead: stored === 0 ? 0 : 1 - alive / stored };
}

export function packG4(model: QuantisedModel, mask: Mask): PackedG4 {
  const { shape, step } = model;
  const width = FOUR * rowsOf(shape.inputs);
  const embedding = new Uint8Array(shape.vocabulary * width).fill(128);
  model.embedding.forEach((value, at) => { embedding[Math.floor(at / shape.inputs) * width + at % shape.inputs] = 128 + value; });
  return {
    cell: shape.cell, bidirectional: shape.bidirectional === true, vocabulary: shape.vocabulary, outputs: shape.outputs,
    layers: layerShapes(shape).map((layer) => packLayer(model, layer, mask[layer.index]!)), embedding, step, ...packOutput(model),
  };
}

function packLayer({ shape, layers }: QuantisedModel, layer: LayerShape, mask: LayerMask): PackedG4Layer {
  const { units, inputs, sources, gates, index } = layer, { kernel, scale, bias } = layers[index]!;
  assert(mask.length === sources * units, 'one byte of mask for each connection');
  const where = placesOf(shape, layer), alive = aliveGroups(mask, where, units);
  const ptr = new Uint32Array(units + 1);
  alive.forEach((bit, at) => { ptr[at % units + 1]! += bit; });
  for (let j = 0; j < units; j++) ptr[j + 1]! += ptr[j]!;
  const source = new Uint32Array(ptr[units]!), values = new Int8Array(FOUR * gates * source.length);
  const next = ptr.slice(0, units), group = new Uint32Array(alive.length);
  alive.forEach((bit, at) => { if (bit === 1) source[group[at] = next[at % units]!++] = Math.floor(at / units); });
  for (let k = 0; k < sources; k++) {
    const row = (where.place[k]! >> 2) * units, place = where.place[k]! % FOUR;
    for (let j = 0; j < units; j++) {
      if (mask[k * units + j] === 0) continue;
      for (let gate = 0; gate < gates; gate++) values[FOUR * (gates * group[row + j]! + gate) + place] = kernel[(gates * k + gate) * units + j]!;
    }
  }
  const sums = sumsOf(shape.cell), factors = SCALES[shape.cell];
  const byUnit = (from: Float32Array): Float32Array => Float32Array.from({ length: from.length }, (_, at) => from[(at % sums) * units + Math.floor(at / sums)]! * factors[Math.min(at % sums, gates - 1)]!);
  return { units, inputs, ptr, source, values, bias: byUnit(bias), scale: byUnit(scale) };
}

function packOutput({ shape, output, outputScale: scales, outputBias: biases }: QuantisedModel): Pick<PackedG4, 'output' | 'outputScale' | 'outputBias'> {
  const { outputs, task } = shape, factor = outputScale(task), classes = FOUR * rowsOf(outputs);
  const { place, rows } = places(new Array<number>(directionsOf(shape)).fill(shape.layers.at(-1)!));
  const packed = new Int8Array(classes * rows * FOUR), scale = new Float32Array(classes), bias = new Float32Array(classes).fill(PADDED_BIAS);
  for (let o = 0; o < outputs; o++) {
    scale[o] = scales[o]! * factor;
    bias[o] = biases[o]! * factor;
    const block = Math.floor(o / FOUR) * rows;
    for (let k = 0; k < place.length; k++) packed[FOUR * (FOUR * (block + (place[k]! >> 2)) + (o % FOUR)) + place[k]! % FOUR] = output[k * outputs + o]!;
  }
  return { output: packed, outputScale: scale, outputBias: bias };
}
