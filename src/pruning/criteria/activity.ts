import { momentAt } from '../../evidence/moments.ts';
import type { Criterion } from '../criterion.ts';
import { fittingMoments, scaledNorms } from '../norms.ts';

/**
 * Activity: ‖w‖ √G_kk, the root mean square of what the connection adds (Wanda; Sun et al. 2023), grouped over the
 * gates (for the candidate of a GRU, r ⊙ h is the source: systems.ts). It sees one source at a time: that two sources say the same is lost on it.
 */
export const activity: Criterion = {
  name: 'activity',
  needs: 'moments',
  score: (scoring) => {
    const moments = fittingMoments(scoring);
    return scaledNorms(scoring, (k, { at }) => momentAt(moments, at[k]!, at[k]!) / moments.vectors);
  },
};
