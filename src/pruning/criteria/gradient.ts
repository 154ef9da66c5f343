import type { Criterion } from '../criterion.ts';
import { fittingGradient } from '../norms.ts';

/**
 * Gradient: √Σ w² E[(∂L/∂w)²] over the gates, the first-order change of the loss when the connection goes (Molchanov et al.
 * 2016), root mean square over batches: at a minimum the mean gradient is zero, its square is not (the diagonal of the
 * empirical Fisher matrix; Theis et al. 2018). Labels come from traffic, or are drawn from the teacher's soft-max.
 */
export const gradient: Criterion = {
  name: 'gradient',
  needs: 'gradient',
  score: (scoring) => {
    const { squares, batches } = fittingGradient(scoring), { layer: { kernel, bias }, mask, regrow = false } = scoring;
    const gates = kernel.length / mask.length, units = bias.length / gates;
    return Float64Array.from(mask, (alive, at) => {
      if (alive === 0 && !regrow) return -Infinity;
      const row = Math.floor(at / units) * gates * units, j = at % units;
      let sum = 0;
      for (let gate = 0; gate < gates; gate++) sum += kernel[row + gate * units + j]! ** 2 * squares[row + gate * units + j]!;
      return Math.sqrt(sum / batches);
    });
  },
};
