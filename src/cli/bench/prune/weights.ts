/** Single weights: what goes one number at a time, for storage; a connection lives while one of its gate weights does. */
import type { Mask, Weights } from '../../../model/shape.ts';
import { layerShapes } from '../../../model/shape.ts';
import type { Network } from '../../../tuning/parameters.ts';

/** The largest weights of all recurrent kernels stay (Han et al. 2015); masks are as long as the kernels, [sources, G · units]. */
export function smallestWeights({ weights }: Network, density: number): { readonly mask: Mask; readonly weights: Weights } {
  const sizes = Float32Array.from(weights.layers.flatMap(({ kernel }) => [...kernel.map(Math.abs)])).sort(), least = sizes[sizes.length - Math.round(density * sizes.length)] ?? Infinity;
  const mask = weights.layers.map(({ kernel }) => Uint8Array.from(kernel, (weight) => (weight !== 0 && Math.abs(weight) >= least ? 1 : 0)));
  return { mask, weights: { ...weights, layers: weights.layers.map((layer, index) => ({ ...layer, kernel: layer.kernel.map((weight, at) => (mask[index]![at] === 1 ? weight : 0)) })) } };
}

/** The connections of which any weight is left, [sources, units] for each layer. */
export const aliveConnections = ({ shape, weights }: Network): Mask => layerShapes(shape).map(({ index, sources, units, gates }) => {
  const { kernel } = weights.layers[index]!, mask = new Uint8Array(sources * units);
  kernel.forEach((weight, at) => { if (weight !== 0) mask[Math.floor(at / (gates * units)) * units + at % units] = 1; });
  return mask;
});
