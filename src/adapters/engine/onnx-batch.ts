/** A ragged batch as padded ones of ONNX, and its outputs as answers. */
import { stepsOf } from '../../model/cell.ts';
import { namesOf } from '../../model/onnx/to-onnx.ts';
import type { ModelShape } from '../../model/shape.ts';
import { directionsOf, stateLengths } from '../../model/shape.ts';
import type { EngineAnswer, EngineSequence } from '../../ports.ts';
import type { Feed, OnnxValues } from './onnx-thread.ts';

/** Sequences of nearly one length: which they are in the call, and the steps that each is padded to. */
export interface Padded { readonly at: readonly number[]; readonly steps: number }

/** Longest first, at most `lanes` side by side, so that little is padding. */
export function paddedOf(shape: ModelShape, sequences: readonly EngineSequence[], lanes: number): readonly Padded[] {
  const lengths = sequences.map(({ inputs }) => stepsOf(shape, inputs));
  const order = lengths.map((_, at) => at).sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  return Array.from({ length: Math.ceil(order.length / lanes) }, (_, block) => {
    const at = order.slice(block * lanes, (block + 1) * lanes);
    return { at, steps: lengths[at[0]!]! };
  });
}

/** Where the state of layer l begins in that of a sequence. */
const stateStarts = (shape: ModelShape): readonly number[] => {
  let at = 0;
  return shape.layers.map((units) => { const start = at; at += directionsOf(shape) * units; return start; });
};

export function feedsOf(shape: ModelShape, sequences: readonly EngineSequence[], { at, steps }: Padded, top: number): readonly Feed[] {
  const lanes = at.length, directions = directionsOf(shape), width = shape.inputs;
  const lengths = new Int32Array(lanes);
  const tokens = new BigInt64Array(shape.vocabulary > 0 ? steps * lanes : 0), frames = new Float32Array(shape.vocabulary > 0 ? 0 : steps * lanes * width);
  at.forEach((sequence, lane) => {
    const { inputs } = sequences[sequence]!;
    lengths[lane] = stepsOf(shape, inputs);
    for (let t = 0; t < lengths[lane]!; t++) {
      if (shape.vocabulary > 0) tokens[t * lanes + lane] = BigInt(inputs[t]!);
      else frames.set(inputs.subarray(t * width, (t + 1) * width), (t * lanes + lane) * width);
    }
  });
  const states = stateStarts(shape).flatMap((start, layer): readonly Feed[] => {
    const units = shape.layers[layer]!, names = namesOf(layer);
    const state = (which: 'h' | 'c'): Feed => {
      const values = new Float32Array(directions * lanes * units);
      at.forEach((sequence, lane) => {
        const given = sequences[sequence]![which];
        for (let d = 0; given !== null && d < directions; d++) values.set(given.subarray(start + d * units, start + (d + 1) * units), (d * lanes + lane) * units);
      });
      return [names[which], 'float32', values, [directions, lanes, units]];
    };
    return shape.cell === 'lstm' ? [state('h'), state('c')] : [state('h')];
  });
  return [shape.vocabulary > 0 ? ['tokens', 'int64', tokens, [steps, lanes]] : ['frames', 'float32', frames, [steps, lanes, width]], ['lengths', 'int32', lengths, [lanes]], ...states, ...(shape.task !== 'regress' ? [['top', 'int64', BigInt64Array.of(BigInt(top)), [1]] as const] : [])];
}

/** What a call asks for: answers, states, and every h where steps are sampled. */
export function fetchesOf(shape: ModelShape, sampled: boolean, top: number): readonly string[] {
  const layers = shape.layers.map((_, layer) => namesOf(layer));
  return [
    ...(shape.task === 'regress' ? ['values'] : ['labels', 'probability', ...(top > 1 ? ['best', 'chances'] : [])]),
    ...layers.flatMap(({ hOut, cOut }) => (shape.cell === 'lstm' ? [hOut, cOut] : [hOut])), ...(sampled ? layers.map(({ y }) => y) : []),
  ];
}

/** The answers of one padded batch, lane by lane. @param outputs by name */
export function answersFrom(shape: ModelShape, sequences: readonly EngineSequence[], { at }: Padded, outputs: Readonly<Record<string, OnnxValues>>, top: number): readonly EngineAnswer[] {
  const lanes = at.length, directions = directionsOf(shape), lengths = stateLengths(shape), starts = stateStarts(shape);
  return at.map((sequence, lane) => {
    const h = new Float32Array(lengths.h), c = new Float32Array(lengths.c);
    starts.forEach((start, layer) => {
      const units = shape.layers[layer]!, { hOut, cOut } = namesOf(layer);
      for (let d = 0; d < directions; d++) {
        const from = (d * lanes + lane) * units;
        h.set((outputs[hOut] as Float32Array).subarray(from, from + units), start + d * units);
        if (shape.cell === 'lstm') c.set((outputs[cOut] as Float32Array).subarray(from, from + units), start + d * units);
      }
    });
    if (shape.task === 'regress') return { labels: new Int32Array(0), values: (outputs['values'] as Float32Array).slice(lane * shape.outputs, (lane + 1) * shape.outputs), confidence: 1, h, c };
    const answers = shape.task === 'classify' ? 1 : stepsOf(shape, sequences[sequence]!.inputs);
    const labels = Int32Array.from({ length: answers }, (_, t) => Number(outputs['labels']![t * lanes + lane]!));
    let confidence = 0;
    for (let t = 0; t < answers; t++) confidence += Number(outputs['probability']![t * lanes + lane]!) / answers;
    const ranked = top === 1 ? null : { top, labels: new Int32Array(answers * top), probabilities: new Float32Array(answers * top) };
    for (let t = 0; ranked !== null && t < answers; t++) for (let i = 0; i < top; i++) {
      ranked.labels[t * top + i] = Number(outputs['best']![(t * lanes + lane) * top + i]!);
      ranked.probabilities[t * top + i] = Number(outputs['chances']![(t * lanes + lane) * top + i]!);
    }
    return { labels, values: null, confidence, ranked, h, c };
  });
}
