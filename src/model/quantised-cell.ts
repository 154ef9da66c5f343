/** The quantised network in float64: whole sums, exact, and around them the gates of the textbooks. What the int8 kernels are compared with. */
import { answers } from './cell.ts';
import type { ForwardResult, State64 } from './cell.ts';
import type { QuantisedLayer, QuantisedModel } from './quantise.ts';
import { STEPS, sumOf, sumsOf } from './quantise.ts';
import type { Cell, LayerShape } from './shape.ts';
import { directionsOf, layerShapes, stateLengths } from './shape.ts';
import { sigmoid } from './step.ts';

/** Nearest whole number of steps within [−127, 127], halves to even. */
export function stepsOfState(h: number): number {
  const steps = STEPS * Math.max(-1, Math.min(1, h)), near = Math.round(steps);
  return near - steps === 0.5 && near % 2 !== 0 ? near - 1 : near;
}

export interface QuantisedResult extends ForwardResult {
  /** `h` before it was rounded to steps; the GRUs answer with it unrounded, as they blend it. */
  readonly unrounded: Float64Array;
}

/** Of one layer; a, u and the sums are whole numbers of steps. */
interface LayerState {
  /** x [inputs], then h [units]. */
  readonly a: Float64Array;
  /** c of the LSTM, h of the others before rounding. */
  readonly kept: Float64Array;
  readonly unrounded: Float64Array;
}

/** scale · Σ w a + bias of the sums [from, to) of every unit, [sums, units]. */
function weighted(layer: QuantisedLayer, shape: LayerShape, cell: Cell, a: Float64Array): Float64Array {
  const { sources, units, gates } = shape;
  const z = new Float64Array(sumsOf(cell) * units);
  for (let k = 0; k < sources; k++) {
    if (a[k] === 0) continue;
    for (let gate = 0; gate < gates; gate++) {
      const sum = sumOf(shape, gate, k) * units, row = (gates * k + gate) * units;
      for (let j = 0; j < units; j++) z[sum + j]! += a[k]! * layer.kernel[row + j]!;
    }
  }
  return z.map((sum, at) => sum * layer.scale[at]! + layer.bias[at]!);
}

function step(cell: Cell, layer: QuantisedLayer, shape: LayerShape, { a, kept, unrounded }: LayerState): void {
  const { units, inputs } = shape;
  const z = weighted(layer, shape, cell, a), at = (sum: number, j: number): number => z[sum * units + j]!;
  let candidate = z.subarray(3 * units);
  if (cell === 'gru-before') {
    const reset = a.slice();
    for (let j = 0; j < units; j++) reset[inputs + j] = stepsOfState(sigmoid(at(1, j)) * kept[j]!);
    candidate = weighted(layer, shape, cell, reset).subarray(3 * units);
  }
  for (let j = 0; j < units; j++) {
    if (cell === 'lstm') {
      kept[j] = sigmoid(at(1, j)) * kept[j]! + sigmoid(at(0, j)) * Math.tanh(at(2, j));
      unrounded[j] = sigmoid(at(3, j)) * Math.tanh(kept[j]!);
    } else if (cell === 'rnn-tanh') unrounded[j] = Math.tanh(at(0, j));
    else {
      const keep = sigmoid(at(0, j));
      kept[j] = unrounded[j] = keep * kept[j]! + (1 - keep) * Math.tanh(at(2, j) + (cell === 'gru' ? sigmoid(at(1, j)) : 1) * candidate[j]!);
    }
    a[inputs + j] = stepsOfState(unrounded[j]!);
  }
}

/** The output layer's weights as numbers of float64. */
function outputOf({ output, outputScale, outputBias, shape }: QuantisedModel): { readonly output: Float64Array; readonly outputBias: Float32Array } {
  return { output: Float64Array.from(output, (weight, at) => STEPS * weight * outputScale[at % shape.outputs]!), outputBias };
}

/** As `forward` of cell.ts, of checked token ids [steps]. */
export function forwardQuantised(model: QuantisedModel, tokens: Int32Array, state: State64 | null): QuantisedResult {
  const { shape } = model, { cell } = shape;
  const lengths = stateLengths(shape), directions = directionsOf(shape);
  const h = new Float64Array(lengths.h), c = new Float64Array(lengths.c), unrounded = new Float64Array(lengths.h), rounded = new Float64Array(lengths.h);
  let below: Float64Array[] = Array.from(tokens, (token) => Float64Array.from(model.embedding.subarray(token * shape.inputs, (token + 1) * shape.inputs)));
  let from = 0, above: typeof below = [];
  for (const layer of layerShapes(shape)) {
    const { index, inputs, units, sources, backward } = layer;
    const before = state === null ? new Float64Array(units) : state.h.subarray(from, from + units);
    const of: LayerState = { a: new Float64Array(sources), kept: Float64Array.from(cell === 'lstm' && state !== null ? state.c.subarray(from, from + units) : before), unrounded: Float64Array.from(before) };
    if (cell === 'lstm' && state === null) of.kept.fill(0);
    of.a.set(before.map(stepsOfState), inputs);
    if (!backward) above = below.map(() => new Float64Array(directions * units));
    for (let t = 0; t < below.length; t++) {
      const at = backward ? below.length - 1 - t : t;
      of.a.set(below[at]!);
      step(cell, model.layers[index]!, layer, of);
      above[at]!.set(of.a.subarray(inputs), backward ? units : 0);
    }
    const steps = of.a.subarray(inputs).map((value) => value / STEPS);
    rounded.set(steps, from);
    unrounded.set(of.unrounded, from);
    h.set(layer.gates === 3 ? of.kept : steps, from);
    if (cell === 'lstm') c.set(of.kept, from);
    from += units;
    if (backward || directions === 1) below = above;
  }
  return { ...answers({ shape, weights: outputOf(model) }, below.map((top) => top.map((value) => value / STEPS)), rounded), h, c, unrounded };
}
