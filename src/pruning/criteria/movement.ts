import type { Criterion } from '../criterion.ts';
import { fittingGradient } from '../norms.ts';

/**
 * Movement: Σ −w ∂L/∂w over gates and steps of training (Sanh et al. 2020): what training drives towards zero goes first,
 * however large it still is. Saliencies are not negative, so all are counted from the lowest one; the ranking is the same.
 */
export const movement: Criterion = {
  name: 'movement',
  needs: 'gradient',
  score: (scoring) => {
    const { movement: moved } = fittingGradient(scoring), { layer: { bias }, mask, regrow = false } = scoring;
    const gates = moved.length / mask.length, units = bias.length / gates;
    const sums = Float64Array.from(mask, (_, at) => {
      const row = Math.floor(at / units) * gates * units, j = at % units;
      let sum = 0;
      for (let gate = 0; gate < gates; gate++) sum += moved[row + gate * units + j]!;
      return sum;
    });
    const counts = (at: number): boolean => regrow || mask[at] === 1;
    const least = sums.reduce((low, sum, at) => (counts(at) && sum < low ? sum : low), Infinity);
    return sums.map((sum, at) => (counts(at) ? sum - least : -Infinity));
  },
};
