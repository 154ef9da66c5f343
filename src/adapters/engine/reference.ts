/** The reference network as an engine: float64, on the event loop but yielding between sequences. Slow and always there. */
import { assert, EspalierError } from '../../errors.ts';
import type { ForwardResult } from '../../model/cell.ts';
import { forward, stepsOf } from '../../model/cell.ts';
import type { Model, ModelId } from '../../model/model.ts';
import type { LayerShape } from '../../model/shape.ts';
import { layerShapes, stateLengths } from '../../model/shape.ts';
import type { Activity, Engine, EngineAnswer, EngineCall, EngineResult, Enlistment, RankedLabels } from '../../ports.ts';
import { activityColumns, checkCall, checkModel, phaseWithin, topOf } from './checked.ts';

const GRAM_ROWS_BETWEEN_YIELDS = 16;
const yieldToLoop = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

export class ReferenceEngine implements Engine {
  readonly name = 'reference';
  readonly #models = new Map<ModelId, Model>();

  async enlist(model: Model): Promise<Enlistment> {
    const started = performance.now();
    await yieldToLoop();
    checkModel(model);
    this.#models.set(model.id, model);
    const { embedding, layers, output, outputBias } = model.weights;
    const bytes = [embedding, output, outputBias, ...layers.flatMap((layer) => [layer.kernel, layer.bias, layer.recurrentBias])].reduce((sum, tensor) => sum + (tensor?.byteLength ?? 0), 0);
    return { ms: performance.now() - started, parity: 0, bytes };
  }

  /** All sequences are lanes of one block: step t is step t of each, and there are as many steps as the longest has. */
  async infer(call: EngineCall): Promise<EngineResult> {
    const model = this.#models.get(call.model);
    if (model === undefined) throw new EspalierError('model-unknown', call.model);
    checkCall(call, model.shape);
    const layers = layerShapes(model.shape), lengths = stateLengths(model.shape);
    const sampled = layers.map(() => [] as Float32Array[]);
    const { every, phase } = call.sample === null ? { every: 0, phase: 0 } : { every: call.sample.every, phase: phaseWithin(call.sample.phase, call.sample.every) };
    const answers: EngineAnswer[] = [], top = topOf(call, model.shape);
    const units = { steps: 0, abs: new Float64Array(lengths.h), squares: new Float64Array(lengths.h) };
    const note = (h: Float64Array, from: number): void => { h.forEach((value, j) => { units.abs[from + j]! += Math.abs(value); units.squares[from + j]! += value * value; }); };
    const before = layers.map((_, at) => layers.slice(0, at).reduce((sum, layer) => sum + layer.units, 0));
    let steps = 0, kernelMs = 0;
    for (const { inputs, h, c } of call.sequences) {
      await yieldToLoop();
      const started = performance.now();
      const state = h === null && c === null ? null : { h: Float64Array.from(h ?? new Float32Array(lengths.h)), c: Float64Array.from(c ?? new Float32Array(lengths.c)) };
      const result = forward(model, inputs, state, (t, x, hPrevious, layer, reset) => {
        if (t > 0) note(hPrevious, before[layer]!);
        if (every === 0 || (t + phase) % every !== 0) return;
        sampled[layer]!.push(Float32Array.from([...x, ...hPrevious, ...(reset ?? [])]));
      });
      note(result.h, 0);
      units.steps += stepsOf(model.shape, inputs);
      answers.push({
        labels: result.labels, values: result.values === null ? null : Float32Array.from(result.values), confidence: result.confidence,
        ranked: rankedOf(result, model.shape.outputs, top), h: Float32Array.from(result.h), c: Float32Array.from(result.c),
      });
      steps = Math.max(steps, stepsOf(model.shape, inputs));
      kernelMs += performance.now() - started;
    }
    const activities = layers.map((layer) => joined(layer, sampled[layer.index]!)).filter((activity) => activity !== null);
    return { answers, activity: activities[0] ?? null, ...(activities.length > 1 ? { deeper: activities.slice(1) } : {}), units, steps, kernelMs };
  }

  async gram(activity: Activity, into: Float64Array): Promise<number> {
    const { rows, columns, values } = activity;
    const size = columns + 1;
    assert(values.length === rows * columns && into.length === size * (size + 1) / 2, 'gram: values [rows, columns], into a packed upper triangle of columns + 1');
    const a = new Float64Array(size).fill(1);
    let busyMs = 0;
    for (let row = 0; row < rows; row++) {
      if (row % GRAM_ROWS_BETWEEN_YIELDS === 0) await yieldToLoop();
      const started = performance.now();
      a.set(values.subarray(row * columns, (row + 1) * columns));
      for (let i = 0, at = 0; i < size; i++) for (let j = i; j < size; j++) into[at++]! += a[i]! * a[j]!;
      busyMs += performance.now() - started;
    }
    return busyMs;
  }

  retire(model: ModelId): Promise<void> {
    this.#models.delete(model);
    return Promise.resolve();
  }
}

/** The likeliest labels of each answer: sorting keeps those of one probability in their order. */
function rankedOf({ labels, probabilities }: ForwardResult, outputs: number, top: number): RankedLabels | null {
  if (top === 1) return null;
  const best = Array.from(labels, (_, t) => {
    const own = probabilities.subarray(t * outputs, (t + 1) * outputs);
    return Array.from(own.keys()).sort((a, b) => own[b]! - own[a]!).slice(0, top).map((label) => [label, own[label]!] as const);
  }).flat();
  return { top, labels: Int32Array.from(best, ([label]) => label), probabilities: Float32Array.from(best, ([, probability]) => probability) };
}

/** The rows of a layer as one activity; null where there are none. */
function joined(layer: LayerShape, rows: readonly Float32Array[]): Activity | null {
  if (rows.length === 0) return null;
  const columns = activityColumns(layer);
  const values = new Float32Array(rows.length * columns);
  rows.forEach((row, at) => { values.set(row, at * columns); });
  return { layer: layer.index, rows: rows.length, columns, values };
}
