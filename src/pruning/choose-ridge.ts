/** How much the reconstruction is held back, chosen by the error on moments that it was not solved for. */
import { codeOf } from '../errors.ts';
import { dense } from '../evidence/moments.ts';
import { columnsOf, designOf, resetsOf } from './designs.ts';
import { misfitOf, solve, targetOf } from './least-squares.ts';
import { fittingMoments } from './norms.ts';
import type { Reconstruction } from './reconstruct.ts';
import { meanSquare } from './reconstruct.ts';
import { layerAt, systemsOf } from './systems.ts';

/** λ as shares of trace(G) / n, in steps of ten about the one that is taken where nothing can be held out. */
export const RIDGES: readonly number[] = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1];
/** Units that are solved for each λ; one share serves the whole layer. */
const UNITS = 32;

/** Moments of one half of the evidence. */
export type Half = Pick<Reconstruction, 'moments' | 'cross'>;

/**
 * The share of λ with the smallest E‖W0ᵀ a0 − wᵀ a‖² on each half when solved on the other, over up to 32 units spread
 * over the layer; of equals the larger. Throws evidence-invalid where the moments do not fit.
 */
export function chooseRidge({ shape, index = 0, parent, current, mask }: Omit<Reconstruction, 'ridge' | keyof Half>, halves: readonly [Half, Half], grid: readonly number[] = RIDGES): number {
  const of = layerAt(shape, index), { units, sources } = of, size = fittingMoments({ shape, index, moments: halves[0].moments }).size;
  const sides = halves.map(({ moments, cross }) => {
    const second = dense(fittingMoments({ shape, index, moments }));
    return { second, x: cross?.second ?? second, mean: meanSquare(second, size, sources) };
  });
  const errors = grid.map(() => 0), step = Math.max(1, Math.floor(units / UNITS));
  for (const system of systemsOf(shape.cell, of)) {
    const everything = designOf(of, system, null, 0, size);
    for (let j = 0; j < units; j += step) {
      const design = designOf(of, system, mask, j, size), wanted = columnsOf(parent, of, system, j, everything), start = columnsOf(current, of, system, j, design);
      const [a, b] = sides.map(({ second, x, mean }) => ({
        mean, own: { matrix: second, size, ...resetsOf(system, second, size, sources + j) },
        target: targetOf({ matrix: x, size, ...resetsOf(system, x, size, sources + j) }, design, everything, wanted),
      })) as [Side, Side];
      for (const [fit, held] of [[a, b], [b, a]] as const) {
        grid.forEach((ridge, at) => { errors[at]! += misfitUnder(() => misfitOf(held.own, design, held.target, solve(fit.own, design, fit.target, start, ridge * fit.mean))); });
      }
    }
  }
  return grid.reduce((best, ridge, at) => (errors[at]! < errors[grid.indexOf(best)]! || (errors[at] === errors[grid.indexOf(best)] && ridge > best) ? ridge : best), grid[0]!);
}

/** A λ that leaves the few moments of a half indefinite, as rounding can, is out of the question. */
function misfitUnder(solved: () => number): number {
  try { return solved(); } catch (error) {
    if (codeOf(error) !== 'evidence-invalid') throw error;
    return Infinity;
  }
}

interface Side { readonly mean: number; readonly own: Parameters<typeof solve>[0]; readonly target: Float64Array }
