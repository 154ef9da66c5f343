/** How active the champion's units were since the last report: every step of what it answers the world, of every layer. */
import { deadUnits } from '../evidence/unit-activity.ts';
import type { Happening } from '../facts.ts';
import type { Model, ModelId } from '../model/model.ts';
import { layerShapes } from '../model/shape.ts';
import type { Inference } from './work.ts';

interface Sums { readonly model: Model; steps: number; readonly abs: Float64Array; readonly squares: Float64Array }

/** Digits of a sum in a report: its own error is smaller, and a record of 1,000 units stays below 20 kB. */
const DIGITS = 4;
const short = (sum: number): number => Number(sum.toPrecision(DIGITS));

export class UnitTable {
  private sums = new Map<ModelId, Sums>();

  add({ batch: { live, role, model }, units }: Inference): void {
    if (!live || role !== 'champion' || units === undefined) return;
    const held = this.sums.get(model.id) ?? { model, steps: 0, abs: new Float64Array(units.abs.length), squares: new Float64Array(units.abs.length) };
    held.steps += units.steps;
    for (let j = 0; j < held.abs.length; j++) {
      held.abs[j]! += units.abs[j]!;
      held.squares[j]! += units.squares[j]!;
    }
    this.sums.set(model.id, held);
  }

  /** One report for each layer, and the table begins anew. Sums that overflowed say nothing and are left out. */
  take(): readonly Extract<Happening, { kind: 'units' }>[] {
    const reports = [...this.sums.values()].flatMap(({ model, steps, abs, squares }) => {
      let from = 0;
      return layerShapes(model.shape).map(({ index, units }) => {
        const own = (sums: Float64Array): readonly number[] => Array.from(sums.subarray(from, from + units), short);
        const activity = { steps, abs: own(abs), squares: own(squares) };
        const report = { kind: 'units' as const, model: model.id, layer: index, dead: deadUnits(activity).length, ...activity };
        from += units;
        return report;
      });
    });
    this.sums = new Map();
    return reports.filter(({ squares }) => squares.every(Number.isFinite));
  }
}
