// Goal: an ONNX file has the operators, gate order and names that it says, and reads back as it was written. Method: small models of known numbers, decoded; that it computes the same is checked with onnxruntime in test/adapters/engine.
import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../../../src/errors.ts';
import { sampleModel } from '../../../src/model/sample-model.ts';
import type { ModelShape } from '../../../src/model/shape.ts';
import { ModelSchema } from '../../../src/model/onnx/schema.ts';
import type { GraphProto } from '../../../src/model/onnx/schema.ts';
import { toOnnx } from '../../../src/model/onnx/to-onnx.ts';
import { randomFrom } from '../../../src/support/random.ts';

const SHAPE: ModelShape = { cell: 'lstm', vocabulary: 7, inputs: 2, layers: [3], task: 'tag', outputs: 4, state: 'carry' };
const graphOf = (bytes: Uint8Array): GraphProto => fromBinary(ModelSchema, bytes).graph!;
const numbersOf = ({ initializer }: GraphProto, name: string): Float32Array => {
  const raw = initializer.find((tensor) => tensor.name === name)!.rawData;
  return new Float32Array(raw.slice().buffer);
};

describe('toOnnx', () => {
  it('has the gates of the LSTM in the order i, o, f, c, each [units, inputs]', () => {
    const model = sampleModel(SHAPE, 1, randomFrom(1));
    // Weight of source k to gate g of unit j: 100 g + 10 j + k.
    const kernel = Float32Array.from({ length: 5 * 12 }, (_, at) => { const k = Math.floor(at / 12), column = at % 12; return 100 * Math.floor(column / 3) + 10 * (column % 3) + k; });
    const bias = Float32Array.from({ length: 12 }, (_, column) => column);
    const graph = graphOf(toOnnx({ ...model, weights: { ...model.weights, layers: [{ kernel, bias }] } }));
    expect([...numbersOf(graph, 'y0.W')]).toEqual([0, 3, 1, 2].flatMap((g) => [0, 1, 2].flatMap((j) => [0, 1].map((k) => 100 * g + 10 * j + k))));
    expect([...numbersOf(graph, 'y0.R')]).toEqual([0, 3, 1, 2].flatMap((g) => [0, 1, 2].flatMap((j) => [2, 3, 4].map((k) => 100 * g + 10 * j + k))));
    expect([...numbersOf(graph, 'y0.B')]).toEqual([...[0, 3, 1, 2].flatMap((g) => [3 * g, 3 * g + 1, 3 * g + 2]), ...new Array<number>(12).fill(0)]);
  });

  it.each([
    ['lstm', 'LSTM', 'fp32'], ['lstm', 'DynamicQuantizeLSTM', 'int8'], ['gru', 'GRU', 'fp32'], ['gru-before', 'GRU', 'fp32'], ['rnn-tanh', 'RNN', 'fp32'], ['rnn-relu', 'RNN', 'fp32'],
  ] as const)('%s is %s in %s', (cell, operator, precision) => {
    const { node, input, output } = graphOf(toOnnx(sampleModel({ ...SHAPE, cell, layers: [3, 2] }, 0.5, randomFrom(2)), precision));
    expect(node.filter(({ opType }) => opType === operator)).toHaveLength(2);
    const reset = node.find(({ opType }) => opType === 'GRU')?.attribute.find(({ name }) => name === 'linear_before_reset');
    expect(reset?.i).toBe(cell === 'gru' ? 1n : undefined);
    const states = cell === 'lstm' ? ['h0', 'c0', 'h1', 'c1'] : ['h0', 'h1'];
    expect(input.map(({ name }) => name)).toEqual(['tokens', 'lengths', ...states, 'top']);
    expect(output.map(({ name }) => name)).toEqual(expect.arrayContaining(['labels', 'probability', 'best', 'chances', 'y0', 'hOut1']));
  });

  it('reads frames, in both directions, and answers with numbers', () => {
    const { node, input, output } = graphOf(toOnnx(sampleModel({ ...SHAPE, vocabulary: 0, task: 'regress', state: 'reset', bidirectional: true }, 0.5, randomFrom(3))));
    expect(input[0]!.name).toBe('frames');
    expect(output.at(-1)!.name).toBe('values');
    expect(new TextDecoder().decode(node.find(({ opType }) => opType === 'LSTM')!.attribute.find(({ name }) => name === 'direction')!.s)).toBe('bidirectional');
  });

  it('int8 weights are the nearest whole numbers at a scale for each gate of a unit', () => {
    const model = sampleModel(SHAPE, 1, randomFrom(4)), graph = graphOf(toOnnx(model, 'int8'));
    const values = new Int8Array(graph.initializer.find(({ name }) => name === 'y0.R')!.rawData.slice().buffer), scales = numbersOf(graph, 'y0.R.scale');
    [0, 3, 1, 2].forEach((gate, g) => {
      for (let j = 0; j < 3; j++) for (let k = 0; k < 3; k++) {
        const weight = model.weights.layers[0]!.kernel[(2 + k) * 12 + gate * 3 + j]!, column = g * 3 + j;
        expect(Math.abs(values[k * 12 + column]! * scales[column]! - weight)).toBeLessThanOrEqual(scales[column]! / 2 + 1e-7);
      }
    });
  });

  it('refuses int8 of a GRU: shape-unsupported', () => {
    let thrown: unknown;
    try { toOnnx(sampleModel({ ...SHAPE, cell: 'gru' }, 1, randomFrom(5)), 'int8'); } catch (error) { thrown = error; }
    expect(codeOf(thrown)).toBe('shape-unsupported');
  });
});
