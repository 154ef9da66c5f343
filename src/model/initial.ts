/** Weights before any training. */
import type { LayerWeights, ModelShape, Weights } from './shape.ts';
import { checkShape, tensorLengths } from './cell.ts';
import { layerShapes } from './shape.ts';

/** With a whole identity, what a ReLU network has seen only ever adds up: two layers of it did not learn to repeat a token. */
const RELU_DIAGONAL = 0.5;

/**
 * Uniform in ±1/√units for the recurrent layers and the output, as torch.nn.LSTM; N(0, 0.1²) for the embedding; forget
 * bias 1 for the LSTM (Jozefowicz et al. 2015), and a scaled identity in the recurrent rows of a ReLU network (Le et al.
 * 2015). Throws shape-unsupported.
 * @param random uniform in [0, 1)
 */
export function initialWeights(shape: ModelShape, random: () => number): Weights {
  checkShape(shape);
  const lengths = tensorLengths(shape);
  const uniform = (length: number, units: number): Float32Array => Float32Array.from({ length }, () => (2 * random() - 1) / Math.sqrt(units));
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return {
    embedding: Float32Array.from({ length: lengths.embedding }, () => 0.1 * normal()),
    layers: layerShapes(shape).map(({ index, inputs, units }): LayerWeights => {
      const { kernel, bias, recurrentBias } = lengths.layers[index]!;
      const layer = { kernel: uniform(kernel, units), bias: new Float32Array(bias) };
      if (shape.cell === 'lstm') layer.bias.fill(1, units, 2 * units);
      if (shape.cell === 'rnn-relu') for (let k = 0; k < units; k++) for (let j = 0; j < units; j++) layer.kernel[(inputs + k) * units + j] = k === j ? RELU_DIAGONAL : 0;
      return recurrentBias === 0 ? layer : { ...layer, recurrentBias: new Float32Array(recurrentBias) };
    }),
    output: uniform(lengths.output, shape.layers.at(-1)!),
    outputBias: new Float32Array(shape.outputs),
  };
}
