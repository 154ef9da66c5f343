// One or more facts of every kind, with numbers that are easy to recognise; used by the tests of metrics and meters.
import { LATENCY_BUCKETS_MS, type Fact, type Happening } from '../../src/facts.ts';
import type { Roster } from '../../src/rollout/roster.ts';

export const factOf = (happening: Happening): Fact => ({ ...happening, v: 1, at: 1_700_000_000_000, instance: 'test' });

/** Latency counts with `count` in the bucket that ends at `ms`. */
export const latencyAt = (ms: number, count: number): number[] => [...LATENCY_BUCKETS_MS, Infinity].map((bound) => (bound === ms ? count : 0));

export const rosterOf = (version: number, models: Partial<Roster> = {}): Roster =>
  ({ version, champion: `model-${String(version)}`, challenger: null, share: 0, shadow: 0, anchor: 'anchor', anchorShare: 0.3, predecessor: null, salt: 'salt', ...models });

const LABELS = { joined: 5, late: 1, duplicate: 2, conflict: 0, orphan: 3, expired: 4, invalid: 6 };
const DUEL = { margin: 0.01, blocks: 7, sum: 0, squares: 0, certify: [], harm: [], harmAtZero: [], bothRight: 80, referenceOnly: 2, candidateOnly: 3, bothWrong: 15, agreed: 90 };
const REPORT = { accuracy: 0.91, loss: 0.3, agreement: 0.97, parentAccuracy: 0.9, prunedAccuracy: 0.8, heldOutSteps: 100, parity: 1e-7, density: 0.2, densities: [], structuralCost: 1, weightCost: 1, bytes: 4096, steps: 10, seconds: 3 };

export const EVERY_KIND: { readonly [K in Fact['kind']]: Extract<Happening, { readonly kind: K }> } = {
  'batch': { kind: 'batch', role: 'champion', model: 'a', requests: 6, steps: 120, kernelMs: 4, waitMsMax: 1.5, latency: latencyAt(2, 6), latencyMsSum: 9 },
  'queues': { kind: 'queues', waiting: 1, shadowWaiting: 2, unsettled: 3, unsettledMax: 256, sessions: 64, pendingLabels: 5 },
  'refused': { kind: 'refused', counts: { 'request-not-json': 2, 'label-orphan': 1, 'engine-failed': 1 } },
  'sessions-evicted': { kind: 'sessions-evicted', reason: 'age', count: 3 },
  'states-carried': { kind: 'states-carried', from: 'a', to: 'b', count: 12 },
  'shadow-dropped': { kind: 'shadow-dropped', role: 'anchor', count: 4 },
  'labels': { kind: 'labels', counts: LABELS, delayMsSum: 2500 },
  'evidence': { kind: 'evidence', counts: { tallies: { 'a|champion': { requests: 5, steps: 100, correct: 90, confidence: 4 }, 'b|anchor': { requests: 1, steps: 10, correct: 9, confidence: 1 } }, duels: { 'a|b': DUEL }, labels: LABELS }, moments: { ref: 'm', model: 'a', vectors: 1000 }, replay: { ref: 'r', items: 50 }, momentsCpuMs: 30 },
  'units': { kind: 'units', model: 'a', layer: 1, steps: 100, dead: 1, abs: [20, 0.01, 3], squares: [9, 0.00001, 1] },
  'loop-started': { kind: 'loop-started', roster: rosterOf(1), density: 1, margin: 0.01, cyclesMax: 8 },
  'ordered': { kind: 'ordered', order: { kind: 'enlist', order: 'o1', deadline: 0, model: 'b' } },
  'job-news': { kind: 'job-news', job: 'j', news: { kind: 'progress', step: 50, steps: 200, loss: 0.7, accuracy: 0.9, tokensPerSecond: 9000 } },
  'job-done': { kind: 'job-done', order: 'o2', candidate: { job: 'j', model: 'b', report: REPORT } },
  'job-failed': { kind: 'job-failed', order: 'o3', code: 'trainer-crashed', reason: 'killed' },
  'enlisted': { kind: 'enlisted', order: 'o4', model: 'b', engine: 'native/avx2', ms: 250, parity: 2e-7 },
  'enlist-failed': { kind: 'enlist-failed', order: 'o5', model: 'b', code: 'engine-mismatch', reason: 'parity' },
  'routed': { kind: 'routed', order: 'o6', roster: rosterOf(2, { champion: 'b', challenger: 'c', share: 0.1, shadow: 0.5, predecessor: 'a' }), swapMs: 2 },
  'retired': { kind: 'retired', order: 'o7', model: 'a' },
  'order-failed': { kind: 'order-failed', order: 'o8', code: 'model-unknown', reason: 'gone' },
  'decided': { kind: 'decided', candidate: 'b', cycle: 3, outcome: 'certified', reason: 'wealth', blocks: 400, difference: 0.001, certify: 41, harm: 0.2, bar: 40 },
  'warned': { kind: 'warned', about: 'drift', model: 'a', reason: 'adwin' },
  'engine-chosen': { kind: 'engine-chosen', engine: 'native', variant: 'avx2', reason: 'probe passed' },
  'failed': { kind: 'failed', where: 'publish', code: 'storage-full', reason: 'no space' },
  'command': { kind: 'command', command: 'pause', by: 'operator' },
  'tick': { kind: 'tick' },
};
