/**
 * Several engines as one: every model runs on the engine that was measured to run it fastest when it was enlisted. A pruned
 * model belongs to the sparse kernel, a dense one mostly to dense kernels; where the line lies depends on the machine,
 * so it is measured and not assumed.
 */
import { assert, EspalierError } from '../../errors.ts';
import { densityOfMask } from '../../model/mask.ts';
import type { Model, ModelId } from '../../model/model.ts';
import type { Activity, Engine, EngineCall, EngineResult, EngineSequence, Enlistment } from '../../ports.ts';
import { randomFrom } from '../../support/random.ts';

export interface Candidate {
  readonly engine: Engine;
  /** Density of connections from which the engine is worth a try. */
  readonly densityMin: number;
}

/** The batch that engines are measured on: enough sequences for the widest lanes of any of them. */
const SEQUENCES = 64, STEPS_MIN = 4, STEPS_MAX = 16;
/** Each engine runs the batch so often, in turns; its fastest run counts, because what else runs only slows. */
const RUNS = 3;

/** Ragged sequences of random inputs. */
function batchFor({ shape }: Model): readonly EngineSequence[] {
  const random = randomFrom(23);
  return Array.from({ length: SEQUENCES }, () => {
    const steps = STEPS_MIN + Math.floor(random() * (STEPS_MAX - STEPS_MIN + 1));
    const inputs = shape.vocabulary > 0 ? Int32Array.from({ length: steps }, () => Math.floor(random() * shape.vocabulary)) : Float32Array.from({ length: steps * shape.inputs }, () => 2 * random() - 1);
    return { inputs, h: null, c: null };
  });
}

export class RoutedEngine implements Engine {
  readonly name: string;
  readonly #candidates: readonly Candidate[];
  readonly #chosen = new Map<ModelId, Engine>();

  /** @param candidates the first one takes every model that no other is worth a try for, and the moments of all */
  constructor(candidates: readonly Candidate[]) {
    assert(candidates.length > 0, 'at least one engine');
    this.#candidates = candidates;
    this.name = candidates.map(({ engine }) => engine.name).join(' or ');
  }

  /** Throws the errors of the first engine; another one that refuses a model is left out. */
  async enlist(model: Model): Promise<Enlistment> {
    const started = performance.now(), density = densityOfMask(model.mask);
    const first = this.#candidates[0]!.engine, tried = [{ engine: first, enlistment: await first.enlist(model) }];
    for (const { engine, densityMin } of this.#candidates.slice(1)) {
      if (density < densityMin) continue;
      const enlistment = await engine.enlist(model).catch(() => null);
      if (enlistment !== null) tried.push({ engine, enlistment });
    }
    const rates = await ratesOf(tried.map(({ engine }) => engine), model);
    const best = rates.reduce((top, rate, at) => (rate > rates[top]! ? at : top), 0), { engine, enlistment } = tried[best]!;
    const before = this.#chosen.get(model.id);
    this.#chosen.set(model.id, engine);
    for (const other of tried) if (other.engine !== engine) await other.engine.retire(model.id);
    if (before !== undefined && before !== engine && !tried.some((other) => other.engine === before)) await before.retire(model.id);
    return { ...enlistment, ms: performance.now() - started, engine: engine.name, ...(tried.length > 1 ? { rates: tried.map((other, at) => ({ engine: other.engine.name, laneStepsPerSecond: rates[at]! })) } : {}) };
  }

  async infer(call: EngineCall): Promise<EngineResult> {
    const engine = this.#chosen.get(call.model);
    if (engine === undefined) throw new EspalierError('model-unknown', call.model);
    return engine.infer(call);
  }

  gram(activity: Activity, into: Float64Array): Promise<number> { return this.#candidates[0]!.engine.gram(activity, into); }

  async retire(model: ModelId): Promise<void> {
    const engine = this.#chosen.get(model);
    this.#chosen.delete(model);
    await engine?.retire(model);
  }
}

/** Lane-steps a second of each engine; not measured where there is nothing to choose. */
async function ratesOf(engines: readonly Engine[], model: Model): Promise<readonly number[]> {
  if (engines.length === 1) return [0];
  const sequences = batchFor(model), width = model.shape.vocabulary > 0 ? 1 : model.shape.inputs;
  const laneSteps = sequences.reduce((sum, { inputs }) => sum + inputs.length / width, 0);
  const fastest = engines.map(() => Infinity);
  for (let run = 0; run <= RUNS; run++) {
    for (const [at, engine] of engines.entries()) {
      const { kernelMs } = await engine.infer({ model: model.id, sequences, sample: null });
      // The first one only warms.
      if (run > 0) fastest[at] = Math.min(fastest[at]!, kernelMs);
    }
  }
  return fastest.map((ms) => 1000 * laneSteps / Math.max(ms, 1e-6));
}
