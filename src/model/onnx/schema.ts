/**
 * The part of the Open Neural Network Exchange format that is written and read here, as messages of @bufbuild/protobuf.
 * `DESCRIPTOR` is onnx.proto beside this file, compiled by `buf generate` with the plug-in protoc-gen-es.
 */
import type { Message } from '@bufbuild/protobuf';
import type { GenMessage } from '@bufbuild/protobuf/codegenv2';
import { fileDesc, messageDesc } from '@bufbuild/protobuf/codegenv2';

const DESCRIPTOR = [
  'Cgpvbm54LnByb3RvEgRvbm54IrcBCg5BdHRyaWJ1dGVQcm90bxIMCgRuYW1lGAEgASgJEgkKAWYYAiABKAISCQoBaRgDIAEoAxIJCgFzGAQgASgMEhwKAX',
  'QYBSABKAsyES5vbm54LlRlbnNvclByb3RvEhsKAWcYBiABKAsyEC5vbm54LkdyYXBoUHJvdG8SDgoGZmxvYXRzGAcgAygCEgwKBGludHMYCCADKAMSDwoH',
  'c3RyaW5ncxgJIAMoDBIMCgR0eXBlGBQgASgFIj0KDlZhbHVlSW5mb1Byb3RvEgwKBG5hbWUYASABKAkSHQoEdHlwZRgCIAEoCzIPLm9ubnguVHlwZVByb3',
  'RvIoIBCglOb2RlUHJvdG8SDQoFaW5wdXQYASADKAkSDgoGb3V0cHV0GAIgAygJEgwKBG5hbWUYAyABKAkSDwoHb3BfdHlwZRgEIAEoCRInCglhdHRyaWJ1',
  'dGUYBSADKAsyFC5vbm54LkF0dHJpYnV0ZVByb3RvEg4KBmRvbWFpbhgHIAEoCSLWAQoKR3JhcGhQcm90bxIdCgRub2RlGAEgAygLMg8ub25ueC5Ob2RlUH',
  'JvdG8SDAoEbmFtZRgCIAEoCRImCgtpbml0aWFsaXplchgFIAMoCzIRLm9ubnguVGVuc29yUHJvdG8SIwoFaW5wdXQYCyADKAsyFC5vbm54LlZhbHVlSW5m',
  'b1Byb3RvEiQKBm91dHB1dBgMIAMoCzIULm9ubnguVmFsdWVJbmZvUHJvdG8SKAoKdmFsdWVfaW5mbxgNIAMoCzIULm9ubnguVmFsdWVJbmZvUHJvdG8iNQ',
  'oST3BlcmF0b3JTZXRJZFByb3RvEg4KBmRvbWFpbhgBIAEoCRIPCgd2ZXJzaW9uGAIgASgDIjQKFlN0cmluZ1N0cmluZ0VudHJ5UHJvdG8SCwoDa2V5GAEg',
  'ASgJEg0KBXZhbHVlGAIgASgJItgBCgpNb2RlbFByb3RvEhIKCmlyX3ZlcnNpb24YASABKAMSFQoNcHJvZHVjZXJfbmFtZRgCIAEoCRIYChBwcm9kdWNlcl',
  '92ZXJzaW9uGAMgASgJEh8KBWdyYXBoGAcgASgLMhAub25ueC5HcmFwaFByb3RvEi4KDG9wc2V0X2ltcG9ydBgIIAMoCzIYLm9ubnguT3BlcmF0b3JTZXRJ',
  'ZFByb3RvEjQKDm1ldGFkYXRhX3Byb3BzGA4gAygLMhwub25ueC5TdHJpbmdTdHJpbmdFbnRyeVByb3RvIrYBCgtUZW5zb3JQcm90bxIMCgRkaW1zGAEgAy',
  'gDEhEKCWRhdGFfdHlwZRgCIAEoBRISCgpmbG9hdF9kYXRhGAQgAygCEhIKCmludDMyX2RhdGEYBSADKAUSEgoKaW50NjRfZGF0YRgHIAMoAxIMCgRuYW1l',
  'GAggASgJEhAKCHJhd19kYXRhGAkgASgMEhMKC2RvdWJsZV9kYXRhGAogAygBEhUKDWRhdGFfbG9jYXRpb24YDiABKAUigQEKEFRlbnNvclNoYXBlUHJvdG',
  '8SLQoDZGltGAEgAygLMiAub25ueC5UZW5zb3JTaGFwZVByb3RvLkRpbWVuc2lvbho+CglEaW1lbnNpb24SEwoJZGltX3ZhbHVlGAEgASgDSAASEwoJZGlt',
  'X3BhcmFtGAIgASgJSABCBwoFdmFsdWUifAoJVHlwZVByb3RvEisKC3RlbnNvcl90eXBlGAEgASgLMhYub25ueC5UeXBlUHJvdG8uVGVuc29yGkIKBlRlbn',
  'NvchIRCgllbGVtX3R5cGUYASABKAUSJQoFc2hhcGUYAiABKAsyFi5vbm54LlRlbnNvclNoYXBlUHJvdG9iBnByb3RvMw',
].join('');

