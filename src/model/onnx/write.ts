/** Pieces of an ONNX graph: nodes, attributes, tensors, values. */
import { create } from '@bufbuild/protobuf';
import { AttributeSchema, ATTRIBUTE, DATA, NodeSchema, TensorSchema, ValueInfoSchema } from './schema.ts';
import type { AttributeProto, NodeProto, TensorProto, ValueInfoProto } from './schema.ts';

/** Attributes by name; whole numbers are INT, texts STRING, lists of texts STRINGS, lists of numbers FLOATS, big integers INTS. */
export type Attributes = Readonly<Record<string, number | string | readonly string[] | readonly bigint[]>>;

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function attribute(name: string, value: Attributes[string]): AttributeProto {
  if (typeof value === 'number') return create(AttributeSchema, { name, i: BigInt(value), type: ATTRIBUTE.int });
  if (typeof value === 'string') return create(AttributeSchema, { name, s: bytesOf(value), type: ATTRIBUTE.string });
  if (value.every((item) => typeof item === 'bigint')) return create(AttributeSchema, { name, ints: [...value], type: ATTRIBUTE.ints });
  return create(AttributeSchema, { name, strings: (value as readonly string[]).map(bytesOf), type: ATTRIBUTE.strings });
}

/** @param input names; empty for an optional input that is left out */
export const node = (opType: string, input: readonly string[], output: readonly string[], attributes: Attributes = {}, domain = ''): NodeProto =>
  create(NodeSchema, { name: output.find((name) => name !== '') ?? opType, opType, input: [...input], output: [...output], attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)), domain });

const TYPE = new Map<object, number>([[Float32Array, DATA.float], [Uint8Array, DATA.uint8], [Int8Array, DATA.int8], [Int32Array, DATA.int32], [BigInt64Array, DATA.int64]]);

/** A constant. The bytes are those of the array (little-endian, as ONNX wants them and every supported machine has them). */
export const tensor = (name: string, dims: readonly number[], values: Float32Array | Uint8Array | Int8Array | Int32Array | BigInt64Array): TensorProto =>
  create(TensorSchema, { name, dims: dims.map(BigInt), dataType: TYPE.get(values.constructor)!, rawData: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) });

/** An input or output of the graph; a dimension that is a text is left open under that name. */
export const value = (name: string, type: keyof typeof DATA, dims: readonly (number | string)[]): ValueInfoProto =>
  create(ValueInfoSchema, {
    name, type: { tensorType: { elemType: DATA[type], shape: { dim: dims.map((dim) => ({ value: typeof dim === 'number' ? { case: 'dimValue' as const, value: BigInt(dim) } : { case: 'dimParam' as const, value: dim } })) } } },
  });
