/** Which layer of a stack goes: the one without which, its readers joined to what it read, the answers change least. */
import { EspalierError } from '../errors.ts';
import type { ReplayItem } from '../evidence/replay.ts';
import { directionsOf } from '../model/shape.ts';
import type { LinearMap } from '../pruning/layers.ts';
import { fitMap, removable, removeLayer } from '../pruning/layers.ts';
import type { Masked, Selected } from '../pruning/units.ts';
import { evaluate } from './evaluate.ts';
import type { Runtime } from './ops.ts';
import { outputError } from './output-error.ts';

/** The linear map nearest to each layer, from E[x xᵀ] and E[x yᵀ] of the same step. Throws evidence-invalid, aborted. */
async function mapsOf(runtime: Runtime, { shape, weights }: Masked, items: readonly ReplayItem[], signal: AbortSignal): Promise<readonly LinearMap[]> {
  const { tf, ops } = runtime, directions = directionsOf(shape);
  const sums = shape.layers.map((units, layer) => {
    const inputs = layer === 0 ? shape.inputs : directions * shape.layers[layer - 1]!;
    return { inputs, second: new Float64Array((inputs + 1) ** 2), cross: new Float64Array((inputs + 1) * directions * units) };
  });
  let steps = 0;
  await evaluate(runtime, [{ shape, weights }], items, signal, (batch, [forward]) => {
    const n = batch.steps * batch.lanes, real = new Float32Array(n);
    batch.lengths.forEach((length, lane) => { for (let t = 0; t < length; t++) real[t * batch.lanes + lane] = 1; });
    const constant = tf.floats(real, [n, 1]);
    // What a layer says, both directions in the order of the sequence, is what the forward layer above reads.
    sums.forEach(({ inputs, second, cross }, layer) => {
      const own = forward!.layers[directions * layer]!, above = forward!.layers[directions * (layer + 1)];
      const a = ops.concat([ops.multiply(ops.reshape(own.inputs.x, [n, inputs]), constant), constant], 1);
      const said = above === undefined ? own.run.h : above.inputs.x;
      tf.readFloats(ops.matMul(a, a, true)).forEach((value, at) => { second[at]! += value; });
      if (above === undefined && directions === 2) return;
      tf.readFloats(ops.matMul(a, ops.reshape(said, [n, said.shape[2]!]), true)).forEach((value, at) => { cross[at]! += value; });
    });
    steps += batch.tokens;
  });
  const mean = (sum: Float64Array): Float64Array => sum.map((value) => value / steps);
  return sums.map(({ inputs, second, cross }) => fitMap(mean(second), mean(cross), inputs));
}

/** Throws shape-unsupported where no layer can go, evidence-invalid, aborted. */
export async function withoutLayer(runtime: Runtime, model: Masked, items: readonly ReplayItem[], signal: AbortSignal): Promise<Selected> {
  const candidates = [...model.shape.layers.keys()].filter((layer) => removable(model.shape, layer));
  if (candidates.length === 0) throw new EspalierError('shape-unsupported', `None of ${model.shape.layers.length} layers can be removed.`);
  if (items.length === 0) throw new EspalierError('evidence-invalid', 'There are no sequences to join layers by.');
  const maps = await mapsOf(runtime, model, items, signal);
  let best: Selected | null = null, least = Infinity;
  for (const layer of candidates) {
    const smaller = removeLayer(model, layer, maps[layer]!), error = await outputError(runtime, smaller, model, items, signal);
    if (error < least || best === null) { best = smaller; least = error; }
  }
  return best!;
}
