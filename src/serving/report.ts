/** Ninth stage: what the line has learnt since the last report, and how full its queues are. */
import type { OperatorFunction } from 'rxjs';
import { concatMap, mergeAll } from 'rxjs';
import { codeOf } from '../errors.ts';
import { emptyCounts } from '../evidence/evidence.ts';
import { encodeMoments } from '../evidence/moments.ts';
import { encodeReplay } from '../evidence/replay.ts';
import type { Happening } from '../facts.ts';
import type { Vault } from '../ports.ts';
import type { Judge } from './judge.ts';
import type { Observer } from './observe.ts';
import type { SessionStates } from './states.ts';
import type { UnitTable } from './unit-table.ts';

export interface ReportPorts {
  readonly vault: Vault;
  readonly table: Judge;
  readonly observer: Observer;
  readonly states: SessionStates;
  readonly units: UnitTable;
  readonly queues: () => Extract<Happening, { kind: 'queues' }>;
}

/** `bulk`: moments and replay sample too. */
export interface ReportTick { readonly bulk: boolean }

type Evidence = Extract<Happening, { kind: 'evidence' }>;

export const report = (ports: ReportPorts): OperatorFunction<ReportTick, Happening> => (ticks$) =>
  ticks$.pipe(concatMap((tick) => happeningsOf(ports, tick)), mergeAll());

async function happeningsOf(ports: ReportPorts, { bulk }: ReportTick): Promise<readonly Happening[]> {
  const { table, observer, states, units, queues } = ports;
  const { counts, delayMsSum } = table.take();
  const happenings: Happening[] = [queues(), { kind: 'labels', counts: counts.labels, delayMsSum }];
  const evictions = states.takeEvictions();
  for (const reason of ['age', 'number'] as const) if (evictions[reason] > 0) happenings.push({ kind: 'sessions-evicted', reason, count: evictions[reason] });
  const plain: Evidence = { kind: 'evidence', counts, moments: null, replay: null, momentsCpuMs: observer.takeCostMs() };
  if (!bulk) return [...happenings, plain];
  happenings.push(...units.take());
  try {
    return [...happenings, ...await withBulk(ports, plain)];
  } catch (error) {
    // The counts are reported all the same; the bulk of this interval is lost, which costs the loop only time.
    const reason = error instanceof Error ? error.message : String(error);
    return [...happenings, plain, { kind: 'failed', where: 'report', code: codeOf(error) ?? 'storage-failed', reason }];
  }
}

/** The evidence with references into the vault: one fact for each layer of a model that has moments, the counts in the first. */
async function withBulk({ vault, table, observer }: ReportPorts, plain: Evidence): Promise<readonly Evidence[]> {
  const items = table.takeReplay();
  const replay = items.length === 0 ? null : { ref: await vault.put(encodeReplay(items)), items: items.length };
  const facts: Evidence[] = [];
  for (const moments of await observer.take()) {
    const ref = await vault.put(encodeMoments(moments));
    const first = facts.length === 0;
    facts.push({ kind: 'evidence', counts: first ? plain.counts : emptyCounts(), moments: { ref, model: moments.model, vectors: moments.vectors, ...(moments.layer === 0 ? {} : { layer: moments.layer }) }, replay: first ? replay : null, momentsCpuMs: first ? plain.momentsCpuMs : 0 });
  }
  return facts.length > 0 ? facts : [{ ...plain, replay }];
}
