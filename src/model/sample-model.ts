/** A model of random weights and connections: what probes, benches and tests run where no trained one is wanted. */
import { initialWeights } from './initial.ts';
import { densityOfMask, maskLayer } from './mask.ts';
import type { Model } from './model.ts';
import type { ModelShape } from './shape.ts';
import { sourcesOf, unitsOf } from './shape.ts';

/**
 * Initial weights (initial.ts) of which each connection stays alive with probability `density`.
 * Embeddings are drawn anew in ±1, so that inputs weigh as much as states. Throws shape-unsupported.
 * @param random uniform in [0, 1)
 * @param id drawn where none is given
 */
export function sampleModel(shape: ModelShape, density: number, random: () => number, id?: string): Model {
  const units = unitsOf(shape);
  const initial = initialWeights(shape, random);
  const mask = [Uint8Array.from({ length: sourcesOf(shape) * units }, () => (random() < density ? 1 : 0))];
  const weights = {
    ...initial,
    embedding: Float32Array.from(initial.embedding, () => 2 * random() - 1),
    layers: [maskLayer(initial.layers[0]!, mask[0]!, units)],
  };
  return {
    id: id ?? `sample-${Math.floor(random() * 2 ** 32).toString(16)}`, shape, weights, mask,
    tokenizer: { kind: 'words', words: Array.from({ length: shape.vocabulary }, (_, at) => `w${at}`), suffixes: [], foldCase: false },
    labels: Array.from({ length: shape.outputs }, (_, at) => `l${at}`),
    lineage: { parent: null, anchor: null, cycle: 0, density: densityOfMask(mask), criterion: null, seed: 0, trainedOn: 'nothing' },
  };
}
