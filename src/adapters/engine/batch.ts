/** Sequences end to end, as the addon takes them, and its answers apart again. */
import { stepsOf } from '../../model/cell.ts';
import type { ModelShape } from '../../model/shape.ts';
import { stateLengths } from '../../model/shape.ts';
import type { EngineAnswer, EngineSequence, RankedLabels } from '../../ports.ts';
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
  readonly top: number;
  /** [labels, top], empty where top is 1. */
  readonly best: Int32Array;
  readonly chances: Float32Array;
  /** Σ |h|, then Σ h²: [2, `stateLengths`.h]. */
  readonly activity: Float64Array;
}

/** @param top labels of an answer, no more than there are outputs */
export function batchOf(sequences: readonly EngineSequence[], shape: ModelShape, withOutput: boolean, top: number): AddonBatch {
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
  const labels = mode === OUTPUT_MODES.tag ? steps : mode === OUTPUT_MODES.classify ? count : 0, ranked = top > 1 ? labels * top : 0;
  return {
    inputs, offsets, h, c, mode, top,
    labels: new Int32Array(labels), values: new Float32Array(mode === OUTPUT_MODES.regress ? count * shape.outputs : 0), confidence: new Float32Array(labels === 0 ? 0 : count),
    best: new Int32Array(ranked), chances: new Float32Array(ranked), activity: new Float64Array(2 * lengths.h),
  };
}

/**
 * The answer to one sequence of a batch. States are most of its numbers, and who needs none should not pay for the copy:
 * each is taken out when it is asked for, and the arrays of the batch are let go with the last.
 */
class BatchAnswer implements EngineAnswer {
  readonly labels: Int32Array;
  readonly values: Float32Array | null;
  readonly confidence: number;
  readonly ranked: RankedLabels | null;
  readonly #at: number;
  readonly #count: number;
  #batch: AddonBatch | null;
  #h: Float32Array | undefined;
  #c: Float32Array | undefined;

  constructor(batch: AddonBatch, at: number, count: number, outputs: number) {
    const { offsets, labels, values, confidence, mode, top } = batch;
    const from = mode === OUTPUT_MODES.tag ? offsets[at]! : at, to = mode === OUTPUT_MODES.tag ? offsets[at + 1]! : at + 1;
    this.labels = labels.slice(from, to);
    this.values = mode === OUTPUT_MODES.regress ? values.slice(at * outputs, (at + 1) * outputs) : null;
    this.confidence = confidence[at] ?? (mode === OUTPUT_MODES.regress ? 1 : 0);
    this.ranked = batch.best.length === 0 ? null : { top, labels: batch.best.slice(from * top, to * top), probabilities: batch.chances.slice(from * top, to * top) };
    this.#batch = batch;
    this.#at = at;
    this.#count = count;
  }

  get h(): Float32Array {
    this.#h ??= this.#taken(this.#batch!.h);
    if (this.#c !== undefined) this.#batch = null;
    return this.#h;
  }

  get c(): Float32Array {
    this.#c ??= this.#taken(this.#batch!.c);
    if (this.#h !== undefined) this.#batch = null;
    return this.#c;
  }

  #taken(all: Float32Array): Float32Array {
    const length = all.length / this.#count;
    return all.slice(this.#at * length, (this.#at + 1) * length);
  }
}

/** One answer for each of the `count` sequences; without output layer no labels and confidence 0. */
export const answersOf = (batch: AddonBatch, shape: ModelShape, count: number): readonly EngineAnswer[] =>
  Array.from({ length: count }, (_, at) => new BatchAnswer(batch, at, count, shape.outputs));
