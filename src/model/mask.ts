/** Masks of connections: which are alive. A connection k → j is all four gate weights together. */
import type { LayerMask, LayerWeights, Mask, ModelShape } from './shape.ts';
import { sourcesOf, unitsOf } from './shape.ts';

/** Every connection alive. */
export const fullMask = (shape: ModelShape): Mask => [new Uint8Array(sourcesOf(shape) * unitsOf(shape)).fill(1)];

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
  const kernel = Float32Array.from(layer.kernel);
  for (let at = 0; at < mask.length; at++) {
    if (mask[at] === 1) continue;
    const row = Math.floor(at / units) * 4 * units, j = at % units;
    for (let gate = 0; gate < 4; gate++) kernel[row + gate * units + j] = 0;
  }
  return { kernel, bias: Float32Array.from(layer.bias) };
}
