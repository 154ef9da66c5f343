/**
 * g4: four consecutive sources 4q..4q+3 of [x; h] into one unit live or die together, with all their gates: 16 weights of
 * an LSTM, which the 8-bit kernel multiplies at once. Where the sources are no multiple of four, the last group is smaller.
 */
import type { LayerMask } from '../model/shape.ts';

/** Sources of a group. */
export const GROUP = 4;

/** Groups of each unit. */
export const groupsOf = (sources: number): number => Math.ceil(sources / GROUP);

/**
 * Groups to keep of a layer, so that the connections are round(density · sources · units) but for the rounding to whole
 * groups: a quarter as many, and beyond what whole groups can hold, the smaller last groups too, all of them at density 1.
 */
export function groupsWanted(density: number, sources: number, units: number): number {
  const wanted = Math.round(density * sources * units), whole = Math.floor(sources / GROUP) * units, rest = sources % GROUP;
  return wanted <= GROUP * whole ? Math.round(wanted / GROUP) : whole + Math.floor((wanted - GROUP * whole) / rest);
}

/** Whether anything of a group is alive, [groups, units]. */
export function groupMask(mask: LayerMask, sources: number, units: number): LayerMask {
  const groups = new Uint8Array(groupsOf(sources) * units);
  for (let at = 0; at < mask.length; at++) if (mask[at] === 1) groups[groupAt(at, units)] = 1;
  return groups;
}

/** Root of the sum of the squared saliencies of a group, [groups, units]; −Infinity where none counts. It costs the kernel the same however many of the four are alive. */
export function groupScores(scores: Float64Array, sources: number, units: number): Float64Array {
  const groups = new Float64Array(groupsOf(sources) * units).fill(-Infinity);
  for (let at = 0; at < scores.length; at++) {
    if (scores[at] === -Infinity) continue;
    const group = groupAt(at, units);
    groups[group] = Math.max(0, groups[group]!) + scores[at]! ** 2;
  }
  return groups.map((sum) => (sum === -Infinity ? sum : Math.sqrt(sum)));
}

/** The connections [sources, units] of the chosen groups; what is dead comes back only where it may. */
export function groupMembers(chosen: LayerMask, mask: LayerMask, units: number, regrow: boolean): LayerMask {
  return mask.map((alive, at) => (chosen[groupAt(at, units)] === 1 && (regrow || alive === 1) ? 1 : 0));
}

const groupAt = (at: number, units: number): number => Math.floor(Math.floor(at / units) / GROUP) * units + at % units;
