import type { Criterion } from '../criterion.ts';

/** Random: uniform scores, the control that belongs in every comparison. The same number of draws whatever the mask is. */
export const random: Criterion = {
  name: 'random',
  needs: 'nothing',
  score: ({ mask, random: next, regrow = false }) => Float64Array.from(mask, (alive) => {
    const drawn = next();
    return alive === 1 || regrow ? drawn : -Infinity;
  }),
};