export type AttributeProto = Message<'onnx.AttributeProto'> & {
  name: string;
  f: number;
  i: bigint;
  s: Uint8Array;
  t?: TensorProto;
  g?: GraphProto;
  floats: number[];
  ints: bigint[];
  strings: Uint8Array[];
  /** One of `ATTRIBUTE`. */
  type: number;
};
export type ValueInfoProto = Message<'onnx.ValueInfoProto'> & { name: string; type?: TypeProto };
export type NodeProto = Message<'onnx.NodeProto'> & { input: string[]; output: string[]; name: string; opType: string; attribute: AttributeProto[]; domain: string };
export type GraphProto = Message<'onnx.GraphProto'> & {
  node: NodeProto[];
  name: string;
  initializer: TensorProto[];
  input: ValueInfoProto[];
  output: ValueInfoProto[];
  valueInfo: ValueInfoProto[];
};
export type OperatorSetIdProto = Message<'onnx.OperatorSetIdProto'> & { domain: string; version: bigint };
export type StringStringEntryProto = Message<'onnx.StringStringEntryProto'> & { key: string; value: string };
export type ModelProto = Message<'onnx.ModelProto'> & {
  irVersion: bigint;
  producerName: string;
  producerVersion: string;
  graph?: GraphProto;
  opsetImport: OperatorSetIdProto[];
  metadataProps: StringStringEntryProto[];
};
export type TensorProto = Message<'onnx.TensorProto'> & {
  dims: bigint[];
  /** One of `DATA`. */
  dataType: number;
  floatData: number[];
  int32Data: number[];
  int64Data: bigint[];
  name: string;
  rawData: Uint8Array;
  doubleData: number[];
  dataLocation: number;
};
export type TensorShapeProto = Message<'onnx.TensorShapeProto'> & { dim: DimensionProto[] };
export type DimensionProto = Message<'onnx.TensorShapeProto.Dimension'> & {
  value: { value: bigint; case: 'dimValue' } | { value: string; case: 'dimParam' } | { case: undefined; value?: undefined };
};
export type TypeProto = Message<'onnx.TypeProto'> & { tensorType?: TensorTypeProto };
export type TensorTypeProto = Message<'onnx.TypeProto.Tensor'> & { elemType: number; shape?: TensorShapeProto };

export const ATTRIBUTE = { float: 1, int: 2, string: 3, tensor: 4, graph: 5, floats: 6, ints: 7, strings: 8 } as const;
export const DATA = { float: 1, uint8: 2, int8: 3, int32: 6, int64: 7, float16: 10, double: 11 } as const;

const file = fileDesc(DESCRIPTOR);
export const AttributeSchema: GenMessage<AttributeProto> = messageDesc(file, 0);
export const ValueInfoSchema: GenMessage<ValueInfoProto> = messageDesc(file, 1);
export const NodeSchema: GenMessage<NodeProto> = messageDesc(file, 2);
export const ModelSchema: GenMessage<ModelProto> = messageDesc(file, 6);
export const TensorSchema: GenMessage<TensorProto> = messageDesc(file, 7);
