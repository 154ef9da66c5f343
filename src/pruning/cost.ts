/** Two costs of a pruned layer that are often quoted; both are reported for every candidate. */
import type { LayerMask } from '../model/shape.ts';

/**
 * C(S) = Σ |w_ij| p_ij, the cost of structure: p_ij is the saliency of the connection of the weight, normalised to sum
 * one over the alive connections of the layer. |w| rather than w, so that signs do not cancel.
 * @param kernel [sources, G · units]
 * @param scores saliency [sources, units]; what is dead does not count
 */
export function structuralCost(kernel: Float32Array, scores: Float64Array, mask: LayerMask, units: number): number {
  const gates = kernel.length / mask.length;
  let total = 0, cost = 0;
  for (let at = 0; at < mask.length; at++) {
    if (mask[at] !== 1 || scores[at] === -Infinity) continue;
    total += scores[at]!;
    const row = Math.floor(at / units) * gates * units, j = at % units;
    let size = 0;
    for (let gate = 0; gate < gates; gate++) size += Math.abs(kernel[row + gate * units + j]!);
    cost += size * scores[at]!;
  }
  return total === 0 ? 0 : cost / total;
}

/** C(W) = Σ w_ij², the cost of weights, over the whole kernel (dead weights are zero). */
export function weightCost(kernel: Float32Array): number {
  let cost = 0;
  for (const weight of kernel) cost += weight * weight;
  return cost;
}
