/** Weights before any training. */
import type { ModelShape, Weights } from './shape.ts';
import { checkShape } from './cell.ts';
import { sourcesOf, unitsOf } from './shape.ts';

/**
 * Uniform in ±1/√units for the recurrent layer and the output, as torch.nn.LSTM; N(0, 0.1²) for the embedding;
 * forget bias 1 (Jozefowicz et al. 2015). Throws shape-unsupported.
 * @param random uniform in [0, 1)
 */
export function initialWeights(shape: ModelShape, random: () => number): Weights {
  checkShape(shape);
  const units = unitsOf(shape);
  const bound = 1 / Math.sqrt(units);
  const uniform = (length: number): Float32Array => Float32Array.from({ length }, () => (2 * random() - 1) * bound);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const bias = new Float32Array(4 * units);
  bias.fill(1, units, 2 * units);
  return {
    embedding: Float32Array.from({ length: shape.vocabulary * shape.inputs }, () => 0.1 * normal()),
    layers: [{ kernel: uniform(sourcesOf(shape) * 4 * units), bias }],
    output: uniform(units * shape.outputs),
    outputBias: new Float32Array(shape.outputs),
  };
}
