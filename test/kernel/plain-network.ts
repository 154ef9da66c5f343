/**
 * Every cell once more in float64, unit by unit from its equations: a second opinion, so that the kernel and
 * src/model/cell.ts are not both wrong in the same way. Bare arrays, no checks.
 */
import type { LayerShape, LayerWeights, ModelShape, Weights } from '../../src/model/shape.ts';
import { layerShapes } from '../../src/model/shape.ts';
import type { EngineSequence } from '../../src/ports.ts';

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

export interface PlainResult {
  /** All layers one after the other. */
  readonly h: readonly number[];
  readonly c: readonly number[];
  /** Soft-max of each labelled step, or the numbers of a regression. */
  readonly outputs: readonly (readonly number[])[];
  /** What each layer read at each step, in the order in which it read: the rows of `Activity`. */
  readonly activity: readonly (readonly (readonly number[])[])[];
}

interface LayerRun { readonly h: readonly number[][]; readonly c: readonly number[]; readonly activity: readonly number[][] }

/** h after each step of one layer in one direction, in the order of reading. */
function runLayer(cell: ModelShape['cell'], { units, inputs, gates }: LayerShape, w: LayerWeights, xs: readonly (readonly number[])[], h0: readonly number[], c0: readonly number[]): LayerRun {
  const weight = (k: number, gate: number, j: number): number => w.kernel[k * gates * units + gate * units + j]!;
  const fromInputs = (gate: number, j: number, x: readonly number[]): number => x.reduce((sum, value, k) => sum + value * weight(k, gate, j), w.bias[gate * units + j]!);
  const fromState = (gate: number, j: number, state: readonly number[]): number => state.reduce((sum, value, k) => sum + value * weight(inputs + k, gate, j), w.recurrentBias?.[gate * units + j] ?? 0);
  const all = Array.from({ length: units }, (_, j) => j);
  let h = [...h0], c = [...c0];
  const hs: number[][] = [], activity: number[][] = [];
  for (const x of xs) {
    const before = h;
    const sum = (gate: number, j: number): number => fromInputs(gate, j, x) + fromState(gate, j, before);
    if (cell === 'lstm') {
      activity.push([...x, ...before]);
      c = all.map((j) => sigmoid(sum(1, j)) * c[j]! + sigmoid(sum(0, j)) * Math.tanh(sum(2, j)));
      h = all.map((j) => sigmoid(sum(3, j)) * Math.tanh(c[j]!));
    } else if (cell === 'rnn-tanh' || cell === 'rnn-relu') {
      activity.push([...x, ...before]);
      h = all.map((j) => (cell === 'rnn-tanh' ? Math.tanh(sum(0, j)) : Math.max(0, sum(0, j))));
    } else {
      const z = all.map((j) => sigmoid(sum(0, j))), r = all.map((j) => sigmoid(sum(1, j)));
      const reset = before.map((value, k) => r[k]! * value);
      const n = all.map((j) => Math.tanh(fromInputs(2, j, x) + (cell === 'gru' ? r[j]! * fromState(2, j, before) : fromState(2, j, reset))));
      activity.push([...x, ...before, ...(cell === 'gru' ? r : reset)]);
      h = all.map((j) => z[j]! * before[j]! + (1 - z[j]!) * n[j]!);
    }
    hs.push(h);
  }
  return { h: hs, c: cell === 'lstm' ? c : [], activity };
}

export function plainNetwork(shape: ModelShape, weights: Weights, sequence: EngineSequence): PlainResult {
  const { inputs } = sequence;
  let xs: (readonly number[])[] = shape.vocabulary > 0
    ? [...inputs].map((token) => [...weights.embedding.subarray(token * shape.inputs, (token + 1) * shape.inputs)])
    : Array.from({ length: inputs.length / shape.inputs }, (_, t) => [...inputs.slice(t * shape.inputs, (t + 1) * shape.inputs)]);
  const h: number[] = [], c: number[] = [], activity: number[][][] = [];
  const slice = (state: Float32Array | null, units: number): number[] => (state === null || state.length === 0 ? new Array<number>(units).fill(0) : [...state.slice(h.length, h.length + units)]);
  let last: readonly number[] = [];
  const layers = layerShapes(shape);
  for (const layer of layers) {
    if (layer.backward) continue;
    const pair = shape.bidirectional === true ? [layer, layers[layer.index + 1]!] : [layer];
    const runs = pair.map((one) => {
      const run = runLayer(shape.cell, one, weights.layers[one.index]!, one.backward ? [...xs].reverse() : xs, slice(sequence.h, one.units), slice(sequence.c, one.units));
      h.push(...run.h.at(-1)!);
      c.push(...run.c);
      activity.push(run.activity as number[][]);
      return run.h;
    });
    last = runs.flatMap((run) => run.at(-1)!);
    xs = xs.map((_, t) => [...runs[0]![t]!, ...(runs[1] === undefined ? [] : runs[1][xs.length - 1 - t]!)]);
  }
  const linear = (features: readonly number[]): number[] => Array.from({ length: shape.outputs }, (_, o) => features.reduce((sum, value, j) => sum + value * weights.output[j * shape.outputs + o]!, weights.outputBias[o]!));
  const softmax = (logits: readonly number[]): number[] => {
    const top = Math.max(...logits), powers = logits.map((z) => Math.exp(z - top)), total = powers.reduce((a, b) => a + b, 0);
    return powers.map((p) => p / total);
  };
  const outputs = shape.task === 'tag' || shape.task === 'next' ? xs.map((x) => softmax(linear(x))) : [shape.task === 'regress' ? linear(last) : softmax(linear(last))];
  return { h, c, outputs, activity };
}
