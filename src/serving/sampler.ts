/** Which steps of the champion's live calls are sampled for the moments. */
import type { ModelId } from '../model/model.ts';
import type { EngineCall } from '../ports.ts';

/**
 * One step in `every` at a random phase, the counter running across the calls: a counter that began anew with each
 * call would only ever see the first steps, where h = 0.
 */
export class Sampler {
  private readonly every: number;
  private readonly random: () => number;
  private model: ModelId | null = null;
  private phase = 0;

  constructor(every: number, random: () => number) {
    this.every = every;
    this.random = random;
  }

  /** The sampling of the next call of the champion; a new champion begins at a random phase. */
  next(model: ModelId): NonNullable<EngineCall['sample']> {
    if (model !== this.model) {
      this.model = model;
      this.phase = Math.floor(this.random() * this.every);
    }
    return { every: this.every, phase: this.phase };
  }

  /** The call has run so many steps. */
  ran(steps: number): void {
    this.phase = (this.phase + steps) % this.every;
  }
}
