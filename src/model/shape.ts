/**
 * The shape of a recurrent network, and the tensors that fill it.
 *
 * Conventions used everywhere (they are TensorFlow's, so nothing is reordered on the way to training):
 * - gates in the order i, f, g, o (input, forget, candidate, output; Keras calls g "c");
 * - `kernel` is row-major [inputs + units, 4 · units], the rows of the inputs first, then those of the state,
 *   and column g · units + j belongs to gate g of unit j;
 * - source k of a layer is input k for k < inputs, else hidden unit k − inputs;
 * - connection k → j is the four weights kernel[k, g · units + j].
 */

export type Cell = 'lstm';

/** tag: one label for every step; classify: one label for the whole sequence. */
export type Task = 'tag' | 'classify';

/** carry: (h, c) continue from one sequence of a session to the next; reset: every sequence starts at zero. */
export type StateMode = 'carry' | 'reset';

export interface ModelShape {
  readonly cell: Cell;
  /** Rows of the embedding table. */
  readonly vocabulary: number;
  /** Width of the embedding, that is, inputs of the first layer. */
  readonly inputs: number;
  /** Hidden units of each layer; exactly one layer in this version. */
  readonly layers: readonly number[];
  readonly task: Task;
  /** Number of labels. */
  readonly outputs: number;
  readonly state: StateMode;
}

export interface LayerWeights {
  /** [inputs + units, 4 · units], gates i, f, g, o. */
  readonly kernel: Float32Array;
  /** [4 · units]; the forget bias is in it, nothing is added at run time. */
  readonly bias: Float32Array;
}

export interface Weights {
  /** [vocabulary, inputs] */
  readonly embedding: Float32Array;
  readonly layers: readonly LayerWeights[];
  /** [units of the last layer, outputs] */
  readonly output: Float32Array;
  /** [outputs] */
  readonly outputBias: Float32Array;
}

/** One byte for each connection of a layer, row-major [inputs + units, units]: 1 alive, 0 pruned. */
export type LayerMask = Uint8Array;
export type Mask = readonly LayerMask[];

/** The number of units of the only layer. */
export const unitsOf = (shape: ModelShape): number => shape.layers[0]!;
/** The number of sources (inputs and hidden units) of the only layer. */
export const sourcesOf = (shape: ModelShape): number => shape.inputs + unitsOf(shape);
