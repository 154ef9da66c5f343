/**
 * TensorFlow's eager ops by name: the only file of the program that loads @tensorflow/tfjs-node.
 *
 * The package's own tensors, tape and optimizers cost 40-50 µs an op and several times the arithmetic of an LSTM; its
 * binding alone is enough to reach every registered kernel, so tensors here are handles of the binding with a shape.
 */
import { createRequire } from 'node:module';
import { EspalierError, assert } from '../errors.ts';

type Values = Float32Array | Int32Array | Uint8Array;
interface Attribute { readonly name: string; readonly type: number; readonly value: unknown }

/** The part of the binding that is used. */
interface Binding {
  createTensor(shape: readonly number[], dtype: number, values: Values): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Values;
  executeOp(name: string, attributes: readonly Attribute[], inputs: readonly number[], outputs: number): readonly { readonly id: number; readonly shape: readonly number[] }[];
  getNumOfTensors(): number;
  isUsingGpuDevice(): boolean;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_INT64: number;
  readonly TF_BOOL: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
  readonly TF_Version: string;
}

/** A value inside TensorFlow: immutable, freed at the end of the scope that made it unless kept. */
export interface Tensor {
  readonly id: number;
  readonly shape: readonly number[];
}

export type TypeName = 'float' | 'int32' | 'int64' | 'bool';
/** One attribute of an op: a type by name, or a number, truth value or text by kind. */
export type AttributeValue = { readonly type: TypeName } | { readonly int: number } | { readonly float: number } | { readonly bool: boolean } | { readonly string: string } | { readonly shape: readonly number[] };
export type Attributes = Readonly<Record<string, AttributeValue>>;

export interface TensorFlow {
  /** Version of the library, and where it computes. */
  readonly version: string;
  readonly device: 'cpu' | 'gpu';
  /** Runs an op; `outputs` is the number of tensors it gives. */
  op(name: string, attributes: Attributes, inputs: readonly Tensor[], outputs: number): Tensor[];
  /** A tensor over the memory of `values`, which must not change while the tensor lives. */
  floats(values: Float32Array, shape: readonly number[]): Tensor;
  ints(values: Int32Array, shape: readonly number[]): Tensor;
  int64(value: number): Tensor;
  readFloats(tensor: Tensor): Float32Array;
  readInts(tensor: Tensor): Int32Array;
  /** Frees every tensor made inside, except those kept; scopes nest. */
  scope<T>(inside: () => T): T;
  /** Takes a tensor out of its scope; free it with `drop`. */
  keep(tensor: Tensor): Tensor;
  drop(tensor: Tensor): void;
  /** Tensors that live now (a leak shows here). */
  alive(): number;
}

function loadBinding(): Binding {
  const require = createRequire(import.meta.url);
  try {
    // The package calls two functions that Node 23 removed, and that warn before.
    const util = require('node:util') as Record<string, unknown>;
    util.isNullOrUndefined = (value: unknown): boolean => value === null || value === undefined;
    util.isArray = Array.isArray;
    const package_ = require('@tensorflow/tfjs-node') as { backend(): { binding?: Binding } };
    const { binding } = package_.backend();
    if (binding === undefined) throw new Error('another backend than the native one is active');
    return binding;
  } catch (error) {
    throw new EspalierError('trainer-unavailable', error instanceof Error ? error.message.split('\n')[0]! : '', error);
  }
}

function attributesOf(b: Binding): (attributes: Attributes) => Attribute[] {
  const types = { float: b.TF_FLOAT, int32: b.TF_INT32, int64: b.TF_INT64, bool: b.TF_BOOL };
  return (attributes) => Object.entries(attributes).map(([name, value]) => {
    if ('type' in value) return { name, type: b.TF_ATTR_TYPE, value: types[value.type] };
    if ('int' in value) return { name, type: b.TF_ATTR_INT, value: value.int };
    if ('float' in value) return { name, type: b.TF_ATTR_FLOAT, value: value.float };
    if ('bool' in value) return { name, type: b.TF_ATTR_BOOL, value: value.bool };
    if ('string' in value) return { name, type: b.TF_ATTR_STRING, value: value.string };
    return { name, type: b.TF_ATTR_SHAPE, value: value.shape };
  });
}

function eager(b: Binding): TensorFlow {
  const scopes: Set<number>[] = [];
  const attributes = attributesOf(b);
  const made = (tensor: Tensor): Tensor => { scopes.at(-1)?.add(tensor.id); return tensor; };
  const create = (values: Values, shape: readonly number[], type: number): Tensor => made({ id: b.createTensor(shape, type, values), shape });
  return {
    version: b.TF_Version,
    device: b.isUsingGpuDevice() ? 'gpu' : 'cpu',
    op: (name, attributes_, inputs, outputs) => b.executeOp(name, attributes(attributes_), inputs.map((tensor) => tensor.id), outputs).map(({ id, shape }) => made({ id, shape })),
    floats: (values, shape) => create(values, shape, b.TF_FLOAT),
    ints: (values, shape) => create(values, shape, b.TF_INT32),
    int64: (value) => create(Int32Array.of(value, 0), [], b.TF_INT64),
    readFloats: (tensor) => b.tensorDataSync(tensor.id) as Float32Array,
    readInts: (tensor) => b.tensorDataSync(tensor.id) as Int32Array,
    scope: (inside) => {
      const mine = new Set<number>();
      scopes.push(mine);
      try { return inside(); } finally {
        assert(scopes.pop() === mine, 'scopes end in the order in which they nest');
        for (const id of mine) b.deleteTensor(id);
      }
    },
    keep: (tensor) => { for (const scope of scopes) scope.delete(tensor.id); return tensor; },
    drop: (tensor) => { for (const scope of scopes) scope.delete(tensor.id); b.deleteTensor(tensor.id); },
    alive: () => b.getNumOfTensors(),
  };
}

let loaded: TensorFlow | undefined;

/** Loads TensorFlow once in this process. Throws trainer-unavailable. */
export function loadTensorFlow(): TensorFlow {
  return loaded ??= eager(loadBinding());
}
