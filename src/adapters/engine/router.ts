/**
 * Several engines as one: every model runs on the engine that was measured to run it fastest when it was enlisted. A pruned
 * model belongs to the sparse kernel, a dense one mostly to dense kernels; where the line lies depends on the machine,
 * so it is measured and not assumed.
 */
import { assert, EspalierError } from '../../errors.ts';
import { densityOfMask } from '../../model/mask.ts';
import type { Model, ModelId } from '../../model/model.ts';
import type { Activity, Engine, EngineCall, EngineResult, Enlistment } from '../../ports.ts';
import { ratesOf } from './rates.ts';

export interface Candidate {
  readonly engine: Engine;
  /** Density of connections from which the engine is worth a try. */
  readonly densityMin: number;
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
    // Not measured where there is nothing to choose.
    const rates = tried.length === 1 ? [0] : await ratesOf(tried.map(({ engine }) => ({ engine, model: model.id })), model.shape);
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
