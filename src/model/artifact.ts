/**
 * A model as one file: the container of named tensors (support/container.ts), and the SHA-256 of everything before it
 * in the last 32 bytes. The name of a model is the SHA-256 of the whole file, which is also its reference in the vault.
 *
 * Dead connections are not stored: a layer's kernel holds the gate weights of each alive connection, [alive, G] in the
 * order of the mask, so a file shrinks with the density.
 *
 * The same model gives the same bytes. What is read is believed only after the checksum holds, every field is checked
 * and every tensor fits the shape; nothing is allocated before.
 */
import { EspalierError } from '../errors.ts';
import { bitsOf, bytesOfNumbers, flagsOf, float32Of } from '../support/bytes.ts';
import type { ContainerFormat, Tensor } from '../support/container.ts';
import { fileBytesOf, readContainer, refusal, tensorData, writeContainer } from '../support/container.ts';
import type { Refuse } from '../support/fields.ts';
import type { ArtifactLimits } from './artifact-header.ts';
import { ARTIFACT_LIMITS, readHeader } from './artifact-header.ts';
import { aliveOf } from './mask.ts';
import type { Model, ModelDraft, ModelId } from './model.ts';
import type { LayerMask, LayerWeights, ModelShape } from './shape.ts';
import { directionsOf, layerShapes } from './shape.ts';

/** SHA-256 of the bytes, in hexadecimal. */
export type Sha256 = (bytes: Uint8Array) => string;

const DIGEST_BYTES = 32;
const FORMAT: ContainerFormat = {
  magic: 'ESPMODL', version: 1, trailerBytes: DIGEST_BYTES,
  truncated: 'artifact-truncated', tooLarge: 'artifact-too-large', invalid: 'artifact-invalid',
};
const refuse: Refuse = refusal('artifact-invalid');

/**
 * The file of a model and its name. Throws artifact-invalid where the draft is not sound (sizes, finite weights,
 * zero weights under dead connections), artifact-too-large, shape-unsupported.
 */
export function encodeArtifact(draft: ModelDraft, sha256: Sha256): { readonly id: ModelId; readonly bytes: Uint8Array<ArrayBuffer> } {
  const { shape, tokenizer, labels, lineage, weights, mask } = draft;
  // Fields are named one by one, so that their order, and with it the bytes, never depends on how a draft was built.
  const header = {
    shape: { cell: shape.cell, vocabulary: shape.vocabulary, inputs: shape.inputs, layers: shape.layers, task: shape.task, outputs: shape.outputs, state: shape.state, ...(shape.bidirectional === true ? { bidirectional: true } : {}) },
    tokenizer: { kind: tokenizer.kind, words: tokenizer.words, suffixes: tokenizer.suffixes, foldCase: tokenizer.foldCase },
    labels,
    lineage: { parent: lineage.parent, anchor: lineage.anchor, cycle: lineage.cycle, density: lineage.density, criterion: lineage.criterion, seed: lineage.seed, trainedOn: lineage.trainedOn, ...(lineage.origins === undefined ? {} : { origins: lineage.origins }) },
  };
  readHeader(header, ARTIFACT_LIMITS, refuse);
  const numbers: Readonly<Record<string, Float32Array>> = {
    embedding: weights.embedding, output: weights.output, outputBias: weights.outputBias,
    ...Object.fromEntries(weights.layers.flatMap((layer, at) => [[`layers.${at}.kernel`, layer.kernel], [`layers.${at}.bias`, layer.bias], ...(layer.recurrentBias === undefined ? [] : [[`layers.${at}.recurrentBias`, layer.recurrentBias] as const])])),
  };
  const layers = layerShapes(shape);
  if (mask.length !== layers.length || weights.layers.length !== layers.length) {
    refuse(`the mask has ${mask.length} layers, the weights ${weights.layers.length}, the shape ${layers.length}`);
  }
  const sized = (name: string, values: Float32Array | Uint8Array | undefined, length: number): void => {
    if (values?.length !== length) refuse(`${name} has ${values?.length ?? 'no'} elements, its shape needs ${length}`);
  };
  for (const { index, sources, units, gates } of layers) {
    sized(`layers.${index}.mask`, mask[index], sources * units);
    sized(`layers.${index}.kernel`, weights.layers[index]!.kernel, gates * sources * units);
  }
  numbersChecked(Object.entries(numbers));
  const tensors = expectedTensors(shape, mask.map(aliveOf)).map(({ name, dtype, sides, layer }): Tensor => {
    if (dtype === 'bits') return { name, dtype, shape: sides, data: checkedBits(mask[layer]!) };
    const values = name.endsWith('.kernel') ? aliveWeights(weights.layers[layer]!, mask[layer]!, layers[layer]!.units) : numbers[name];
    sized(name, values, sides.reduce((product, side) => product * side, 1));
    return { name, dtype, shape: sides, data: bytesOfNumbers(values!) };
  });
  const bytes = writeContainer(FORMAT, header, tensors);
  bytes.set(bytesOfHex(sha256(bytes.subarray(0, -DIGEST_BYTES))), bytes.length - DIGEST_BYTES);
  if (bytes.length > ARTIFACT_LIMITS.bytesMax) throw new EspalierError('artifact-too-large', `${bytes.length} bytes.`);
  return { id: sha256(bytes), bytes };
}

