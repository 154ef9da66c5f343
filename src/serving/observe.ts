/**
 * Seventh stage: sampled activity of the champion adds to the moments of its model, off the event loop. What it costs
 * is measured and reported with the evidence.
 */
import type { OperatorFunction } from 'rxjs';
import { ignoreElements, pipe, tap } from 'rxjs';
import type { MomentsAccumulator, Moments } from '../evidence/moments.ts';
import { emptyMoments } from '../evidence/moments.ts';
import type { Model, ModelId } from '../model/model.ts';
import type { Activity, Engine } from '../ports.ts';
import { inTurns } from './in-turns.ts';
import type { Inference } from './work.ts';

/** Sampled vectors that may wait to be added; beyond that sampling pauses. */
const WAITING_ROWS_MAX = 8192;

export interface ObservePorts {
  readonly engine: Engine;
  readonly failed: (error: unknown) => void;
}

/** The moments of each layer of each model since the last report, and what they cost. */
export class Observer {
  private readonly ports: ObservePorts;
  /** By model, then by index of the layer. */
  private moments = new Map<ModelId, Map<number, MomentsAccumulator>>();
  private costMs = 0;
  private waitingRows = 0;
  /** The addition in progress. */
  private adding: Promise<void> = Promise.resolve();

  constructor(ports: ObservePorts) {
    this.ports = ports;
  }

  /** Whether so much waits that sampling should pause. */
  get behind(): boolean { return this.waitingRows > WAITING_ROWS_MAX; }

  expect(rows: number): void {
    this.waitingRows += rows;
  }

  /** Adds the vectors of one layer of a model. */
  add(model: Model, activity: Activity): Promise<void> {
    this.adding = this.adding.then(() => this.gram(model, activity));
    return this.adding;
  }

  /** Takes the moments out, after the addition in progress. */
  async take(): Promise<readonly Moments[]> {
    await this.adding;
    const taken = [...this.moments.values()].flatMap((layers) => [...layers.values()]);
    this.moments = new Map();
    return taken;
  }

  /** CPU time spent since the last call, milliseconds. */
  takeCostMs(): number {
    const taken = this.costMs;
    this.costMs = 0;
    return taken;
  }

  private async gram(model: Model, activity: Activity): Promise<void> {
    const { engine, failed } = this.ports;
    const { layer = 0 } = activity;
    const layers = this.moments.get(model.id) ?? new Map<number, MomentsAccumulator>();
    const moments = layers.get(layer) ?? emptyMoments(model.id, layer, activity.columns + 1);
    try {
      this.costMs += await engine.gram(activity, moments.second);
      moments.vectors += activity.rows;
      layers.set(layer, moments);
      this.moments.set(model.id, layers);
    } catch (error) {
      // The sums may be half added: what was collected of this model since the last report is let go.
      this.moments.delete(model.id);
      failed(error);
    }
    this.waitingRows -= activity.rows;
  }
}

export const observe = (observer: Observer): OperatorFunction<Inference, never> => pipe(
  tap((inference) => { for (const { rows } of activitiesOf(inference)) observer.expect(rows); }),
  inTurns<Inference, never>(async (waiting) => {
    for (const { model, activity } of joined(waiting)) await observer.add(model, activity);
    return [];
  }),
  ignoreElements(),
);

const activitiesOf = ({ activity, deeper }: Inference): readonly Activity[] => (activity === null ? [] : [activity, ...deeper ?? []]);

/** The activity that waits, one for each layer of each model. */
export function joined(inferences: readonly Inference[]): readonly { readonly model: Model; readonly activity: Activity }[] {
  const byLayer = new Map<string, { readonly model: Model; readonly parts: Activity[] }>();
  for (const inference of inferences) {
    const { model } = inference.batch;
    for (const activity of activitiesOf(inference)) {
      if (activity.rows === 0) continue;
      const key = `${model.id}|${activity.layer ?? 0}`, there = byLayer.get(key);
      if (there === undefined) byLayer.set(key, { model, parts: [activity] });
      else there.parts.push(activity);
    }
  }
  return [...byLayer.values()].map(({ model, parts }) => ({ model, activity: parts.length === 1 ? parts[0]! : concatenated(parts) }));
}

function concatenated(parts: readonly Activity[]): Activity {
  const rows = parts.reduce((sum, part) => sum + part.rows, 0), columns = parts[0]!.columns;
  const values = new Float32Array(rows * columns);
  let at = 0;
  for (const part of parts) {
    values.set(part.values.subarray(0, part.rows * columns), at);
    at += part.rows * columns;
  }
  return { ...parts[0]!, rows, columns, values };
}
