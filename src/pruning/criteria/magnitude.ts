import type { Criterion } from '../criterion.ts';
import { scaledNorms } from '../norms.ts';

/** Magnitude: ‖w‖ (Han et al. 2015; Zhu & Gupta 2017), grouped over the gates. */
export const magnitude: Criterion = {
  name: 'magnitude',
  needs: 'nothing',
  score: (scoring) => scaledNorms({ ...scoring, moments: null }, () => 1),
};
