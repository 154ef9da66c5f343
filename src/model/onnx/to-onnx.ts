/**
 * A model as an ONNX file, with everything that serving needs in one graph: embedding, layers, output layer, label and
 * confidence. Pruned connections are zeros in it: an engine for dense networks runs it no faster.
 *
 * Inputs: `tokens` int64 [steps, lanes] or `frames` [steps, lanes, inputs]; `lengths` int32 [lanes]; for each layer l
 * `h<l>` and, for the LSTM, `c<l>` [directions, lanes, units]; but for regress `top` int64 [1]. Outputs: for tag and next `labels` int64 and `probability`
 * [steps, lanes], for classify [lanes], both with `best` int64 and `chances` behind them [..., top], for regress `values` [lanes, outputs]; for each layer `y<l>`
 * [steps, directions, lanes, units], `hOut<l>` and `cOut<l>` as `h<l>`.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { EspalierError } from '../../errors.ts';
import { checkShape } from '../cell.ts';
import type { Model } from '../model.ts';
import { directionsOf, layerShapes } from '../shape.ts';
import type { LayerNames, OnnxPrecision } from './layer.ts';
import { onnxLayer } from './layer.ts';
import { ModelSchema } from './schema.ts';
import type { NodeProto, TensorProto, ValueInfoProto } from './schema.ts';
import { node, tensor, value } from './write.ts';

const IR_VERSION = 8n, OPSET = 17n;

interface Graph { readonly nodes: NodeProto[]; readonly constants: TensorProto[]; readonly inputs: ValueInfoProto[]; readonly outputs: ValueInfoProto[] }

export const namesOf = (layer: number): Omit<LayerNames, 'x'> =>
  ({ lengths: 'lengths', h: `h${layer}`, c: `c${layer}`, y: `y${layer}`, hOut: `hOut${layer}`, cOut: `cOut${layer}` });

/** The layers; returns the name of what the output layer reads: [steps, lanes, features] or, of whole sequences, [lanes, features]. */
function addLayers({ nodes, constants, inputs, outputs }: Graph, { shape, weights }: Model, first: string, precision: OnnxPrecision): string {
  const directions = directionsOf(shape), all = layerShapes(shape), last = shape.layers.length - 1, stepwise = shape.task === 'tag' || shape.task === 'next';
  let x = first;
  shape.layers.forEach((units, layer) => {
    const names = { ...namesOf(layer), x }, own = all.filter((each) => each.layer === layer).map((each) => [each, weights.layers[each.index]!] as const);
    const made = onnxLayer(shape.cell, own, names, precision);
    nodes.push(...made.nodes);
    constants.push(...made.constants);
    const state = [directions, 'lanes', units];
    inputs.push(value(names.h, 'float', state), ...(shape.cell === 'lstm' ? [value(names.c, 'float', state)] : []));
    outputs.push(value(names.y, 'float', ['steps', directions, 'lanes', units]), value(names.hOut, 'float', state), ...(shape.cell === 'lstm' ? [value(names.cOut, 'float', state)] : []));
    if (layer === last && !stepwise) return;
    // [steps, directions, lanes, units] to [steps, lanes, directions · units]
    x = `x${layer + 1}`;
    nodes.push(node('Transpose', [names.y], [`${x}.lanes`], { perm: [0n, 2n, 1n, 3n] }), node('Reshape', [`${x}.lanes`, 'side by side'], [x]));
  });
  if (stepwise || last > 0) constants.push(tensor('side by side', [3], BigInt64Array.of(0n, 0n, -1n)));
  if (stepwise) return x;
  constants.push(tensor('each lane', [2], BigInt64Array.of(0n, -1n)));
  nodes.push(node('Transpose', [namesOf(last).hOut], ['whole.lanes'], { perm: [1n, 0n, 2n] }), node('Reshape', ['whole.lanes', 'each lane'], ['whole']));
  return 'whole';
}

function addOutput({ nodes, constants, inputs, outputs }: Graph, { shape, weights }: Model, top: string): void {
  constants.push(tensor('output', [weights.output.length / shape.outputs, shape.outputs], weights.output), tensor('outputBias', [shape.outputs], weights.outputBias));
  nodes.push(node('MatMul', [top, 'output'], ['product']));
  if (shape.task === 'regress') {
    nodes.push(node('Add', ['product', 'outputBias'], ['values']));
    outputs.push(value('values', 'float', ['lanes', shape.outputs]));
    return;
  }
  const dims = shape.task === 'classify' ? ['lanes'] : ['steps', 'lanes'];
  nodes.push(
    node('Add', ['product', 'outputBias'], ['logits']), node('ArgMax', ['logits'], ['labels'], { axis: -1, keepdims: 0 }),
    node('Softmax', ['logits'], ['probabilities'], { axis: -1 }), node('ReduceMax', ['probabilities'], ['probability'], { axes: [-1n], keepdims: 0 }),
    node('TopK', ['logits', 'top'], ['best.logits', 'best'], { axis: -1 }), node('GatherElements', ['probabilities', 'best'], ['chances'], { axis: -1 }),
  );
  inputs.push(value('top', 'int64', [1]));
  outputs.push(value('labels', 'int64', dims), value('probability', 'float', dims), value('best', 'int64', [...dims, 'top']), value('chances', 'float', [...dims, 'top']));
}

/** Throws shape-unsupported, also for int8 of another cell than the LSTM. */
export function toOnnx(model: Model, precision: OnnxPrecision = 'fp32'): Uint8Array {
  const { shape, weights, id } = model;
  checkShape(shape);
  if (precision === 'int8' && shape.cell !== 'lstm') throw new EspalierError('shape-unsupported', `ONNX has int8 operators for the LSTM alone, and the cell is ${shape.cell}.`);
  const graph: Graph = { nodes: [], constants: [], inputs: [], outputs: [] };
  if (shape.vocabulary > 0) {
    graph.inputs.push(value('tokens', 'int64', ['steps', 'lanes']));
    graph.constants.push(tensor('embedding', [shape.vocabulary, shape.inputs], weights.embedding));
    graph.nodes.push(node('Gather', ['embedding', 'tokens'], ['x0'], { axis: 0 }));
  } else graph.inputs.push(value('frames', 'float', ['steps', 'lanes', shape.inputs]));
  graph.inputs.push(value('lengths', 'int32', ['lanes']));
  addOutput(graph, model, addLayers(graph, model, shape.vocabulary > 0 ? 'x0' : 'frames', precision));
  return toBinary(ModelSchema, create(ModelSchema, {
    irVersion: IR_VERSION, producerName: 'espalier',
    opsetImport: [{ domain: '', version: OPSET }, ...(precision === 'int8' ? [{ domain: 'com.microsoft', version: 1n }] : [])],
    graph: { name: id, node: graph.nodes, initializer: graph.constants, input: graph.inputs, output: graph.outputs },
  }));
}