/** The model in a file. Throws artifact-truncated, artifact-too-large, artifact-altered, artifact-invalid, shape-unsupported. */
export function decodeArtifact(bytes: Uint8Array, sha256: Sha256, limits: ArtifactLimits = ARTIFACT_LIMITS): Model {
  checkDigest(bytes, sha256, limits);
  const container = readContainer(FORMAT, bytes, limits);
  const { shape, tokenizer, labels, lineage } = readHeader(container.header, limits, refuse);
  const mask = layerShapes(shape).map(({ index, sources, units, gates }): LayerMask => {
    // A sparse kernel is small in the file and dense in memory; it must not become what no file may be.
    const denseBytes = 4 * gates * sources * units;
    if (denseBytes > limits.bytesMax) throw new EspalierError('artifact-too-large', `Layer ${index} takes ${denseBytes} bytes in memory, at most ${limits.bytesMax} are allowed.`);
    return flagsOf(tensorData(container, `layers.${index}.mask`, 'bits', [sources, units], refuse), sources * units) ?? refuse('a spare bit of the mask is set');
  });
  const expected = expectedTensors(shape, mask.map(aliveOf));
  if (container.tensors.size !== expected.length) refuse(`it has ${container.tensors.size} tensors, its shape needs ${expected.length}`);
  // All are compared with the shape before the first is copied.
  const data = new Map(expected.map(({ name, dtype, sides }) => [name, tensorData(container, name, dtype, sides, refuse)]));
  const floats = (name: string): Float32Array => {
    const values = float32Of(data.get(name)!);
    numbersChecked([[name, values]]);
    return values;
  };
  const layers = layerShapes(shape).map(({ index, units, gates }): LayerWeights => {
    const layer = { kernel: spread(floats(`layers.${index}.kernel`), mask[index]!, units, gates), bias: floats(`layers.${index}.bias`) };
    return shape.cell === 'gru' ? { ...layer, recurrentBias: floats(`layers.${index}.recurrentBias`) } : layer;
  });
  const weights = { embedding: floats('embedding'), layers, output: floats('output'), outputBias: floats('outputBias') };
  return { id: sha256(bytes), shape, weights, mask, tokenizer, labels, lineage };
}

interface ExpectedTensor { readonly name: string; readonly dtype: 'f32' | 'bits'; readonly sides: readonly number[]; readonly layer: number }

