/**
 * Reconstruction: least squares per unit on live second moments, without labels and without back-propagation.
 *
 * For unit j with kept sources S (the constant, that is the bias, always among them) the new weights minimise
 *   E‖W0ᵀ a0 − wᵀ a‖² + λ ‖w − w_S‖²,   so   w_S ← (G_SS + λI)⁻¹ (X_S W0 + λ w_S),
 * with a0 the activity of the parent and a that of the candidate on the same sequences, G = E[a aᵀ], X = E[a a0ᵀ].
 * Gates that are linear in the same vector share the matrix (systems.ts). Exact for the LSTM, the simple RNN and the GRU
 * that resets before; for the candidate of the one that resets after, r_j is taken as independent of x and h.
 */
import { assert } from '../errors.ts';
import type { Moments } from '../evidence/moments.ts';
import { dense } from '../evidence/moments.ts';
import type { LayerMask, LayerWeights, ModelShape } from '../model/shape.ts';
import { columnsOf, designOf, resetsOf, store } from './designs.ts';
import { errorOf, powerOf, solve, targetOf } from './least-squares.ts';
import { fittingMoments } from './norms.ts';
import { layerAt, systemsOf } from './systems.ts';

export interface Reconstruction {
  readonly shape: ModelShape;
  /** Which layer it is, as an index into `Weights.layers`; the first where left out. */
  readonly index?: number;
  /** The weights whose pre-activations are to be kept: W0. */
  readonly parent: LayerWeights;
  /** The weights to start from; the same as the parent in the first step. */
  readonly current: LayerWeights;
  /** What stays alive. */
  readonly mask: LayerMask;
  /** Of the activity a under the current weights. */
  readonly moments: Moments;
  /** X = E[a a0ᵀ] and G0 = E[a0 a0ᵀ], [size, size] row-major; null where a0 = a, as in the first step. */
  readonly cross: { readonly second: Float64Array; readonly parentSecond: Float64Array } | null;
  /** λ as a share of trace(G) / n. */
  readonly ridge?: number;
}

export interface Reconstructed {
  readonly layer: LayerWeights;
  /** E‖W0ᵀ a0 − wᵀ a‖² over the gates of each unit, [units]: with the current weights cut to the mask, and with the new ones. */
  readonly errorBefore: Float64Array;
  readonly errorAfter: Float64Array;
}

const RIDGE = 1e-3;

/** Throws evidence-invalid where the moments do not fit, or are not positive definite. */
export function reconstruct({ shape, index = 0, parent, current, mask, moments, cross, ridge = RIDGE }: Reconstruction): Reconstructed {
  const of = layerAt(shape, index), { units, sources } = of, { size } = moments;
  const second = dense(fittingMoments({ shape, index, moments }));
  const x = cross?.second ?? second, parentSecond = cross?.parentSecond ?? second;
  assert(mask.length === sources * units && x.length === size * size && parentSecond.length === size * size, 'mask is [sources, units], cross moments [size, size]');
  let trace = second[size * size - 1]!;
  for (let k = 0; k < sources; k++) trace += second[k * size + k]!;
  const lambda = ridge * trace / (sources + 1);
  const layer: LayerWeights = { kernel: new Float32Array(current.kernel.length), bias: new Float32Array(current.bias.length), ...(shape.cell === 'gru' ? { recurrentBias: Float32Array.from(current.recurrentBias ?? current.bias.map(() => 0)) } : {}) };
  const errorBefore = new Float64Array(units), errorAfter = new Float64Array(units);
  for (const system of systemsOf(shape.cell, of)) {
    const everything = designOf(of, system, null, 0, size);
    for (let j = 0; j < units; j++) {
      const design = designOf(of, system, mask, j, size), reset = sources + j;
      const own = { matrix: second, size, ...resetsOf(system, second, size, reset) };
      const crossed = { matrix: x, size, ...resetsOf(system, x, size, reset) };
      const wanted = columnsOf(parent, of, system, j, everything), start = columnsOf(current, of, system, j, design);
      const target = targetOf(crossed, design, everything, wanted);
      const solved = solve(own, design, target, start, lambda);
      store(layer, of, system, j, design, solved);
      const power = powerOf({ matrix: parentSecond, size, ...resetsOf(system, parentSecond, size, reset) }, everything, wanted);
      errorBefore[j]! += errorOf(own, design, target, start, power);
      errorAfter[j]! += errorOf(own, design, target, columnsOf(layer, of, system, j, design), power);
    }
  }
  return { layer, errorBefore, errorAfter };
}
