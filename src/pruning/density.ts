import type { LayerMask, ModelShape } from '../model/shape.ts';
import { aliveOf } from '../model/mask.ts';
import { layerAt } from './systems.ts';

/** Density of a layer in parts: of its connections from the inputs, and of those from the state. */
export function layerDensity(shape: ModelShape, mask: LayerMask, index = 0): { readonly inputs: number; readonly state: number } {
  const { inputs, units, sources } = layerAt(shape, index), border = inputs * units;
  return {
    inputs: aliveOf(mask.subarray(0, border)) / border,
    state: aliveOf(mask.subarray(border)) / (sources * units - border),
  };
}