/** The tensors of a shape, in the order of the file. @param alive alive connections of each layer */
function expectedTensors(shape: ModelShape, alive: readonly number[]): readonly ExpectedTensor[] {
  const layers = layerShapes(shape).flatMap(({ index, sources, units, gates }): ExpectedTensor[] => [
    { name: `layers.${index}.kernel`, dtype: 'f32', sides: [alive[index]!, gates], layer: index },
    { name: `layers.${index}.bias`, dtype: 'f32', sides: [gates * units], layer: index },
    ...(shape.cell === 'gru' ? [{ name: `layers.${index}.recurrentBias`, dtype: 'f32' as const, sides: [gates * units], layer: index }] : []),
    { name: `layers.${index}.mask`, dtype: 'bits', sides: [sources, units], layer: index },
  ]);
  return [
    { name: 'embedding', dtype: 'f32', sides: [shape.vocabulary, shape.inputs], layer: -1 },
    ...layers,
    { name: 'output', dtype: 'f32', sides: [directionsOf(shape) * shape.layers.at(-1)!, shape.outputs], layer: -1 },
    { name: 'outputBias', dtype: 'f32', sides: [shape.outputs], layer: -1 },
  ];
}

/** Tells what is wrong by the most useful code: a file too short is truncated, any other change is altered. */
function checkDigest(bytes: Uint8Array, sha256: Sha256, limits: ArtifactLimits): void {
  if (bytes.length > limits.bytesMax || bytes.length < 12 + DIGEST_BYTES || bytes[7] !== FORMAT.version) {
    fileBytesOf(FORMAT, bytes, limits); // throws the code of a file that is too large, too short, foreign or newer
    throw new EspalierError('artifact-truncated', `${bytes.length} bytes.`);
  }
  const digest = bytes.subarray(-DIGEST_BYTES), body = bytes.subarray(0, -DIGEST_BYTES);
  if (bytesOfHex(sha256(body)).every((byte, at) => byte === digest[at])) return;
  const needed = fileBytesOf(FORMAT, bytes, limits);
  if (needed > bytes.length) throw new EspalierError('artifact-truncated', `${bytes.length} of ${needed} bytes.`);
  throw new EspalierError('artifact-altered');
}

const bytesOfHex = (hex: string): Uint8Array => Uint8Array.from({ length: hex.length / 2 }, (_, at) => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16));

function checkedBits(flags: Uint8Array): Uint8Array {
  if (flags.some((flag) => flag > 1)) refuse('the mask holds other values than 0 and 1');
  return bitsOf(flags);
}

function numbersChecked(named: readonly (readonly [string, Float32Array])[]): void {
  for (const [name, values] of named) {
    const at = values.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) refuse(`${name}[${at}] is not finite`);
  }
}

/** Gate weights of the alive connections, [alive, G] in the order of the mask. Refuses a dead connection that weighs anything. */
function aliveWeights({ kernel }: LayerWeights, mask: LayerMask, units: number): Float32Array {
  const gates = kernel.length / mask.length, stored = new Float32Array(gates * aliveOf(mask));
  let next = 0;
  for (let at = 0; at < mask.length; at++) {
    const k = Math.floor(at / units), j = at % units;
    for (let gate = 0; gate < gates; gate++) {
      const weight = kernel[(gates * k + gate) * units + j]!;
      if (mask[at] === 1) stored[next++] = weight;
      // Otherwise a kernel that skips it and one that does not would disagree.
      else if (weight !== 0) refuse(`the dead connection ${k} → ${j} has a weight`);
    }
  }
  return stored;
}

/** The inverse of `aliveWeights`: [sources, G · units] with zeros where the mask has them. */
function spread(stored: Float32Array, mask: LayerMask, units: number, gates: number): Float32Array {
  const kernel = new Float32Array(gates * mask.length);
  let next = 0;
  for (let at = 0; at < mask.length; at++) {
    if (mask[at] !== 1) continue;
    const k = Math.floor(at / units), j = at % units;
    for (let gate = 0; gate < gates; gate++) kernel[(gates * k + gate) * units + j] = stored[next++]!;
  }
  return kernel;
}
