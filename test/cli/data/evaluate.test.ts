// Goal: accuracy, loss and counts are those of the model itself. Method: against the float64 reference, step by step, for both tasks and both engines' way of answering.
import { describe, expect, it } from 'vitest';
import { ReferenceEngine } from '../../../src/adapters/engine/reference.ts';
import { evaluateNumbers } from '../../../src/cli/data/evaluate-numbers.ts';
import { evaluateItems } from '../../../src/cli/data/evaluate.ts';
import type { ReplayItem } from '../../../src/evidence/replay.ts';
import { forward } from '../../../src/model/cell.ts';
import type { Model } from '../../../src/model/model.ts';
import { sampleModel } from '../../../src/model/sample-model.ts';
import type { Task } from '../../../src/model/shape.ts';
import { randomFrom } from '../../../src/support/random.ts';

const OUTPUTS = 4;

function made(task: Task): { readonly model: Model; readonly items: readonly ReplayItem[] } {
  const random = randomFrom(3);
  const model = sampleModel({ cell: 'lstm', vocabulary: 12, inputs: 3, layers: [5], task, outputs: task === 'next' ? 12 : OUTPUTS, state: 'reset' }, 0.6, random, 'model');
  const below = (n: number): number => Math.floor(random() * n);
  const items = Array.from({ length: 300 }, (_, at): ReplayItem => {
    const steps = 1 + below(7);
    // −1, a label that the model does not know, is among them.
    return { id: `${at}`, inputs: Int32Array.from({ length: steps }, () => below(12)), targets: task === 'next' ? null : Int32Array.from({ length: task === 'tag' ? steps : 1 }, () => below(OUTPUTS + 1) - 1) };
  });
  return { model, items };
}

describe.each(['tag', 'classify', 'next'] as const)('an evaluation of a network that is to %s', (task) => {
  it('is that of the reference', async () => {
    const { model, items } = made(task);
    const engine = new ReferenceEngine();
    await engine.enlist(model);
    const evaluation = await evaluateItems(engine, model, items);
    let right = 0, answers = 0, unknown = 0, loss = 0;
    const { outputs } = model.shape, none = (): number[] => new Array<number>(outputs).fill(0);
    const wanted = none(), hits = none(), chosen = none();
    for (const { inputs, targets } of items) {
      const { labels, probabilities } = forward(model, inputs, null);
      // A language model is asked for what follows.
      (targets ?? inputs.subarray(1)).forEach((target, t) => {
        answers++;
        chosen[labels[t]!]!++;
        if (target < 0) { unknown++; return; }
        wanted[target]!++;
        loss -= Math.log(probabilities[t * outputs + target]!);
        if (labels[t] === target) { right++; hits[target]!++; }
      });
    }
    expect(evaluation).toMatchObject({ items: items.length, answers, right, unknown, accuracy: right / answers, laneSteps: items.reduce((sum, { inputs }) => sum + inputs.length, 0) });
    expect(evaluation.loss).toBeCloseTo(loss / (answers - unknown), 5);
    for (const { label, support, predicted, right: hit, precision, recall } of evaluation.labels) {
      const at = model.labels.indexOf(label);
      expect([support, predicted, hit]).toEqual([wanted[at], chosen[at], hits[at]]);
      expect([precision, recall]).toEqual([predicted === 0 ? null : hit / predicted, support === 0 ? null : hit / support]);
    }
    expect(evaluation.labels.map(({ f1 }) => f1)).toEqual(evaluation.labels.map(({ f1 }) => f1).sort((a, b) => a - b));
    // All pairs of four labels are listed; of more, the most frequent ones.
    if (task !== 'next') expect(evaluation.confusions.reduce((sum, { count }) => sum + count, 0)).toBe(answers - unknown - right);
    expect(evaluation.laneStepsPerSecond).toBeGreaterThan(0);
  });
});

it('has no loss where no label is known', async () => {
  const { model, items } = made('classify');
  const engine = new ReferenceEngine();
  await engine.enlist(model);
  const { loss, accuracy, unknown } = await evaluateItems(engine, model, items.map((item) => ({ ...item, targets: Int32Array.of(-1) })));
  expect([loss, accuracy, unknown]).toEqual([null, 0, items.length]);
});

it('of a regression tells how far numbers are off, and the share that is not far', async () => {
  const random = randomFrom(5);
  const model = sampleModel({ cell: 'gru', vocabulary: 0, inputs: 3, layers: [5], task: 'regress', outputs: 2, state: 'reset' }, 0.6, random, 'model');
  const engine = new ReferenceEngine();
  await engine.enlist(model);
  const items = Array.from({ length: 300 }, (_, at): ReplayItem => ({ id: `${at}`, inputs: Float32Array.from({ length: 3 * (1 + (at % 4)) }, () => random() - 0.5), targets: Float32Array.of(random(), 5) }));
  const evaluation = await evaluateNumbers(engine, model, items, 0.8);
  const errors = items.map(({ inputs, targets }) => [...forward(model, inputs, null).values!].map((value, at) => Math.abs(value - targets![at]!)));
  const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  const first = items.map(({ targets }) => targets![0]!), centre = mean(first);
  expect(evaluation.meanAbsoluteError).toBeCloseTo(mean(errors.flat()), 5);
  expect(evaluation.rootMeanSquareError ** 2).toBeCloseTo(mean(errors.flat().map((error) => error ** 2)), 4);
  expect(evaluation.accuracy).toBe(mean(errors.map((pair) => (Math.max(...pair) <= 0.8 ? 1 : 0))));
  // The second number never differs, so it adds nothing to what is to be explained.
  expect(evaluation.r2).toBeCloseTo(1 - mean(errors.map((pair) => pair[0]! ** 2 + pair[1]! ** 2)) / mean(first.map((value) => (value - centre) ** 2)), 3);
  expect(evaluation).toMatchObject({ items: 300, laneSteps: 750, errorMax: 0.8 });
});
