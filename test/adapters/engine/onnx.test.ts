// Goal: onnxruntime does what every engine must do, on a thread of its own, and its int8 form is near. Method: the check
// list of engines, which compares with the float64 reference, so the ONNX files are checked too.
import { afterAll, describe, expect, it } from 'vitest';
import { OnnxEngine } from '../../../src/adapters/engine/onnx.ts';
import { OnnxThread, onnxVersion } from '../../../src/adapters/engine/onnx-thread.ts';
import { codeOf } from '../../../src/errors.ts';
import { sampleModel } from '../../../src/model/sample-model.ts';
import { randomFrom } from '../../../src/support/random.ts';
import { engineChecks, sequencesOf, shapeOf, worstDifference } from '../../checks/engine.ts';
import { topChecks } from '../../checks/engine-top.ts';

const thread = await OnnxThread.start();
afterAll(() => thread.close());

describe('onnxruntime/fp32', () => {
  engineChecks(() => Promise.resolve(new OnnxEngine(thread, 'fp32', 4)));
  topChecks(() => Promise.resolve(new OnnxEngine(thread, 'fp32', 4)));
});

describe('onnxruntime/int8', () => {
  it('answers nearly as the reference, for the LSTM alone', async () => {
    const engine = new OnnxEngine(thread, 'int8');
    const model = sampleModel(shapeOf({ layers: [20, 12], task: 'regress', outputs: 3, vocabulary: 0 }), 1, randomFrom(1));
    await engine.enlist(model);
    const sequences = sequencesOf(model.shape, [3, 9, 1], 2);
    const difference = worstDifference(model, sequences, await engine.infer({ model: model.id, sequences, sample: null }));
    expect(difference).toBeLessThan(0.05);
    expect(difference).toBeGreaterThan(1e-6);
    await expect(engine.enlist(sampleModel(shapeOf({ cell: 'gru' }), 1, randomFrom(2)))).rejects.toSatisfy((error) => codeOf(error) === 'shape-unsupported');
  });
});

describe('the thread', () => {
  it('leaves the event loop free while it computes', async () => {
    const engine = new OnnxEngine(thread);
    const model = sampleModel(shapeOf({ inputs: 128, units: 256 }), 1, randomFrom(3));
    await engine.enlist(model);
    let turns = 0, done = false;
    const answered = engine.infer({ model: model.id, sequences: sequencesOf(model.shape, new Array<number>(64).fill(100), 4), sample: null }).then(() => { done = true; });
    while (!done) { await new Promise((resolve) => { setImmediate(resolve); }); turns++; }
    await answered;
    expect(turns).toBeGreaterThan(20);
  });

  it('rejects what it is asked after its end, with the reason', async () => {
    const other = await OnnxThread.start();
    const engine = new OnnxEngine(other), model = sampleModel(shapeOf(), 1, randomFrom(5));
    await engine.enlist(model);
    await other.close();
    await expect(engine.infer({ model: model.id, sequences: sequencesOf(model.shape, [2], 6), sample: null })).rejects.toSatisfy((error) => codeOf(error) === 'engine-failed');
  });

  it('tells the version of the package', () => { expect(onnxVersion()).toMatch(/^\d+\.\d+\.\d+/); });
});
