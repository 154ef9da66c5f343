/** Small models and activity from a seed, for the tests of the thinking rooms. */
import { createHash } from 'node:crypto';
import type { Moments } from '../../src/evidence/moments.ts';
import { accumulate, emptyMoments } from '../../src/evidence/moments.ts';
import { fullMask, maskLayer } from '../../src/model/mask.ts';
import { initialWeights } from '../../src/model/initial.ts';
import type { ModelDraft } from '../../src/model/model.ts';
import type { LayerMask, LayerWeights, ModelShape } from '../../src/model/shape.ts';
import { sourcesOf, unitsOf } from '../../src/model/shape.ts';
import { gaussian, randomFrom } from '../../src/support/random.ts';

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export const smallShape = (inputs: number, units: number): ModelShape =>
  ({ cell: 'lstm', vocabulary: 12, inputs, layers: [units], task: 'tag', outputs: 3, state: 'carry' });

/** A model whose mask keeps each connection with the chance `density`. */
export function sampleDraft(shape: ModelShape, seed: number, density = 0.5): ModelDraft {
  const random = randomFrom(seed);
  const weights = initialWeights(shape, random);
  const mask = fullMask(shape).map((layer) => layer.map(() => random() < density ? 1 : 0));
  return {
    shape,
    weights: { ...weights, layers: weights.layers.map((layer, at) => maskLayer(layer, mask[at]!, shape.layers[at]!)) },
    mask,
    tokenizer: { kind: 'words', words: ['the', '__proto__', 'naïve', '\u{1F600}'], suffixes: ['s'], foldCase: true },
    labels: ['A', 'B', 'C'],
    lineage: { parent: null, anchor: null, cycle: 0, density, criterion: null, seed, trainedOn: 'nothing' },
  };
}

export interface SampleLayer { readonly layer: LayerWeights; readonly mask: LayerMask }

export function sampleLayer(shape: ModelShape, seed: number, density = 1): SampleLayer {
  const { weights, mask } = sampleDraft(shape, seed, density);
  const random = randomFrom(seed + 1);
  return { layer: { kernel: weights.layers[0]!.kernel, bias: Float32Array.from(weights.layers[0]!.bias, () => gaussian(random)) }, mask: mask[0]! };
}

/** Correlated activity with means that are not zero: row-major [rows, sources]. */
export function sampleActivity(sources: number, rows: number, seed: number): Float32Array {
  const random = randomFrom(seed);
  const values = new Float32Array(rows * sources);
  for (let row = 0; row < rows; row++) {
    const shared = gaussian(random);
    for (let k = 0; k < sources; k++) values[row * sources + k] = 0.3 + (0.2 + 0.1 * k) * gaussian(random) + (k % 3) * 0.5 * shared;
  }
  return values;
}

export function sampleMoments(shape: ModelShape, rows: number, seed: number): Moments {
  const sources = sourcesOf(shape);
  return accumulate(emptyMoments('m', 0, sources + 1), sampleActivity(sources, rows, seed), rows, sources);
}

/** Pre-activation of one gate of one unit for one vector of activity [sources]. */
export function preActivation({ kernel, bias }: LayerWeights, shape: ModelShape, activity: Float32Array, column: number): number {
  const columns = 4 * unitsOf(shape);
  let sum = bias[column]!;
  for (let k = 0; k < activity.length; k++) sum += activity[k]! * kernel[k * columns + column]!;
  return sum;
}
