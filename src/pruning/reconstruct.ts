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
import type { Block, Design } from './least-squares.ts';
import { errorOf, powerOf, solve, targetOf } from './least-squares.ts';
import { fittingMoments } from './norms.ts';
import type { System } from './systems.ts';
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

/** A unit in one system: what is solved, and what is needed to state its error. */
interface Solved { readonly system: System; readonly j: number; readonly own: Block; readonly design: Design; readonly target: Float64Array; readonly start: Float64Array; readonly wanted: Float64Array; readonly everything: Design }

/** The new weights alone. Throws evidence-invalid where the moments do not fit, or are not positive definite. */
export const repairLayer = (problem: Reconstruction): LayerWeights => solveAll(problem, () => undefined);

/** The new weights, and the errors before and after; to state them costs as much as to solve. Throws as `repairLayer`. */
export function reconstruct(problem: Reconstruction): Reconstructed {
  const { shape, index = 0, moments, cross } = problem, of = layerAt(shape, index), { size } = moments, { units, sources } = of;
  const errorBefore = new Float64Array(units), errorAfter = new Float64Array(units);
  const parentSecond = cross?.parentSecond ?? dense(moments);
  const layer = solveAll(problem, ({ system, j, own, design, target, start, wanted, everything }, solved) => {
    const power = powerOf({ matrix: parentSecond, size, ...resetsOf(system, parentSecond, size, sources + j) }, everything, wanted);
    errorBefore[j]! += errorOf(own, design, target, start, power);
    errorAfter[j]! += errorOf(own, design, target, columnsOf(solved, of, system, j, design), power);
  });
  return { layer, errorBefore, errorAfter };
}

function solveAll({ shape, index = 0, parent, current, mask, moments, cross, ridge = RIDGE }: Reconstruction, visit: (solved: Solved, layer: LayerWeights) => void): LayerWeights {
  const of = layerAt(shape, index), { units, sources } = of, { size } = moments;
  const second = dense(fittingMoments({ shape, index, moments }));
  const x = cross?.second ?? second;
  assert(mask.length === sources * units && x.length === size * size, 'mask is [sources, units], cross moments [size, size]');
  const lambda = ridge * meanSquare(second, size, sources);
  const layer: LayerWeights = { kernel: new Float32Array(current.kernel.length), bias: new Float32Array(current.bias.length), ...(shape.cell === 'gru' ? { recurrentBias: Float32Array.from(current.recurrentBias ?? current.bias.map(() => 0)) } : {}) };
  for (const system of systemsOf(shape.cell, of)) {
    const everything = designOf(of, system, null, 0, size);
    for (let j = 0; j < units; j++) {
      const design = designOf(of, system, mask, j, size), reset = sources + j;
      const own = { matrix: second, size, ...resetsOf(system, second, size, reset) };
      const wanted = columnsOf(parent, of, system, j, everything), start = columnsOf(current, of, system, j, design);
      const target = targetOf({ matrix: x, size, ...resetsOf(system, x, size, reset) }, design, everything, wanted);
      store(layer, of, system, j, design, solve(own, design, target, start, lambda));
      visit({ system, j, own, design, target, start, wanted, everything }, layer);
    }
  }
  return layer;
}

/** trace(G) / n over sources and constant. */
export function meanSquare(second: Float64Array, size: number, sources: number): number {
  let trace = second[size * size - 1]!;
  for (let k = 0; k < sources; k++) trace += second[k * size + k]!;
  return trace / (sources + 1);
}
