// Goal: accuracy, loss and counts are those of the model itself. Method: against the float64 reference, step by step, for both tasks and both engines' way of answering.
import { describe, expect, it } from 'vitest';
import { ReferenceEngine } from '../../../src/adapters/engine/reference.ts';
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
  const model = sampleModel({ cell: 'lstm', vocabulary: 12, inputs: 3, layers: [5], task, outputs: OUTPUTS, state: 'reset' }, 0.6, random, 'model');
  const below = (n: number): number => Math.floor(random() * n);
  const items = Array.from({ length: 300 }, (_, at): ReplayItem => {
    const steps = 1 + below(7);
    // −1, a label that the model does not know, is among them.
    return { id: `${at}`, inputs: Int32Array.from({ length: steps }, () => below(12)), targets: Int32Array.from({ length: task === 'tag' ? steps : 1 }, () => below(OUTPUTS + 1) - 1) };
  });
  return { model, items };
}

describe.each(['tag', 'classify'] as const)('an evaluation of a network that is to %s', (task) => {
  it('is that of the reference', async () => {
    const { model, items } = made(task);
    const engine = new ReferenceEngine();
    await engine.enlist(model);
    const evaluation = await evaluateItems(engine, model, items);
    let right = 0, answers = 0, unknown = 0, loss = 0;
    const wanted = new Array<number>(OUTPUTS).fill(0), hits = new Array<number>(OUTPUTS).fill(0), chosen = new Array<number>(OUTPUTS).fill(0);
    for (const { inputs, targets } of items) {
      const { labels, probabilities } = forward(model, inputs, null);
      targets!.forEach((target, t) => {
        answers++;
        chosen[labels[t]!]!++;
        if (target < 0) { unknown++; return; }
        wanted[target]!++;
        loss -= Math.log(probabilities[t * OUTPUTS + target]!);
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
    expect(evaluation.confusions.reduce((sum, { count }) => sum + count, 0)).toBe(answers - unknown - right);
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
