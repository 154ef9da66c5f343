// Goal: the native engine does what every engine must do, in every variant of this machine, and measures without the
// output layer. Method: the check list of engines; a trained-looking model whose dead weights are not zero is refused.
import { describe, expect, it } from 'vitest';
import { NativeEngine } from '../../../src/adapters/engine/native.ts';
import { codeOf } from '../../../src/errors.ts';
import { sampleModel } from '../../../src/model/sample-model.ts';
import { compareThroughput, quantileOf } from '../../../src/cli/bench/throughput.ts';
import { randomFrom } from '../../../src/support/random.ts';
import { engineChecks, sequencesOf, shapeOf } from '../../checks/engine.ts';
import { topChecks } from '../../checks/engine-top.ts';
import { builtAddon, supportedVariants } from './built.ts';

const addon = await builtAddon();

describe.each(supportedVariants(addon))('native/%s', (variant) => {
  engineChecks(() => Promise.resolve(new NativeEngine(addon, variant)));
  topChecks(() => Promise.resolve(new NativeEngine(addon, variant)));

  it('refuses a model whose mask and weights disagree: engine-mismatch', async () => {
    const model = sampleModel(shapeOf(), 1, randomFrom(1));
    const altered = { ...model, mask: [model.mask[0]!.map((_, at) => at % 2)] };
    await expect(new NativeEngine(addon, variant).enlist(altered)).rejects.toSatisfy((error) => codeOf(error) === 'engine-mismatch');
  });

  it('without the output layer the states are the same', async () => {
    const engine = new NativeEngine(addon, variant);
    const model = sampleModel(shapeOf({ task: 'classify' }), 0.5, randomFrom(2));
    await engine.enlist(model);
    const call = { model: model.id, sequences: sequencesOf(model.shape, [4, 2], 1), sample: null };
    const whole = await engine.infer(call), bare = await engine.inferWithoutOutput(call);
    expect(bare.answers.map(({ h }) => h)).toEqual(whole.answers.map(({ h }) => h));
  });

  it('throughput of two models on the same batch, taking turns', async () => {
    const engine = new NativeEngine(addon, variant);
    const models = ['a', 'b'].map((id) => sampleModel(shapeOf(), 0.5, randomFrom(3), id));
    for (const model of models) await engine.enlist(model);
    const results = await compareThroughput(engine, ['a', 'b'], sequencesOf(models[0]!.shape, [4, 2, 9], 1), { repeats: 2, secondsMin: 0.02 });
    expect(results).toHaveLength(2);
    for (const { laneStepsPerSecond, laneStepsPerSecondWithoutOutput, p50Ms, p99Ms } of results) {
      expect(laneStepsPerSecond).toBeGreaterThan(0);
      expect(laneStepsPerSecondWithoutOutput).toBeGreaterThan(0);
      expect(p99Ms).toBeGreaterThanOrEqual(p50Ms);
    }
  });
});

it('a variant that the machine lacks: engine-unavailable', () => {
  expect(() => new NativeEngine(addon, 'mmx')).toThrow(expect.objectContaining({ code: 'engine-unavailable' }));
});

it('quantiles by nearest rank', () => {
  expect([0, 0.5, 0.99, 1].map((q) => quantileOf([3, 1, 2], q))).toEqual([1, 2, 3, 3]);
});
