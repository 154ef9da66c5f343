/**
 * Regrowth: dead connections come back where the residual of the reconstruction calls for them, within the budget of
 * density. A mask that was right for yesterday's traffic follows today's (Ye et al. 2020: a fixed one does not).
 */
import type { LayerMask, LayerWeights, Mask } from '../model/shape.ts';
import { columnsOf, designOf, resetsOf } from './designs.ts';
import { GROUP } from './groups.ts';
import type { Granularity } from './job.ts';
import { powerOf, scaleOf, seenFrom } from './least-squares.ts';
import { fittingMoments } from './norms.ts';
import type { Reconstruction } from './reconstruct.ts';
import { dense } from '../evidence/moments.ts';
import { layerAt, systemsOf } from './systems.ts';

/**
 * What each dead connection would save of E‖W0ᵀ a0 − wᵀ a‖² if it came back alone, the others as they are, as a share of
 * the power that the layer is to say, Σ W0ᵀ G0 W0: [sources, units]; 0 for alive ones. With the residual's correlation
 * c = X_k W0 − G_k w of source k (for each gate), it saves ‖c‖² / G_kk: one step of matching pursuit (Mallat & Zhang 1993),
 * and never more than the others adapting as well would save. `current` is cut to the mask, and solved for it.
 * @param minded how much the loss minds an error of each gate, E[(∂L/∂b)²], [G · units]: gains are then in units of the loss
 * Throws evidence-invalid where the moments do not fit.
 */
export function residualGains({ shape, index = 0, parent, current, mask, moments, cross }: Omit<Reconstruction, 'ridge'>, minded: Float64Array | null = null): Float64Array {
  const of = layerAt(shape, index), { units, sources } = of, { size } = moments;
  const second = dense(fittingMoments({ shape, index, moments }));
  const x = cross?.second ?? second, parentSecond = cross?.parentSecond ?? second;
  const gains = new Float64Array(sources * units);
  let power = 0;
  for (const system of systemsOf(shape.cell, of)) {
    const everything = designOf(of, system, null, 0, size), gates = system.gates.length;
    for (let j = 0; j < units; j++) {
      const reset = sources + j, own = { matrix: second, size, ...resetsOf(system, second, size, reset) };
      const wanted = columnsOf(parent, of, system, j, everything), design = designOf(of, system, mask, j, size);
      const target = seenFrom({ matrix: x, size, ...resetsOf(system, x, size, reset) }, everything, everything, wanted);
      const said = seenFrom(own, everything, design, columnsOf(current, of, system, j, design));
      if (minded === null) power += powerOf({ matrix: parentSecond, size, ...resetsOf(system, parentSecond, size, reset) }, everything, wanted);
      for (let k = 0; k < sources; k++) {
        const at = k * units + j, row = everything.at[k]!, square = second[row * size + row]! * scaleOf(own, everything.flags[k]!, everything.flags[k]!);
        if (mask[at] === 1 || !(square > 0)) continue;
        let sum = 0;
        for (let gate = 0; gate < gates; gate++) sum += (target[k * gates + gate]! - said[k * gates + gate]!) ** 2 * (minded === null ? 1 : minded[system.gates[gate]! * units + j]!);
        gains[at]! += sum / square;
      }
    }
  }
  return minded === null && power > 0 ? gains.map((gain) => gain / power) : gains;
}

/** The same from the dense gradient, Σ (∂L/∂w)² of dead connections over the gates (RigL; Evci et al. 2020): [sources, units]. */
export function gradientGains({ kernel }: Pick<LayerWeights, 'kernel'>, squares: Float64Array, mask: LayerMask, units: number): Float64Array {
  const gates = kernel.length / mask.length;
  return Float64Array.from(mask, (alive, at) => {
    if (alive === 1) return 0;
    const row = Math.floor(at / units) * gates * units, j = at % units;
    let sum = 0;
    for (let gate = 0; gate < gates; gate++) sum += squares[row + gate * units + j]!;
    return sum;
  });
}

export interface Growth {
  readonly mask: LayerMask;
  /** What a dead connection would bring, [sources, units], comparable between layers; nothing grows where it is 0. */
  readonly gains: Float64Array;
  readonly units: number;
}

/**
 * The masks with at most `count` more connections alive, those of the highest gains in the whole network, ties to the
 * first. In groups of four all that is dead of a group comes back at once, by the sum of the gains, while it fits.
 */
export function grow(layers: readonly Growth[], count: number, granularity: Extract<Granularity, 'connection' | 'g4'> = 'connection'): Mask {
  const members = granularity === 'g4' ? GROUP : 1;
  const candidates = layers.flatMap(({ mask, gains, units }, layer) => {
    const groups = new Map<number, { layer: number; gain: number; at: number[] }>();
    mask.forEach((alive, at) => {
      if (alive === 1) return;
      const key = Math.floor(Math.floor(at / units) / members) * units + at % units, group = groups.get(key) ?? { layer, gain: 0, at: [] };
      group.gain += gains[at]!;
      group.at.push(at);
      groups.set(key, group);
    });
    return [...groups.values()].filter(({ gain }) => gain > 0);
  });
  const grown = layers.map(({ mask }) => Uint8Array.from(mask));
  let left = count;
  for (const { layer, at } of candidates.sort((a, b) => b.gain - a.gain || a.layer - b.layer || a.at[0]! - b.at[0]!)) {
    if (at.length > left) continue;
    for (const place of at) grown[layer]![place] = 1;
    left -= at.length;
  }
  return grown;
}
