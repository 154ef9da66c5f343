/** Small networks and tasks for the tests of this room. */
import type { ReplayItem } from '../../src/evidence/replay.ts';
import { initialWeights } from '../../src/model/initial.ts';
import { fullMask } from '../../src/model/mask.ts';
import type { ModelDraft } from '../../src/model/model.ts';
import type { ModelShape } from '../../src/model/shape.ts';
import type { TrainingPlan } from '../../src/pruning/job.ts';
import { randomFrom } from '../../src/support/random.ts';

// TensorFlow reads it when it is loaded: no remarks about odd sizes.
process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';

export const tagShape: ModelShape = { cell: 'lstm', vocabulary: 11, inputs: 5, layers: [7], task: 'tag', outputs: 4, state: 'carry' };
export const classifyShape: ModelShape = { ...tagShape, task: 'classify', state: 'reset' };

/** Sequences of random tokens, lengths from..to, with random labels. */
export function randomItems(shape: ModelShape, count: number, from: number, to: number, seed: number): ReplayItem[] {
  const random = randomFrom(seed);
  const below = (n: number): number => Math.floor(random() * n);
  return Array.from({ length: count }, (_, index) => {
    const steps = from + below(to - from + 1);
    const inputs = shape.vocabulary > 0 ? Int32Array.from({ length: steps }, () => below(shape.vocabulary)) : Float32Array.from({ length: steps * shape.inputs }, () => 2 * random() - 1);
    if (shape.task === 'next') return { id: `item-${index}`, inputs, targets: null };
    if (shape.task === 'regress') return { id: `item-${index}`, inputs, targets: index % 3 === 2 ? null : Float32Array.from({ length: shape.outputs }, () => 2 * random() - 1) };
    const targets = Int32Array.from({ length: shape.task === 'tag' ? steps : 1 }, () => below(shape.outputs + 1) - 1);
    return { id: `item-${index}`, inputs, targets };
  });
}

/** A task that needs memory: the label of a step is the token before it, modulo the number of labels (0 at the first step). */
export function echoItems(shape: ModelShape, count: number, steps: number, seed: number): ReplayItem[] {
  return randomItems(shape, count, steps, steps, seed).map(({ id, inputs }) => {
    const labels = Int32Array.from(inputs, (_, t) => (t === 0 ? 0 : inputs[t - 1]! % shape.outputs));
    return { id, inputs, targets: shape.task === 'tag' ? labels : Int32Array.of(inputs[0]! % shape.outputs) };
  });
}

export function draftOf(shape: ModelShape, seed: number): ModelDraft {
  const words = Array.from({ length: shape.vocabulary - 4 }, (_, word) => `w${word}`);
  return {
    shape, weights: initialWeights(shape, randomFrom(seed)), mask: fullMask(shape),
    tokenizer: { kind: 'words', words, suffixes: [], foldCase: false },
    labels: Array.from({ length: shape.outputs }, (_, label) => `l${label}`),
    lineage: { parent: null, anchor: null, cycle: 0, density: 1, criterion: null, seed, trainedOn: 'nothing' },
  };
}

export const plan: TrainingPlan = { steps: 100, lanes: 8, window: 6, learningRate: 0.02, labelShare: 1, temperature: 2, dropout: 0, heldOut: 0.2, secondsMax: 600 };

export const never = new AbortController().signal;
