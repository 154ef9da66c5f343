/** What each fact says in numbers: pure, so that every meter counts the same. */
import type { Fact, Roster } from '../facts.ts';
import { METRICS, ROLES, type MetricKey, type Role } from './definitions.ts';

export type SampleLabels = Readonly<Record<string, string>>;

export type Sample =
  | { readonly kind: 'add' | 'set'; readonly metric: MetricKey; readonly labels: SampleLabels; readonly value: number }
  /** Counts of a histogram by bucket (not cumulative), [buckets + 1], and the sum of the observed values. */
  | { readonly kind: 'buckets'; readonly metric: MetricKey; readonly labels: SampleLabels; readonly counts: readonly number[]; readonly sum: number }
  /** The one series of an info metric with these labels; `free` null where there is none any more. */
  | { readonly kind: 'info'; readonly metric: MetricKey; readonly labels: SampleLabels; readonly free: SampleLabels | null };

const add = (metric: MetricKey, value: number, labels: SampleLabels = {}): Sample => ({ kind: 'add', metric, labels, value });
const set = (metric: MetricKey, value: number, labels: SampleLabels = {}): Sample => ({ kind: 'set', metric, labels, value });
const seconds = (ms: number): number => ms / 1000;

type Of<K extends Fact['kind']> = Extract<Fact, { readonly kind: K }>;

/** The samples of a fact. */
export function samplesOf(fact: Fact): readonly Sample[] {
  switch (fact.kind) {
    case 'batch': return ofBatch(fact);
    case 'queues': return ofQueues(fact);
    case 'refused': return Object.entries(fact.counts).map(([code, count]) => add('refused', count, { code: known('refused', 'code', code) }));
    case 'sessions-evicted': return [add('evictions', fact.count, { reason: fact.reason })];
    case 'states-carried': return [add('carried', fact.count)];
    case 'shadow-dropped': return [add('shadowDropped', fact.count, { role: fact.role })];
    case 'labels': return [...Object.entries(fact.counts).map(([outcome, count]) => add('labels', count, { outcome })), add('labelDelay', seconds(fact.delayMsSum))];
    case 'evidence': return ofEvidence(fact);
    case 'units': return [set('deadUnits', fact.dead, { layer: String(fact.layer) })];
    case 'loop-started': return ofRoster(fact.roster);
    case 'ordered': return [add('orders', 1, { kind: fact.order.kind }), ...(fact.order.kind === 'tune' ? [set('resting', 0)] : [])];
    case 'rested': return [set('resting', 1)];
    case 'order-failed': return [add('ordersFailed', 1), add('failures', 1, { code: fact.code })];
    case 'job-news': return ofNews(fact);
    case 'job-done': {
      const { density, accuracy, bytes } = fact.candidate.report;
      return [add('tuningJobs', 1, { outcome: 'done' }), set('tuningProgress', 1), set('candidateDensity', density), set('candidateAccuracy', accuracy), set('candidateBytes', bytes)];
    }
    case 'job-failed': return [add('tuningJobs', 1, { outcome: 'failed' }), add('failures', 1, { code: fact.code })];
    case 'enlisted': return [add('enlistments', 1, { outcome: 'done' }), add('enlistSeconds', seconds(fact.ms)), set('enlistParity', fact.parity), ...(fact.times === undefined ? [] : [set('enlistSpeedup', fact.times)])];
    case 'enlist-failed': return [add('enlistments', 1, { outcome: 'failed' }), add('failures', 1, { code: fact.code })];
    case 'routed': return [add('rosters', 1), add('swapSeconds', seconds(fact.swapMs)), ...ofRoster(fact.roster)];
    case 'retired': return [add('retired', 1)];
    case 'decided': return ofDecision(fact);
    case 'warned': return [add('warnings', 1, { about: fact.about })];
    case 'engine-chosen': return [{ kind: 'info', metric: 'engineInfo', labels: {}, free: { engine: fact.engine, variant: fact.variant } }];
    case 'failed': return [add('failures', 1, { code: fact.code })];
    case 'command': return [add('commands', 1, { command: fact.command })];
    case 'tick': return [];
  }
}

