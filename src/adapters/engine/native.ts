/** The native kernel as an engine: one ragged call is one piece of work on libuv's pool, or several (parts.ts). */
import { assert, EspalierError } from '../../errors.ts';
import type { Model, ModelId } from '../../model/model.ts';
import { packG4 } from '../../model/pack-g4.ts';
import { pack } from '../../model/pack.ts';
import { quantise } from '../../model/quantise.ts';
import type { ModelShape } from '../../model/shape.ts';
import { layerShapes } from '../../model/shape.ts';
import type { Activity, Engine, EngineAnswer, EngineCall, EngineResult, Enlistment } from '../../ports.ts';
import type { Addon, AddonHandle, AddonResult, Precision } from './addon.ts';
import { loadArguments, loadArgumentsG4 } from './addon.ts';
import { answersOf, batchOf } from './batch.ts';
import { activityColumns, checkCall, checkModel, phaseWithin, topOf } from './checked.ts';
import { parityJudge, parityMax, probeSequences, SINGLE_STEPS } from './parity.ts';
import { partsOf, phaseOfPart, sampledBy, unitsOf } from './parts.ts';

/** Between the stages of an enlistment, a few milliseconds each. */
const yieldToLoop = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

/** As the kernel's header has it. */
const FEW_LANES = 4;

/** With the CPU time of the threads that ran the call: unlike `kernelMs` it leaves out what other work took from it. */
export type NativeResult = EngineResult & { readonly cpuMs: number };

interface Enlisted { readonly shape: ModelShape; readonly handle: AddonHandle }

export class NativeEngine implements Engine {
  readonly name: string;
  readonly #addon: Addon;
  readonly #variant: string;
  /** The precision in which it works. */
  readonly precision: Precision;
  readonly #widths: readonly number[];
  /** Lanes of the narrowest block; the forms for fewer lanes add in another order. */
  readonly #block: number;
  readonly #cores: number;
  readonly #models = new Map<ModelId, Enlisted>();
  #gram: Promise<unknown> = Promise.resolve();

  /**
   * @param variant a variant that this machine supports; throws engine-unavailable where it does not
   * @param cores a large call is split into so many parts at most
   */
  constructor(addon: Addon, variant: string, cores = 1) {
    const found = addon.variants().find(({ name, supported }) => name === variant && supported);
    if (found === undefined) throw new EspalierError('engine-unavailable', `This machine has no variant ${variant}.`);
    this.#addon = addon;
    this.#variant = variant;
    this.precision = found.precision;
    this.#widths = found.widths;
    this.#block = found.widths.find((width) => width > FEW_LANES)!;
    this.#cores = cores;
    this.name = `native/${variant}`;
  }

  async enlist(model: Model): Promise<Enlistment> {
    const started = performance.now();
    checkModel(model);
    await yieldToLoop();
    const [handle, bytes] = this.#load(model);
    const parity = await this.#compare(model, handle).catch((error: unknown) => { this.#addon.release(handle); throw error; });
    const most = parityMax(this.precision);
    if (parity > most) {
      this.#addon.release(handle);
      throw new EspalierError('engine-mismatch', `Largest difference ${parity.toExponential(1)}, ${most} is allowed; ${this.name}, model ${model.id}.`);
    }
    const before = this.#models.get(model.id);
    this.#models.set(model.id, { shape: model.shape, handle });
    if (before !== undefined) this.#addon.release(before.handle);
    return { ms: performance.now() - started, parity, bytes };
  }

