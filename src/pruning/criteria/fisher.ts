import type { Criterion } from '../criterion.ts';
import { fittingGradient, scaledNorms } from '../norms.ts';
import { conditionalSquares } from './obs.ts';

/**
 * Fisher: √Σ w² E[(∂L/∂b)²] / (G + λI)⁻¹_kk over the gates: obs, with the error of each gate weighed by how much the loss
 * minds it. It is Optimal Brain Surgeon on the Kronecker-factored Fisher matrix (Martens & Grosse 2015; Wang et al. 2019):
 * the activity of the sources for its one factor, the gradient by the pre-activations for the other.
 */
export const fisher: Criterion = {
  name: 'fisher',
  needs: 'both',
  score: (scoring) => {
    const { biasSquares, batches } = fittingGradient(scoring), { layer } = scoring, columns = layer.bias.length;
    const kernel = layer.kernel.map((weight, at) => weight * Math.sqrt(biasSquares[at % columns]! / batches));
    return scaledNorms({ ...scoring, layer: { ...layer, kernel } }, conditionalSquares(scoring));
  },
};
