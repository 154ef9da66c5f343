/** Sequences end to end, as the addon takes them, and its answers apart again. */
import { stepsOf } from '../../model/cell.ts';
import type { ModelShape } from '../../model/shape.ts';
import { stateLengths } from '../../model/shape.ts';
import type { EngineAnswer, EngineSequence } from '../../ports.ts';
import type { OutputMode } from './addon.ts';
import { OUTPUT_MODES } from './addon.ts';

export interface AddonBatch {
  /** Tokens [steps of all] or frames [steps of all, inputs]. */
  readonly inputs: Int32Array | Float32Array;
  /** First step of each sequence, and the number of all; [sequences + 1]. */
  readonly offsets: Uint32Array;
  /** h and c: [sequences, `stateLengths`]; the states before, which the addon overwrites with those after. */
  readonly h: Float32Array;
  readonly c: Float32Array;
  /** [steps of all] for tag and next, [sequences] for classify, else empty. */
  readonly labels: Int32Array;
  /** [sequences, outputs] for regress, else empty. */
  readonly values: Float32Array;
  /** [sequences] where there are labels, else empty. */
  readonly confidence: Float32Array;
  readonly mode: OutputMode;
}

export function batchOf(sequences: readonly EngineSequence[], shape: ModelShape, withOutput: boolean): AddonBatch {
  const count = sequences.length, width = shape.vocabulary > 0 ? 1 : shape.inputs;
  const lengths = stateLengths(shape);
  const offsets = new Uint32Array(count + 1);
  sequences.forEach(({ inputs }, at) => { offsets[at + 1] = offsets[at]! + stepsOf(shape, inputs); });
  const steps = offsets[count]!;
  const inputs = shape.vocabulary > 0 ? new Int32Array(steps) : new Float32Array(steps * width);
  const h = new Float32Array(count * lengths.h), c = new Float32Array(count * lengths.c);
  sequences.forEach((sequence, at) => {
    inputs.set(sequence.inputs, width * offsets[at]!);
    if (sequence.h !== null) h.set(sequence.h, at * lengths.h);
    if (sequence.c !== null) c.set(sequence.c, at * lengths.c);
  });
  const mode = withOutput ? OUTPUT_MODES[shape.task] : OUTPUT_MODES.none;
  const labels = mode === OUTPUT_MODES.tag ? steps : mode === OUTPUT_MODES.classify ? count : 0;
  return {
    inputs, offsets, h, c, mode,
    labels: new Int32Array(labels), values: new Float32Array(mode === OUTPUT_MODES.regress ? count * shape.outputs : 0), confidence: new Float32Array(labels === 0 ? 0 : count),
  };
}

/** One answer for each of the `count` sequences; without output layer no labels and confidence 0. */
export function answersOf({ offsets, h, c, labels, values, confidence, mode }: AddonBatch, shape: ModelShape, count: number): readonly EngineAnswer[] {
  const lengths = stateLengths(shape), { outputs } = shape;
  return Array.from({ length: count }, (_, at) => ({
    labels: mode === OUTPUT_MODES.tag ? labels.slice(offsets[at]!, offsets[at + 1]!) : labels.slice(at, at + 1),
    values: mode === OUTPUT_MODES.regress ? values.slice(at * outputs, (at + 1) * outputs) : null,
    confidence: confidence[at] ?? (mode === OUTPUT_MODES.regress ? 1 : 0),
    h: h.slice(at * lengths.h, (at + 1) * lengths.h),
    c: c.slice(at * lengths.c, (at + 1) * lengths.c),
  }));
}
