/** What the criteria share: grouped norms, and moments that fit a layer. */
import { EspalierError } from '../errors.ts';
import type { Moments } from '../evidence/moments.ts';
import { momentAt } from '../evidence/moments.ts';
import type { LayerGradient, Scoring } from './criterion.ts';
import type { System } from './systems.ts';
import { layerAt, momentsSize, systemsOf } from './systems.ts';

/**
 * √Σ w² f² over the gates, [sources, units]; f² of a source may differ between the systems of a layer, and by the reset
 * gate of the unit. −Infinity for dead connections unless they may regrow.
 */
export function scaledNorms({ shape, index, layer, mask, moments, regrow = false }: Scoring, squareOf: (source: number, system: System) => number): Float64Array {
  const of = layerAt(shape, index), { units, sources, inputs, gates } = of;
  const squares = new Float64Array(sources * units);
  for (const system of systemsOf(shape.cell, of)) {
    const resets = system.reset && moments !== null ? resetSquares(moments, sources, units) : null;
    for (let k = 0; k < sources; k++) {
      const square = squareOf(k, system), reset = k >= inputs ? resets : null;
      for (const gate of system.gates) {
        const row = (gates * k + gate) * units;
        for (let j = 0; j < units; j++) squares[k * units + j]! += layer.kernel[row + j]! ** 2 * square * (reset === null ? 1 : reset[j]!);
      }
    }
  }
  return squares.map((square, at) => (mask[at] === 1 || regrow ? Math.sqrt(square) : -Infinity));
}

/** E[r_j²] of each unit, [units]. */
const resetSquares = (moments: Moments, sources: number, units: number): Float64Array =>
  Float64Array.from({ length: units }, (_, j) => momentAt(moments, sources + j, sources + j) / moments.vectors);

/** The moments, if there are any and they are of a layer of this size. Throws evidence-invalid. */
export function fittingMoments({ shape, index = 0, moments }: Pick<Scoring, 'shape' | 'index' | 'moments'>): Moments {
  const size = momentsSize(layerAt(shape, index));
  if (moments === null || moments.vectors === 0) throw new EspalierError('evidence-invalid', 'There are no moments.');
  if (moments.size !== size || moments.layer !== index) throw new EspalierError('evidence-invalid', `The moments are of layer ${moments.layer} and ${moments.size} numbers, layer ${index} has ${size} (with the constant).`);
  return moments;
}

/** The gradient, if there is one and it is of a layer of this size. Throws evidence-invalid. */
export function fittingGradient({ layer, gradient }: Pick<Scoring, 'layer' | 'gradient'>): LayerGradient {
  if (gradient === null || gradient === undefined || gradient.batches === 0) throw new EspalierError('evidence-invalid', 'There are no gradients.');
  for (const sums of [gradient.squares, gradient.movement]) {
    if (sums.length !== layer.kernel.length) throw new EspalierError('evidence-invalid', `The gradients are of ${sums.length} weights, the layer has ${layer.kernel.length}.`);
  }
  if (gradient.biasSquares.length !== layer.bias.length) throw new EspalierError('evidence-invalid', `The gradients are of ${gradient.biasSquares.length} biases, the layer has ${layer.bias.length}.`);
  return gradient;
}
