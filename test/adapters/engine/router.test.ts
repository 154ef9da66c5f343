// Goal: several engines are one that does what every engine must do, and each model runs where it was measured fastest. Method: the check list over native and onnxruntime; engines whose speed is made up for the choice.
import { afterAll, describe, expect, it } from 'vitest';
import { NativeEngine } from '../../../src/adapters/engine/native.ts';
import { OnnxEngine } from '../../../src/adapters/engine/onnx.ts';
import { OnnxThread } from '../../../src/adapters/engine/onnx-thread.ts';
import { ReferenceEngine } from '../../../src/adapters/engine/reference.ts';
import { RoutedEngine } from '../../../src/adapters/engine/router.ts';
import { codeOf, EspalierError } from '../../../src/errors.ts';
import type { Model } from '../../../src/model/model.ts';
import { sampleModel } from '../../../src/model/sample-model.ts';
import type { Engine, EngineCall, EngineResult, Enlistment } from '../../../src/ports.ts';
import { randomFrom } from '../../../src/support/random.ts';
import { engineChecks, sequencesOf, shapeOf } from '../../checks/engine.ts';
import { builtAddon, supportedVariants } from './built.ts';

const addon = await builtAddon();
const thread = await OnnxThread.start();
afterAll(() => thread.close());

describe('native or onnxruntime', () => {
  engineChecks(() => Promise.resolve(new RoutedEngine([{ engine: new NativeEngine(addon, supportedVariants(addon)[0]!), densityMin: 0 }, { engine: new OnnxEngine(thread), densityMin: 0.3 }])));
});

/** The reference, as fast as it says, with what it was asked. */
class Pretender extends ReferenceEngine {
  readonly #ms: number;
  readonly held = new Set<string>();
  refuses = false;
  constructor(ms: number) { super(); this.#ms = ms; }
  override async enlist(model: Model): Promise<Enlistment> {
    if (this.refuses) throw new EspalierError('shape-unsupported', 'not this one');
    this.held.add(model.id);
    return super.enlist(model);
  }
  override async infer(call: EngineCall): Promise<EngineResult> { return { ...await super.infer(call), kernelMs: this.#ms }; }
  override async retire(model: string): Promise<void> { this.held.delete(model); await super.retire(model); }
}

const named = (engine: Pretender, name: string): Engine => Object.defineProperty(engine, 'name', { value: name });

describe('the choice', () => {
  const modelOf = (density: number, id: string): Model => sampleModel(shapeOf({ units: 8 }), density, randomFrom(1), id);
  const call = (model: Model): EngineCall => ({ model: model.id, sequences: sequencesOf(model.shape, [2], 1), sample: null });

  it('is the fastest engine, which alone keeps the model; what was measured is told', async () => {
    const slow = new Pretender(4), fast = new Pretender(1);
    const engine = new RoutedEngine([{ engine: named(slow, 'slow'), densityMin: 0 }, { engine: named(fast, 'fast'), densityMin: 0.3 }]);
    const model = modelOf(1, 'dense');
    const { engine: chosen, rates } = await engine.enlist(model);
    expect([chosen, rates!.map((rate) => rate.engine)]).toEqual(['fast', ['slow', 'fast']]);
    expect(rates![1]!.laneStepsPerSecond / rates![0]!.laneStepsPerSecond).toBeCloseTo(4, 6);
    expect([[...slow.held], [...fast.held]]).toEqual([[], ['dense']]);
    expect((await engine.infer(call(model))).kernelMs).toBe(1);
    await engine.retire('dense');
    expect([...fast.held]).toEqual([]);
    await expect(engine.infer(call(model))).rejects.toSatisfy((error) => codeOf(error) === 'model-unknown');
  });

  it('does not try an engine for a model that is too sparse for it, nor keep one that refuses', async () => {
    const first = new Pretender(4), second = new Pretender(1);
    const engine = new RoutedEngine([{ engine: named(first, 'first'), densityMin: 0 }, { engine: named(second, 'second'), densityMin: 0.3 }]);
    const sparse = await engine.enlist(modelOf(0.1, 'sparse'));
    expect([sparse.engine, sparse.rates, [...second.held]]).toEqual(['first', undefined, []]);
    second.refuses = true;
    expect((await engine.enlist(modelOf(1, 'dense'))).engine).toBe('first');
    first.refuses = true;
    await expect(engine.enlist(modelOf(1, 'other'))).rejects.toSatisfy((error) => codeOf(error) === 'shape-unsupported');
  });

  it('moves a model that is enlisted again and is sparser by then', async () => {
    const first = new Pretender(4), second = new Pretender(1);
    const engine = new RoutedEngine([{ engine: named(first, 'first'), densityMin: 0 }, { engine: named(second, 'second'), densityMin: 0.3 }]);
    await engine.enlist(modelOf(1, 'model'));
    await engine.enlist(modelOf(0.1, 'model'));
    expect([[...first.held], [...second.held]]).toEqual([['model'], []]);
  });
});
