/**
 * The kernels of TensorFlow that the network needs, each as one function with its shapes.
 *
 * Attributes are written out, never spread: V8 made a new hidden class for each object spread from a constant, in the old
 * generation, 140 to 310 bytes a call. A training step left 8 kB there until the next full collection.
 */
import type { Attributes, Tensor, TensorFlow } from './tensorflow.ts';
import { loadTensorFlow } from './tensorflow.ts';

const FLOAT = { type: 'float' } as const;
const INT32 = { type: 'int32' } as const;
const T = { T: FLOAT };

export type Ops = ReturnType<typeof opsOf>;

function arithmetic(tf: TensorFlow) {
  const one = (name: string, attributes: Attributes, inputs: readonly Tensor[]): Tensor => tf.op(name, attributes, inputs, 1)[0]!;
  return {
    one,
    scalar: (value: number): Tensor => tf.floats(Float32Array.of(value), []),
    zeros: (shape: readonly number[]): Tensor => tf.floats(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape),
    add: (a: Tensor, b: Tensor): Tensor => one('AddV2', T, [a, b]),
    subtract: (a: Tensor, b: Tensor): Tensor => one('Sub', T, [a, b]),
    multiply: (a: Tensor, b: Tensor): Tensor => one('Mul', T, [a, b]),
    /** f(a), element by element. */
    apply: (f: 'Tanh' | 'Sigmoid' | 'Relu', a: Tensor): Tensor => one(f, T, [a]),
    /** The gradient by a from y = f(a) and that by y. */
    slope: (f: 'Tanh' | 'Sigmoid' | 'Relu', y: Tensor, dY: Tensor): Tensor => one(`${f}Grad`, T, f === 'Relu' ? [dY, y] : [y, dY]),
    /** [m, k] · [k, n], either one transposed first if asked. */
    matMul: (a: Tensor, b: Tensor, transposeA = false, transposeB = false): Tensor => one('MatMul', { T: FLOAT, transpose_a: { bool: transposeA }, transpose_b: { bool: transposeB } }, [a, b]),
    reshape: (a: Tensor, shape: readonly number[]): Tensor => one('Reshape', { T: FLOAT, Tshape: INT32 }, [a, tf.ints(Int32Array.from(shape), [shape.length])]),
    /** Sum over all rows: [rows, n] to [n]. */
    sumRows: (a: Tensor): Tensor => one('BiasAddGrad', T, [a]),
    softmax: (logits: Tensor): Tensor => one('Softmax', T, [logits]),
    /** Index of the largest of each row: [rows, n] to int32 [rows]. */
    argMax: (a: Tensor): Tensor => one('ArgMax', { T: FLOAT, Tidx: INT32, output_type: INT32 }, [a, tf.ints(Int32Array.of(1), [])]),
    /** Σ a² / 2 */
    halfSquares: (a: Tensor): Tensor => one('L2Loss', T, [a]),
    /** Tensors side by side along an axis; TensorFlow wants two at least. */
    concat: (parts: readonly Tensor[], axis: number): Tensor => (parts.length === 1 ? parts[0]! : one('ConcatV2', { T: FLOAT, N: { int: parts.length }, Tidx: INT32 }, [...parts, tf.ints(Int32Array.of(axis), [])])),
    /** Slices along the first axis: [n, ...rest] to n of [...rest]. */
    unstack: (a: Tensor): Tensor[] => tf.op('Unpack', { T: FLOAT, num: { int: a.shape[0]! }, axis: { int: 0 } }, [a], a.shape[0]!),
    /** Columns in equal parts: [rows, parts · n] to parts of [rows, n]. */
    split: (a: Tensor, parts: number): Tensor[] => tf.op('Split', { T: FLOAT, num_split: { int: parts } }, [tf.ints(Int32Array.of(1), []), a], parts),
    /** Each lane of [steps, lanes, width] backwards within its own length; its own inverse, and its own gradient. @param lengths int32 [lanes] */
    reverse: (a: Tensor, lengths: Tensor): Tensor => one('ReverseSequence', { T: FLOAT, Tlen: INT32, seq_dim: { int: 0 }, batch_dim: { int: 1 } }, [a, lengths]),
    /** A copy with memory of its own. */
    copy: (a: Tensor): Tensor => one('DeepCopy', T, [a]),
  };
}

function rows(tf: TensorFlow, one: ReturnType<typeof arithmetic>['one']) {
  const gather = (table: Tensor, ids: Tensor, axis = 0): Tensor => one('GatherV2', { Tparams: FLOAT, Tindices: INT32, Taxis: INT32, batch_dims: { int: 0 } }, [table, ids, tf.ints(Int32Array.of(axis), [])]);
  return {
    /** table[ids] along an axis, the first by default: [n, width] and int32 [m] to [m, width]. */
    gather,
    /** The gradient of `gather`: rows [m, width] added up by id to [n, width]. */
    scatterSum: (values: Tensor, ids: Tensor, n: number): Tensor => one('UnsortedSegmentSum', { T: FLOAT, Tindices: INT32, Tnumsegments: INT32 }, [values, ids, tf.ints(Int32Array.of(n), [])]),
    /** Step t of [steps, ...rest] as [...rest]. */
    step: (a: Tensor, t: number): Tensor => gather(a, tf.ints(Int32Array.of(t), [])),
    /** Drop-out mask (Srivastava et al. 2014): 1 / keep with probability keep, else 0; a function of the seed alone. */
    dropoutMask: (shape: readonly number[], keep: number, seed: readonly [number, number]): Tensor => {
      const uniform = one('StatelessRandomUniform', { dtype: FLOAT, T: INT32, Tseed: INT32 }, [tf.ints(Int32Array.from(shape), [shape.length]), tf.ints(Int32Array.from(seed), [2])]);
      const kept = one('Cast', { SrcT: { type: 'bool' }, DstT: FLOAT, Truncate: { bool: false } }, [one('Less', T, [uniform, tf.floats(Float32Array.of(keep), [])])]);
      return one('Mul', T, [kept, tf.floats(Float32Array.of(1 / keep), [])]);
    },
  };
}

function losses(tf: TensorFlow) {
  const both = ([loss, gradient]: Tensor[]): { loss: Tensor; gradient: Tensor } => ({ loss: loss!, gradient: gradient! });
  return {
    /** −ln p(label) [rows] and its gradient by the logits [rows, labels], in one pass; labels int32 [rows]. */
    labelLoss: (logits: Tensor, labels: Tensor) => both(tf.op('SparseSoftmaxCrossEntropyWithLogits', { T: FLOAT, Tlabels: INT32 }, [logits, labels], 2)),
    /** −Σ q ln p [rows] and its gradient by the logits [rows, labels]; q is a distribution [rows, labels]. */
    softLoss: (logits: Tensor, q: Tensor) => both(tf.op('SoftmaxCrossEntropyWithLogits', T, [logits, q], 2)),
  };
}

export function opsOf(tf: TensorFlow) {
  const basic = arithmetic(tf);
  return { ...basic, ...rows(tf, basic.one), ...losses(tf) };
}

/** TensorFlow with its kernels: what every function of this room works with. */
export interface Runtime { readonly tf: TensorFlow; readonly ops: Ops }

/** Throws trainer-unavailable. */
export function openRuntime(): Runtime {
  const tf = loadTensorFlow();
  return { tf, ops: opsOf(tf) };
}
