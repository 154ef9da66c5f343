/** Small models, tickets and limits for the tests of the serving line. */
import { initialWeights } from '../../src/model/initial.ts';
import { fullMask } from '../../src/model/mask.ts';
import type { Model } from '../../src/model/model.ts';
import type { ModelShape } from '../../src/model/shape.ts';
import type { Roster } from '../../src/rollout/roster.ts';
import type { ServingLimits } from '../../src/serving/limits.ts';
import type { Shadow, Ticket } from '../../src/serving/work.ts';
import { randomFrom } from '../../src/support/random.ts';

export const WORDS = Array.from({ length: 12 }, (_, n) => `w${n}`);
export const LABELS = ['A', 'B', 'C'];

export function sampleModel(id: string, seed: number, change: Partial<ModelShape> = {}): Model {
  const shape: ModelShape = { cell: 'lstm', vocabulary: WORDS.length + 4, inputs: 3, layers: [5], task: 'tag', outputs: LABELS.length, state: 'carry', ...change };
  return {
    id, shape, weights: scaled(initialWeights(shape, randomFrom(seed))), mask: fullMask(shape), labels: LABELS,
    tokenizer: { kind: 'words', words: WORDS, suffixes: [], foldCase: false },
    lineage: { parent: null, anchor: null, cycle: 0, density: 1, criterion: null, seed, trainedOn: 'nothing' },
  };
}

/** Larger weights, so that labels depend on the state and not on the bias alone. */
function scaled(weights: ReturnType<typeof initialWeights>): ReturnType<typeof initialWeights> {
  return { ...weights, embedding: weights.embedding.map((value) => value * 20), output: weights.output.map((value) => value * 4) };
}

export const LIMITS: ServingLimits = {
  unsettledMax: 64, batchMax: 8, shadowWaitingMax: 64, stepsMax: 16, requestBytesMax: 4096, sessionsMax: 1000, sessionIdleMsMax: 1e9,
  labelWaitMs: 10_000, pendingMax: 1000, evidenceEveryMs: 100, bulkEveryMs: 500, sampleEvery: 3, replayItemsMax: 100,
  blockRequestsMax: 3, blockIdleMs: 5_000, statesDurable: true,
};

export const rosterOf = (change: Partial<Roster> & { readonly champion: string }): Roster =>
  ({ version: 1, challenger: null, share: 0, shadow: 0, anchor: change.champion, anchorShare: 0, predecessor: null, salt: 'salt', ...change });

let tickets = 0;
/** A ticket as `assign` makes it. */
export function ticketOf(model: Model, session: string, block: string, change: { readonly shadows?: readonly Shadow[]; readonly roster?: Roster; readonly id?: string; readonly inputs?: Int32Array | Float32Array } = {}): Ticket {
  const number = tickets++;
  const id = change.id ?? `r${number}`;
  return {
    delivery: { topic: 'requests', partition: 0, offset: number, key: session, value: new Uint8Array(0), at: 0 },
    request: { id, session, sequence: 0, inputs: change.inputs ?? Int32Array.of(1, 2), at: 0 },
    roster: change.roster ?? rosterOf({ champion: model.id }), arm: 'champion', model, shadows: change.shadows ?? [], block, since: 0, before: null, failed: false,
  };
}
