/**
 * The shape of a recurrent network, and the tensors that fill it.
 *
 * Conventions used everywhere (they are TensorFlow's, so nothing is reordered on the way to training):
 * - G gates a cell: LSTM 4 in the order i, f, g, o (input, forget, candidate, output; Keras calls g "c"); GRU 3 in the
 *   order z, r, n (update, reset, candidate; Keras' z, r, h); simple RNN 1;
 * - `kernel` is row-major [sources, G · units], sources = inputs of the layer + units, the rows of the inputs first, then
 *   those of the state, and column g · units + j belongs to gate g of unit j;
 * - source k of a layer is input k for k < inputs of the layer, else hidden unit k − inputs;
 * - connection k → j is the G weights kernel[k, g · units + j];
 * - layer l > 0 reads the h of layer l − 1 of the same step.
 */

/**
 * gru: reset after the product, n = tanh(x W + b + r ⊙ (h U + b')), h' = z ⊙ h + (1 − z) ⊙ n (Keras' and cuDNN's default).
 * gru-before: reset before it, n = tanh(x W + (r ⊙ h) U + b) (Cho et al. 2014). rnn: h' = f(x W + h U + b).
 */
export type Cell = 'lstm' | 'gru' | 'gru-before' | 'rnn-tanh' | 'rnn-relu';

/**
 * tag: one label for every step; classify: one label for the whole sequence; next: the next token after every step (a
 * language model; outputs = vocabulary); regress: `outputs` numbers for the whole sequence.
 */
export type Task = 'tag' | 'classify' | 'next' | 'regress';

/** carry: (h, c) continue from one sequence of a session to the next; reset: every sequence starts at zero. */
export type StateMode = 'carry' | 'reset';

export interface ModelShape {
  readonly cell: Cell;
  /** Rows of the embedding table; 0 where a step is a frame of `inputs` numbers instead of a token id. */
  readonly vocabulary: number;
  /** Width of the embedding or of a frame, that is, inputs of the first layer. */
  readonly inputs: number;
  /** Hidden units of each layer, the first one first. */
  readonly layers: readonly number[];
  /**
   * Whether a second network reads each sequence backwards; only for whole-sequence tasks, with state `reset`. The
   * output layer reads [h forward after the last step; h backward after the first step] of the last layer; deeper
   * layers read [forward; backward] of the layer below at each step.
   */
  readonly bidirectional?: boolean;
  readonly task: Task;
  /** Number of labels, of tokens (next) or of numbers (regress). */
  readonly outputs: number;
  readonly state: StateMode;
}

export interface LayerWeights {
  /** [sources, G · units] */
  readonly kernel: Float32Array;
  /** [G · units]; the forget bias is in it, nothing is added at run time. */
  readonly bias: Float32Array;
  /** gru only: the bias b' of the recurrent product, [G · units] (for z and r it simply adds). */
  readonly recurrentBias?: Float32Array;
}

export interface Weights {
  /** [vocabulary, inputs]; empty where the shape has no vocabulary. */
  readonly embedding: Float32Array;
  /** One for each layer; where bidirectional two for each layer: forward 0, backward 0, forward 1, … */
  readonly layers: readonly LayerWeights[];
  /** [units of the last layer (twice where bidirectional), outputs] */
  readonly output: Float32Array;
  /** [outputs] */
  readonly outputBias: Float32Array;
}

/** One byte for each connection of a layer, row-major [sources, units]: 1 alive, 0 pruned. */
export type LayerMask = Uint8Array;
/** In the order of `Weights.layers`. */
export type Mask = readonly LayerMask[];

export const GATES: Readonly<Record<Cell, 1 | 3 | 4>> = { 'lstm': 4, 'gru': 3, 'gru-before': 3, 'rnn-tanh': 1, 'rnn-relu': 1 };

export const directionsOf = (shape: ModelShape): 1 | 2 => (shape.bidirectional === true ? 2 : 1);

export interface LayerShape {
  /** Index into `Weights.layers` and `Mask`. */
  readonly index: number;
  readonly layer: number;
  readonly backward: boolean;
  readonly inputs: number;
  readonly units: number;
  /** inputs + units */
  readonly sources: number;
  readonly gates: 1 | 3 | 4;
}

/** The layers in the order of `Weights.layers`. */
export function layerShapes(shape: ModelShape): readonly LayerShape[] {
  const directions = directionsOf(shape);
  return shape.layers.flatMap((units, layer) => Array.from({ length: directions }, (_, direction): LayerShape => {
    const inputs = layer === 0 ? shape.inputs : directions * shape.layers[layer - 1]!;
    return { index: directions * layer + direction, layer, backward: direction === 1, inputs, units, sources: inputs + units, gates: GATES[shape.cell] };
  }));
}

/** Numbers of the state h of a session: all layers one after the other. The cell state c is as long for the LSTM, and empty otherwise. */
export const stateLengths = (shape: ModelShape): { readonly h: number; readonly c: number } => {
  const h = layerShapes(shape).reduce((sum, { units }) => sum + units, 0);
  return { h, c: shape.cell === 'lstm' ? h : 0 };
};

/** The number of units of the only layer. */
export const unitsOf = (shape: ModelShape): number => shape.layers[0]!;
/** The number of sources (inputs and hidden units) of the only layer. */
export const sourcesOf = (shape: ModelShape): number => shape.inputs + unitsOf(shape);
