/**
 * onnxruntime as an engine: dense kernels that no pruning speeds up, for models that are dense or nearly so. Sequences are
 * sorted and padded; everything runs on a thread of its own, because onnxruntime-node computes on the thread that asks.
 */
import { EspalierError } from '../../errors.ts';
import type { Model, ModelId } from '../../model/model.ts';
import { toOnnx } from '../../model/onnx/to-onnx.ts';
import type { OnnxPrecision } from '../../model/onnx/layer.ts';
import type { Activity, Engine, EngineAnswer, EngineCall, EngineResult, Enlistment } from '../../ports.ts';
import { checkCall, checkModel, phaseWithin, topOf } from './checked.ts';
import { OnnxActivity } from './onnx-activity.ts';
import { answersFrom, feedsOf, fetchesOf, paddedOf } from './onnx-batch.ts';
import type { OnnxThread } from './onnx-thread.ts';
import { PARITY_MAX, parityJudge, probeSequences } from './parity.ts';
import { ReferenceEngine } from './reference.ts';

/** More lanes than these gain nothing, and pad more. */
const LANES = 32;
/** int8 answers differ by the rounding of weights and activities; a model that differs more was taken over wrongly. */
const PARITY_MAX_INT8 = 0.25;

/** Calls in flight hold the session; it is released with the last of them. */
interface Enlisted { readonly model: Model; readonly session: string; calls: number; retired: boolean }

export class OnnxEngine implements Engine {
  readonly name: string;
  readonly #thread: OnnxThread;
  readonly #precision: OnnxPrecision;
  readonly #lanes: number;
  readonly #models = new Map<ModelId, Enlisted>();
  /** Second moments are not ONNX's business. */
  readonly #moments = new ReferenceEngine();
  #sessions = 0;

  /** @param lanes sequences side by side, at most */
  constructor(thread: OnnxThread, precision: OnnxPrecision = 'fp32', lanes = LANES) {
    this.name = `onnxruntime/${precision}`;
    this.#thread = thread;
    this.#precision = precision;
    this.#lanes = lanes;
  }

  async enlist(model: Model): Promise<Enlistment> {
    const started = performance.now();
    checkModel(model);
    const bytes = toOnnx(model, this.#precision), session = `${this.name} ${this.#sessions++}`, enlisted: Enlisted = { model, session, calls: 0, retired: false };
    await this.#thread.load(session, bytes).catch((error: unknown) => { throw new EspalierError('engine-failed', `${this.name}: model ${model.id}`, error); });
    try {
      const probes = probeSequences(model), judge = parityJudge(model, probes);
      const { answers } = await this.#run(enlisted, { model: model.id, sequences: probes, sample: null });
      const parity = Math.max(...answers.map((answer, at) => judge(at, answer))), most = this.#precision === 'int8' ? PARITY_MAX_INT8 : PARITY_MAX;
      if (parity > most) throw new EspalierError('engine-mismatch', `Largest difference ${parity.toExponential(1)}, ${most} is allowed; ${this.name}, model ${model.id}.`);
      await this.retire(model.id);
      this.#models.set(model.id, enlisted);
      return { ms: performance.now() - started, parity, bytes: bytes.length };
    } catch (error) {
      await this.#thread.release(session).catch(() => undefined);
      throw error;
    }
  }

  /** With the CPU time of the process meanwhile, which is that of its one thread where nothing else is asked of it. */
  async infer(call: EngineCall): Promise<EngineResult & { readonly cpuMs: number }> {
    const enlisted = this.#models.get(call.model);
    if (enlisted === undefined) throw new EspalierError('model-unknown', call.model);
    checkCall(call, enlisted.model.shape);
    enlisted.calls++;
    try {
      return await this.#run(enlisted, call);
    } finally {
      enlisted.calls--;
      await this.#releaseUnused(enlisted);
    }
  }

  async #run({ model, session }: Enlisted, call: EngineCall): Promise<EngineResult & { readonly cpuMs: number }> {
    const { sequences, sample } = call, { shape } = model, top = topOf(call, shape), answers = new Array<EngineAnswer>(sequences.length), fetches = fetchesOf(shape, sample !== null, top);
    const phase = sample === null ? 0 : phaseWithin(sample.phase, sample.every);
    const activity = new OnnxActivity(model, (t) => (t + phase) % sample!.every === 0);
    let steps = 0, kernelMs = 0, cpuMs = 0;
    for (const padded of paddedOf(shape, sequences, this.#lanes)) {
      const { outputs, ms, cpuMs: cpu } = await this.#thread.run(session, feedsOf(shape, sequences, padded, top), fetches)
        .catch((error: unknown) => { throw new EspalierError('engine-failed', `${this.name}: ${error instanceof Error ? error.message : String(error)}`, error); });
      const named = Object.fromEntries(fetches.map((name, at) => [name, outputs[at]!]));
      answersFrom(shape, sequences, padded, named, top).forEach((answer, lane) => { answers[padded.at[lane]!] = answer; });
      if (sample !== null) activity.add(sequences, padded, named);
      steps = Math.max(steps, padded.steps);
      kernelMs += ms;
      cpuMs += cpu;
    }
    const [first = null, ...deeper] = activity.activities();
    return { answers, activity: first, ...(deeper.length > 0 ? { deeper } : {}), steps, kernelMs, cpuMs };
  }

  gram(activity: Activity, into: Float64Array): Promise<number> { return this.#moments.gram(activity, into); }

  async retire(model: ModelId): Promise<void> {
    const enlisted = this.#models.get(model);
    this.#models.delete(model);
    if (enlisted === undefined) return;
    enlisted.retired = true;
    await this.#releaseUnused(enlisted);
  }

  async #releaseUnused({ session, calls, retired }: Enlisted): Promise<void> {
    if (retired && calls === 0) await this.#thread.release(session).catch(() => undefined);
  }
}