  #load(model: Model): readonly [AddonHandle, number] {
    if (this.precision === 'fp32') return this.#addon.load(...loadArguments(this.#variant, pack(model)));
    return this.#addon.load(...loadArgumentsG4(this.#variant, packG4(quantise(model), model.mask)));
  }

  /** Runs the probe sequences once on every lane width, which also warms them. */
  async #compare(model: Model, handle: AddonHandle): Promise<number> {
    await yieldToLoop();
    const probes = this.precision === 'fp32' ? probeSequences(model) : probeSequences(model, SINGLE_STEPS);
    const judge = parityJudge(model, probes, this.precision);
    let worst = 0;
    for (const width of this.#widths) {
      const sequences = Array.from({ length: width }, (_, at) => probes[at % probes.length]!);
      const { answers } = await this.#run({ shape: model.shape, handle }, { model: model.id, sequences, sample: null }, true, 1);
      answers.forEach((answer, at) => { worst = Math.max(worst, judge(at % probes.length, answer)); });
    }
    return worst;
  }

  async infer(call: EngineCall): Promise<NativeResult> {
    return this.#run(this.#checked(call), call, true);
  }

  /** As `infer`, but without labels and confidences: for measuring what the cell alone costs. */
  async inferWithoutOutput(call: EngineCall): Promise<NativeResult> {
    return this.#run(this.#checked(call), call, false);
  }

  #checked(call: EngineCall): Enlisted {
    const enlisted = this.#models.get(call.model);
    if (enlisted === undefined) throw new EspalierError('model-unknown', call.model);
    checkCall(call, enlisted.shape, false);
    return enlisted;
  }

  async #run({ shape, handle }: Enlisted, call: EngineCall, withOutput: boolean, cores: number = this.#cores): Promise<NativeResult> {
    const parts = partsOf(call.sequences, shape.vocabulary > 0 ? 1 : shape.inputs, cores, this.#block);
    const top = topOf(call, shape), batches = parts.map((part) => batchOf(parts.length === 1 ? call.sequences : part.map((at) => call.sequences[at]!), shape, withOutput, top));
    const every = call.sample?.every ?? 0;
    let results: readonly AddonResult[];
    try {
      results = await Promise.all(batches.map((batch, part) => this.#addon.infer(handle, batch.inputs, batch.offsets, batch.h, batch.c, batch.labels, batch.values, batch.confidence, batch.mode, every,
        every === 0 ? 0 : phaseWithin(phaseOfPart(call.sample!.phase, every, part, parts.length), every), top, batch.best, batch.chances, batch.activity)));
    } catch (error) {
      checkCall(call, shape); // says which number it was
      throw new EspalierError('engine-failed', `${this.name}: ${error instanceof Error ? error.message : String(error)}`, error);
    }
    const answers = new Array<EngineAnswer>(call.sequences.length);
    batches.forEach((batch, part) => { answersOf(batch, shape, parts[part]!.length).forEach((answer, at) => { answers[parts[part]![at]!] = answer; }); });
    const sampled = results.every(({ rows }) => rows === 0) ? [] : layerShapes(shape).map((layer): Activity => sampledBy(results, layer.index, activityColumns(layer)));
    return {
      answers, activity: sampled[0] ?? null, ...(sampled.length > 1 ? { deeper: sampled.slice(1) } : {}),
      units: unitsOf(batches), steps: results.reduce((sum, { steps }) => sum + steps, 0), kernelMs: Math.max(...results.map(({ ms }) => ms)), cpuMs: results.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
    };
  }

  /** One at a time: two sums into the same triangle must not meet. */
  gram(activity: Activity, into: Float64Array): Promise<number> {
    const { rows, columns, values } = activity;
    const size = columns + 1;
    assert(values.length === rows * columns && into.length === size * (size + 1) / 2, 'gram: values [rows, columns], into a packed upper triangle of columns + 1');
    const done = this.#gram.then(() => this.#addon.gram(this.#variant, values, rows, columns, into));
    this.#gram = done.catch(() => undefined);
    return done.catch((error: unknown) => { throw new EspalierError('engine-failed', `${this.name}: gram`, error); });
  }

  retire(model: ModelId): Promise<void> {
    const enlisted = this.#models.get(model);
    this.#models.delete(model);
    if (enlisted !== undefined) this.#addon.release(enlisted.handle);
    return Promise.resolve();
  }
}
