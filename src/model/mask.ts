/** Masks of connections: which are alive. A connection k → j is all its gate weights together. */
import type { LayerMask, LayerWeights, Mask, ModelShape, Weights } from './shape.ts';
import { layerShapes } from './shape.ts';

/** Every connection alive. */
export const fullMask = (shape: ModelShape): Mask => layerShapes(shape).map(({ sources, units }) => new Uint8Array(sources * units).fill(1));

/** Number of connections alive. */
export function aliveOf(mask: LayerMask): number {
  let alive = 0;
  for (const bit of mask) alive += bit;
  return alive;
}

/** Alive connections divided by all, over all layers. */
export function densityOfMask(mask: Mask): number {
  let alive = 0, all = 0;
  for (const layer of mask) { alive += aliveOf(layer); all += layer.length; }
  return all === 0 ? 1 : alive / all;
}

/** A copy of the weights in which dead connections are exactly zero. */
export function maskLayer(layer: LayerWeights, mask: LayerMask, units: number): LayerWeights {
  const kernel = Float32Array.from(layer.kernel), gates = kernel.length / mask.length;
  for (let at = 0; at < mask.length; at++) {
    if (mask[at] === 1) continue;
    const row = Math.floor(at / units) * gates * units, j = at % units;
    for (let gate = 0; gate < gates; gate++) kernel[row + gate * units + j] = 0;
  }
  return { ...layer, kernel, bias: Float32Array.from(layer.bias) };
}

/** A copy of all weights with the dead connections of every layer exactly zero. */
export const maskWeights = (shape: ModelShape, weights: Weights, mask: Mask): Weights =>
  ({ ...weights, layers: layerShapes(shape).map(({ index, units }) => maskLayer(weights.layers[index]!, mask[index]!, units)) });
