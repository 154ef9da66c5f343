/**
 * The honest rival: the dense model trained on with the same labels for the same steps as the pruned one, so that what
 * more training brings is not credited to pruning.
 */
import type { Fact } from '../../facts.ts';
import type { ModelId } from '../../model/model.ts';
import type { TuningJob } from '../../pruning/job.ts';
import type { Trainer } from '../../ports.ts';
import { runToCandidate } from '../data/dense.ts';

export interface Control {
  /** Follows the facts of the circle. */
  hear(fact: Fact): void;
  /** The dense rival of a champion and how long it was trained; null where its training failed. */
  settle(champion: ModelId): Promise<{ readonly model: ModelId; readonly steps: number } | null>;
  readonly failures: () => readonly string[];
}

/** Starts one control job for each candidate, while the candidate is on trial and the training process is idle. */
export function startControl(trainer: Trainer, dense: ModelId): Control {
  const jobs = new Map<string, TuningJob>();
  /** For each model of the lineage the dense model trained on as much, and its steps so far. */
  const rivals = new Map<ModelId, Promise<{ readonly model: ModelId; readonly steps: number } | null>>([[dense, Promise.resolve({ model: dense, steps: 0 })]]);
  const failures: string[] = [];

  async function trainOn(job: TuningJob, steps: number): Promise<{ readonly model: ModelId; readonly steps: number } | null> {
    const before = await (rivals.get(job.parent) ?? Promise.resolve(null));
    if (before === null) return null;
    try {
      const candidate = await runToCandidate(trainer, {
        ...job, id: `${job.id}-control`, parent: before.model, teacher: null, anchor: null, moments: [], density: 1, criterion: null, reconstruct: false,
        training: { ...job.training, steps, labelShare: 1, secondsMax: 10 * job.training.secondsMax }, trainedOn: `${job.trainedOn}, dense`,
      }, () => undefined);
      return { model: candidate.model, steps: before.steps + candidate.report.steps };
    } catch (error) {
      failures.push(`${job.id}: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  }
  return {
    hear(fact) {
      if (fact.kind === 'ordered' && fact.order.kind === 'tune') jobs.set(fact.order.order, fact.order.job);
      if (fact.kind !== 'job-done') return;
      const job = jobs.get(fact.order);
      jobs.delete(fact.order);
      if (job !== undefined) rivals.set(fact.candidate.model, trainOn(job, fact.candidate.report.steps));
    },
    async settle(champion) {
      return await (rivals.get(champion) ?? Promise.resolve(null));
    },
    failures: () => failures,
  };
}
