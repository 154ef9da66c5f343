import { EspalierError } from '../../errors.ts';
import { dense } from '../../evidence/moments.ts';
import { factorize, inverseDiagonal } from '../cholesky.ts';
import type { Criterion } from '../criterion.ts';
import { addRidge } from '../ridge.ts';
import { fittingMoments, scaledNorms } from '../norms.ts';

/** λ as a share of the mean second moment. */
const DAMPING = 1e-4;

/**
 * Optimal Brain Surgeon (Hassibi & Stork 1993) on the pre-activations: ‖w‖ / √((G + λI)⁻¹_kk), grouped over the gates.
 * Its square is what the least-squares error of unit j grows by when the connection goes and all the others make up
 * for it. G is with the constant, so that the bias may help; λ = 1e-4 · trace(G) / n keeps silent sources finite.
 */
export const obs: Criterion = {
  name: 'obs',
  needs: 'moments',
  score: (scoring) => {
    const moments = fittingMoments(scoring);
    const second = dense(moments);
    addRidge(second, moments.size, DAMPING);
    if (!factorize(second, moments.size)) throw new EspalierError('evidence-invalid', 'The second moments are not positive definite.');
    const diagonal = inverseDiagonal(second, moments.size);
    return scaledNorms(scoring, (k) => 1 / Math.sqrt(diagonal[k]!));
  },
};
