import type { LayerMask, ModelShape } from '../model/shape.ts';
import { aliveOf } from '../model/mask.ts';
import { sourcesOf, unitsOf } from '../model/shape.ts';

/** Density of a layer in parts: of its connections from the inputs, and of those from the state. */
export function layerDensity(shape: ModelShape, mask: LayerMask): { readonly inputs: number; readonly state: number } {
  const units = unitsOf(shape), border = shape.inputs * units;
  return {
    inputs: aliveOf(mask.subarray(0, border)) / border,
    state: aliveOf(mask.subarray(border)) / (sourcesOf(shape) * units - border),
  };
}
