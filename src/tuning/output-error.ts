/** How far the answers of a model are from those of another: what the sensitivity of layers is measured by. */
import type { Moments } from '../evidence/moments.ts';
import type { ReplayItem } from '../evidence/replay.ts';
import type { Mask } from '../model/shape.ts';
import { maskLayer } from '../model/mask.ts';
import { layerShapes } from '../model/shape.ts';
import { choose, sensitivityOf } from '../pruning/choose.ts';
import { repairLayer } from '../pruning/reconstruct.ts';
import { evaluate } from './evaluate.ts';
import type { CutPlan } from './cut.ts';
import type { Runtime } from './ops.ts';
import type { Network } from './parameters.ts';

/** E‖difference of the logits‖² over all answers. Throws aborted. */
export async function outputError(runtime: Runtime, model: Network, reference: Network, items: readonly ReplayItem[], signal: AbortSignal): Promise<number> {
  let sum = 0, answers = 0;
  await evaluate(runtime, [model, reference], items, signal, (batch, [own, other]) => {
    const said = runtime.tf.readFloats(own!.logits), wanted = runtime.tf.readFloats(other!.logits), { outputs } = model.shape;
    batch.real.forEach((bit, row) => {
      if (bit === 0) return;
      answers++;
      for (let at = row * outputs; at < (row + 1) * outputs; at++) sum += (said[at]! - wanted[at]!) ** 2;
    });
  });
  return answers === 0 ? 0 : sum / answers;
}

/** The factor of each layer's scores, from what the output shows when that layer alone is cut to the density. @param moments null: without repair */
export async function measuredSensitivity(runtime: Runtime, parent: Network, mask: Mask, scores: readonly Float64Array[], { density, granularity = 'connection' }: Pick<CutPlan, 'density' | 'granularity'>, moments: readonly Moments[] | null, items: readonly ReplayItem[], signal: AbortSignal): Promise<readonly number[] | null> {
  const { shape, weights } = parent, after: Mask[number][] = [], errors: number[] = [];
  for (const { index, sources, units } of layerShapes(shape)) {
    const own = choose({ scores: scores[index]!, mask: mask[index]!, sources, units, density, scope: 'layer', granularity });
    const cut = maskLayer(weights.layers[index]!, own, units);
    const layer = moments === null ? cut : repairLayer({ shape, index, parent: weights.layers[index]!, current: cut, mask: own, moments: moments[index]!, cross: null });
    after.push(own);
    errors.push(await outputError(runtime, { shape, weights: { ...weights, layers: weights.layers.map((held, at) => (at === index ? layer : held)) } }, parent, items, signal));
  }
  return sensitivityOf(scores, mask, after, errors);
}
