import { EspalierError } from '../../errors.ts';
import { dense } from '../../evidence/moments.ts';
import { factorize, inverseDiagonal } from '../cholesky.ts';
import type { Criterion, Scoring } from '../criterion.ts';
import { addRidge } from '../ridge.ts';
import { fittingMoments, scaledNorms } from '../norms.ts';
import type { System } from '../systems.ts';

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
  score: (scoring) => scaledNorms(scoring, conditionalSquares(scoring)),
};

/** What the squared score of obs multiplies w² by: 1 / (G + λI)⁻¹_kk of each source in a system. */
export function conditionalSquares(scoring: Scoring): (source: number, system: System) => number {
  const moments = fittingMoments(scoring), second = dense(moments), diagonals = new Map<Int32Array, Float64Array>();
  return (k, { at }) => {
    const diagonal = diagonals.get(at) ?? inverseOf(second, moments.size, at);
    diagonals.set(at, diagonal);
    return 1 / diagonal[k]!;
  };
}

/** The diagonal of (G + λI)⁻¹, G of the sources of one system and the constant: [sources + 1]. */
function inverseOf(second: Float64Array, size: number, at: Int32Array): Float64Array {
  const rows = [...at, size - 1], n = rows.length;
  const block = Float64Array.from({ length: n * n }, (_, cell) => second[rows[Math.floor(cell / n)]! * size + rows[cell % n]!]!);
  addRidge(block, n, DAMPING);
  if (!factorize(block, n)) throw new EspalierError('evidence-invalid', 'The second moments are not positive definite.');
  return inverseDiagonal(block, n);
}
