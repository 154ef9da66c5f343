/** A policy, facts and a candidate for the tests of the loop. */
import type { Fact, Happening } from '../../src/facts.ts';
import { EMPTY_STEPS, addBlock, emptyDuel } from '../../src/evidence/duel.ts';
import type { Duel } from '../../src/evidence/evidence.ts';
import { duelKey } from '../../src/evidence/evidence.ts';
import type { Policy } from '../../src/loop/policy.ts';
import type { LoopState } from '../../src/loop/state.ts';
import { initialState } from '../../src/loop/state.ts';
import type { CandidateReport, TuningJob } from '../../src/pruning/job.ts';

export const policy: Policy = {
  seed: 1, density: 0.1, cycles: 4, cyclesMax: 8, criterion: 'obs', scope: 'network', reconstruct: true,
  training: { steps: 100, lanes: 16, window: 32, learningRate: 1e-3, labelShare: 0.5, temperature: 2, dropout: 0, heldOut: 0.1, secondsMax: 60 },
  momentsVectorsMin: 100, replayItemsMin: 10, rehearsal: [], margin: 0.01, alpha: 0.05, anchorShare: 0.5, shadowShare: 0.5,
  rungs: [{ share: 0.1, blocksMin: 20, msMin: 2000 }, { share: 0.5, blocksMin: 20, msMin: 2000 }],
  probationBlocks: 100, probationMsMax: 60_000, tuneMsMax: 120_000, enlistMsMax: 10_000, routeMsMax: 5000, trialMsMax: 120_000,
};

/** What most tests order. */
export const TAKE = { kind: 'take', granularity: 'connection', density: 0.5 } as const;

/** The size of a candidate as its report tells it, of a parent of a thousand units. */
export const sizeOf = ({ granularity = 'connection', density }: Pick<TuningJob, 'granularity' | 'density'>): Partial<CandidateReport> =>
  (granularity === 'unit' ? { granularity, density: 1, layers: [Math.round(1000 * density)], parentLayers: [1000] } : { granularity, density });

export const fresh = (change: Partial<Policy> = {}): LoopState => initialState({ ...policy, ...change }, { champion: 'dense', salt: 'salt' });

export const fact = (happening: Happening, at = 1000): Fact => ({ ...happening, v: 1, at, instance: 'test' });

export const NO_LABELS = { joined: 0, late: 0, duplicate: 0, conflict: 0, orphan: 0, expired: 0, invalid: 0 };

export function blocks(n: number, difference: number, margin = 0.01): Duel {
  let duel = emptyDuel(margin);
  for (let at = 0; at < n; at++) duel = addBlock(duel, difference, EMPTY_STEPS);
  return duel;
}

export const evidence = (pairs: readonly (readonly [reference: string, candidate: string, duel: Duel])[], bulk?: { readonly model: string; readonly ref: string; readonly vectors: number; readonly items: number }): Happening => ({
  kind: 'evidence', momentsCpuMs: 0,
  counts: { tallies: {}, duels: Object.fromEntries(pairs.map(([reference, candidate, duel]) => [duelKey(reference, candidate), duel])), labels: NO_LABELS },
  moments: bulk === undefined ? null : { ref: `moments-${bulk.ref}`, model: bulk.model, vectors: bulk.vectors },
  replay: bulk === undefined ? null : { ref: `replay-${bulk.ref}`, items: bulk.items },
});

export const enough = (model: string, ref = 'a'): Happening => evidence([], { model, ref, vectors: 200, items: 20 });

export const report = (change: Partial<CandidateReport> = {}): CandidateReport => ({
  accuracy: 0.9, loss: 0.3, agreement: 0.95, parentAccuracy: 0.9, prunedAccuracy: 0.5, heldOutSteps: 1000, parity: 1e-6, density: 0.4,
  densities: [{ inputs: 0.4, state: 0.4 }], structuralCost: 1, weightCost: 1, bytes: 1000, steps: 100, seconds: 1, ...change,
});
