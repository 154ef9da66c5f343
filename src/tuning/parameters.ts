/** The tensors of a network by name, as the optimizer holds them: those of the artifact but the masks. */
import type { LayerWeights, ModelShape, Weights } from '../model/shape.ts';
import { directionsOf, layerShapes } from '../model/shape.ts';
import type { Tensor, TensorFlow } from './tensorflow.ts';

/** `embedding` (where there is a vocabulary), `layers.N.kernel`, `layers.N.bias`, `layers.N.recurrentBias` (gru), `output`, `outputBias`. */
export type Parameter = string;
export type ParameterTensors = Readonly<Record<Parameter, Tensor>>;
export type Gradients = ParameterTensors;

/** A shape and the weights that fill it. */
export interface Network { readonly shape: ModelShape; readonly weights: Weights }

/** Names and shapes of the tensors, in the order in which they are held. */
export function parameterShapes(shape: ModelShape): Readonly<Record<Parameter, readonly number[]>> {
  const layers = layerShapes(shape).flatMap(({ index, sources, units, gates }): [string, readonly number[]][] => [
    [`layers.${index}.kernel`, [sources, gates * units]],
    [`layers.${index}.bias`, [gates * units]],
    ...(shape.cell === 'gru' ? [[`layers.${index}.recurrentBias`, [gates * units]] as [string, readonly number[]]] : []),
  ]);
  return {
    ...(shape.vocabulary > 0 ? { embedding: [shape.vocabulary, shape.inputs] } : {}),
    ...Object.fromEntries(layers),
    output: [directionsOf(shape) * shape.layers.at(-1)!, shape.outputs], outputBias: [shape.outputs],
  };
}

export const parametersOf = (shape: ModelShape): readonly Parameter[] => Object.keys(parameterShapes(shape));

export function weightsRecord(shape: ModelShape, weights: Weights): Readonly<Record<Parameter, Float32Array>> {
  const layers = weights.layers.flatMap(({ kernel, bias, recurrentBias }, at): [string, Float32Array][] => [
    [`layers.${at}.kernel`, kernel], [`layers.${at}.bias`, bias],
    ...(shape.cell === 'gru' ? [[`layers.${at}.recurrentBias`, recurrentBias ?? new Float32Array(bias.length)] as [string, Float32Array]] : []),
  ]);
  return { ...(shape.vocabulary > 0 ? { embedding: weights.embedding } : {}), ...Object.fromEntries(layers), output: weights.output, outputBias: weights.outputBias };
}

export function weightsOfRecord(shape: ModelShape, record: Readonly<Record<Parameter, Float32Array>>): Weights {
  const layers = layerShapes(shape).map(({ index }): LayerWeights => {
    const layer = { kernel: record[`layers.${index}.kernel`]!, bias: record[`layers.${index}.bias`]! };
    return shape.cell === 'gru' ? { ...layer, recurrentBias: record[`layers.${index}.recurrentBias`]! } : layer;
  });
  return { embedding: record.embedding ?? new Float32Array(0), layers, output: record.output!, outputBias: record.outputBias! };
}

/** Every tensor of a record through a function. */
export const mapRecord = <A, B>(record: Readonly<Record<Parameter, A>>, of: (value: A, name: Parameter) => B): Readonly<Record<Parameter, B>> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, of(value, name)]));

/** Weights as constant tensors, kept until `dropParameters`. */
export function uploadParameters(tf: TensorFlow, shape: ModelShape, weights: Weights): ParameterTensors {
  const shapes = parameterShapes(shape);
  return mapRecord(weightsRecord(shape, weights), (values, name) => tf.keep(tf.floats(values.slice(), shapes[name]!)));
}

export function dropParameters(tf: TensorFlow, parameters: ParameterTensors): void {
  for (const tensor of Object.values(parameters)) tf.drop(tensor);
}
