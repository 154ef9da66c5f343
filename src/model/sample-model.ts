/** A model of random weights and connections: what probes, benches and tests run where no trained one is wanted. */
import { initialWeights } from './initial.ts';
import { densityOfMask, maskWeights } from './mask.ts';
import type { Model } from './model.ts';
import type { ModelShape } from './shape.ts';
import { layerShapes } from './shape.ts';
import { NO_TOKENIZER } from './tokenizer.ts';

/**
 * Initial weights (initial.ts) of which each connection stays alive with probability `density`.
 * Embeddings are drawn anew in ±1, so that inputs weigh as much as states, and recurrent biases in ±0.5. Throws shape-unsupported.
 * @param random uniform in [0, 1)
 * @param id drawn where none is given
 */
export function sampleModel(shape: ModelShape, density: number, random: () => number, id?: string): Model {
  const initial = initialWeights(shape, random);
  const mask = layerShapes(shape).map(({ sources, units }) => Uint8Array.from({ length: sources * units }, () => (random() < density ? 1 : 0)));
  const drawn = {
    ...initial,
    embedding: Float32Array.from(initial.embedding, () => 2 * random() - 1),
    layers: initial.layers.map((layer) => (layer.recurrentBias === undefined ? layer : { ...layer, recurrentBias: layer.recurrentBias.map(() => random() - 0.5) })),
  };
  const weights = maskWeights(shape, drawn, mask);
  return {
    id: id ?? `sample-${Math.floor(random() * 2 ** 32).toString(16)}`, shape, weights, mask,
    tokenizer: shape.vocabulary === 0 ? NO_TOKENIZER : { kind: 'whitespace', words: Array.from({ length: shape.vocabulary - 1 }, (_, at) => `w${at}`), suffixes: [], foldCase: false },
    labels: Array.from({ length: shape.outputs }, (_, at) => `l${at}`),
    lineage: { parent: null, anchor: null, cycle: 0, density: densityOfMask(mask), criterion: null, seed: 0, trainedOn: 'nothing' },
  };
}