function ofBatch({ role, requests, steps, kernelMs, waitMsMax, latency, latencyMsSum }: Of<'batch'>): Sample[] {
  const samples = [
    add('requests', requests, { role }),
    add('steps', steps, { role }),
    add('batches', 1, { role }),
    add('engineSeconds', seconds(kernelMs), { role }),
    observed('batchSize', requests, { role }),
    observed('batchWait', seconds(waitMsMax), { role }),
  ];
  // Only answers to the world carry latencies, and only the two arms answer.
  const answered = latency.some((count) => count > 0) && (role === 'champion' || role === 'challenger');
  return answered ? [...samples, { kind: 'buckets', metric: 'requestDuration', labels: { role }, counts: latency, sum: seconds(latencyMsSum) }] : samples;
}

function ofQueues(fact: Of<'queues'>): Sample[] {
  return [
    set('queueDepth', fact.waiting, { stage: 'live' }),
    set('queueDepth', fact.shadowWaiting, { stage: 'shadow' }),
    set('queueDepth', fact.unsettled, { stage: 'unsettled' }),
    set('queueDepth', fact.pendingLabels, { stage: 'labels' }),
    set('queueLimit', fact.unsettledMax, { stage: 'unsettled' }),
    set('sessions', fact.sessions),
  ];
}

function ofEvidence({ counts, moments, replay, momentsCpuMs }: Of<'evidence'>): Sample[] {
  const tallies = Object.entries(counts.tallies).flatMap(([key, { steps, correct }]) => {
    const role = key.slice(key.lastIndexOf('|') + 1);
    return [add('labelledSteps', steps, { role }), add('correctSteps', correct, { role })];
  });
  const duels = Object.values(counts.duels).flatMap((duel) => [
    add('duelBlocks', duel.blocks),
    add('duelSteps', duel.bothRight, { right: 'both' }),
    add('duelSteps', duel.referenceOnly, { right: 'reference_only' }),
    add('duelSteps', duel.candidateOnly, { right: 'candidate_only' }),
    add('duelSteps', duel.bothWrong, { right: 'neither' }),
  ]);
  const bulk = [add('momentsCpu', seconds(momentsCpuMs))];
  if (moments !== null) bulk.push(add('momentsVectors', moments.vectors));
  if (replay !== null) bulk.push(set('replayItems', replay.items));
  return [...tallies, ...duels, ...bulk];
}

function ofNews({ news }: Of<'job-news'>): Sample[] {
  if (news.kind === 'device') return [{ kind: 'info', metric: 'tuningDevice', labels: {}, free: Object.fromEntries(Object.entries(news.device).map(([name, value]) => [name, value ?? 'none'])) }];
  if (news.kind === 'resumed') return [];
  if (news.kind === 'stage') return [add('tuningSeconds', seconds(news.ms), { stage: news.stage })];
  return [set('tuningProgress', news.steps > 0 ? news.step / news.steps : 0), set('tuningLoss', news.loss), set('tuningSpeed', news.tokensPerSecond)];
}

function ofRoster(roster: Roster): Sample[] {
  const models: Record<Role, string | null> = { champion: roster.champion, challenger: roster.challenger, anchor: roster.anchor, predecessor: roster.predecessor };
  return [
    set('rosterVersion', roster.version),
    set('challengerShare', roster.share),
    set('shadowShare', roster.shadow, { role: 'challenger' }),
    set('shadowShare', roster.anchorShare, { role: 'anchor' }),
    ...ROLES.map((role): Sample => ({ kind: 'info', metric: 'modelInfo', labels: { role }, free: models[role] === null ? null : { model: models[role] } })),
  ];
}

function ofDecision({ outcome, cycle, certify, harm, bar, blocks, difference }: Of<'decided'>): Sample[] {
  return [
    add('decisions', 1, { outcome }),
    set('cycle', cycle),
    set('gateWealth', certify, { kind: 'certify' }),
    set('gateWealth', harm, { kind: 'harm' }),
    set('gateWealth', bar, { kind: 'bar' }),
    set('gateBlocks', blocks),
    set('gateDifference', difference ?? 0),
  ];
}

/** One observation of a histogram: a one in the first bucket whose upper bound is not below the value. */
function observed(metric: 'batchSize' | 'batchWait', value: number, labels: SampleLabels): Sample {
  const buckets: readonly number[] = METRICS[metric].buckets!;
  const at = buckets.findIndex((bound) => value <= bound);
  const counts = new Array<number>(buckets.length + 1).fill(0);
  counts[at < 0 ? buckets.length : at] = 1;
  return { kind: 'buckets', metric, labels, counts, sum: value };
}

/** The value if the label may take it, else `other`. */
function known(metric: MetricKey, label: string, value: string): string {
  const allowed = METRICS[metric].labels[label]!;
  return allowed.includes(value) ? value : 'other';
}
