/** What the layers read at sampled steps, [x(t); h(t−1)], put together from the h of every step that ONNX answers with. */
import { namesOf } from '../../model/onnx/to-onnx.ts';
import { stepsOf } from '../../model/cell.ts';
import type { Model } from '../../model/model.ts';
import type { LayerShape } from '../../model/shape.ts';
import { directionsOf, layerShapes } from '../../model/shape.ts';
import { sigmoid } from '../../model/step.ts';
import type { Activity, EngineSequence } from '../../ports.ts';
import { activityColumns } from './checked.ts';
import type { Padded } from './onnx-batch.ts';
import type { OnnxValues } from './onnx-thread.ts';

/** r(t) of a GRU behind x(t) and h(t−1): as it is (reset after), or times h(t−1) (reset before). Writes to row[sources ..]. */
function addReset({ shape: { cell }, weights }: Model, { index, sources, units, inputs }: LayerShape, row: Float32Array): void {
  const { kernel, bias, recurrentBias } = weights.layers[index]!;
  for (let j = 0; j < units; j++) {
    let sum = bias[units + j]! + (recurrentBias?.[units + j] ?? 0);
    for (let k = 0; k < sources; k++) sum += row[k]! * kernel[k * 3 * units + units + j]!;
    row[sources + j] = sigmoid(sum) * (cell === 'gru' ? 1 : row[inputs + j]!);
  }
}

/** Sampled rows of each layer; a layer that runs backwards counts its steps in its own order. */
export class OnnxActivity {
  readonly #model: Model;
  readonly #layers: readonly LayerShape[];
  readonly #rows: readonly Float32Array[][];
  readonly #isSampled: (t: number) => boolean;

  constructor(model: Model, isSampled: (t: number) => boolean) {
    this.#model = model;
    this.#layers = layerShapes(model.shape);
    this.#rows = this.#layers.map(() => []);
    this.#isSampled = isSampled;
  }

  /** @param outputs with y of every layer, [steps, directions, lanes, units] */
  add(sequences: readonly EngineSequence[], { at }: Padded, outputs: Readonly<Record<string, OnnxValues>>): void {
    const { shape, weights } = this.#model, directions = directionsOf(shape), lanes = at.length;
    const hOf = (layer: number, d: number, step: number, lane: number): Float32Array => {
      const units = shape.layers[layer]!, from = ((step * directions + d) * lanes + lane) * units;
      return (outputs[namesOf(layer).y] as Float32Array).subarray(from, from + units);
    };
    let stateAt = 0;
    for (const layer of this.#layers) {
      at.forEach((which, lane) => {
        const { inputs, h } = sequences[which]!, length = stepsOf(shape, inputs), d = layer.backward ? 1 : 0;
        for (let t = 0; t < length; t++) {
          if (!this.#isSampled(t)) continue;
          const step = layer.backward ? length - 1 - t : t, row = new Float32Array(activityColumns(layer));
          if (layer.layer > 0) for (let other = 0; other < directions; other++) row.set(hOf(layer.layer - 1, other, step, lane), other * shape.layers[layer.layer - 1]!);
          else if (shape.vocabulary > 0) row.set(weights.embedding.subarray(inputs[step]! * shape.inputs, (inputs[step]! + 1) * shape.inputs));
          else row.set((inputs as Float32Array).subarray(step * shape.inputs, (step + 1) * shape.inputs));
          if (t > 0) row.set(hOf(layer.layer, d, layer.backward ? step + 1 : step - 1, lane), layer.inputs);
          else if (h !== null) row.set(h.subarray(stateAt, stateAt + layer.units), layer.inputs);
          if (layer.gates === 3) addReset(this.#model, layer, row);
          this.#rows[layer.index]!.push(row);
        }
      });
      stateAt += layer.units;
    }
  }

  /** In the order of the layers; empty where nothing was sampled. */
  activities(): readonly Activity[] {
    return this.#layers.flatMap((layer): readonly Activity[] => {
      const rows = this.#rows[layer.index]!, columns = activityColumns(layer);
      if (rows.length === 0) return [];
      const values = new Float32Array(rows.length * columns);
      rows.forEach((row, at) => { values.set(row, at * columns); });
      return [{ layer: layer.index, rows: rows.length, columns, values }];
    });
  }
}
