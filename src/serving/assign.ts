/**
 * Third stage: the latest roster pins arm, models and roles to the request. The next request assigned after a roster
 * has changed uses the new one: that is the swap. A request whose id was answered already is refused.
 */
import type { OperatorFunction } from 'rxjs';
import { map } from 'rxjs';
import type { Clock } from '../ports.ts';
import { inShare } from '../traffic/arm.ts';
import { Bounded } from './bounded.ts';
import type { ServingLimits } from './limits.ts';
import type { Route } from './route.ts';
import type { Arrival, Refusal, Shadow, Ticket } from './work.ts';
import { isRefusal } from './work.ts';

/** The block that a session is in. */
interface OpenBlock {
  readonly id: string;
  requests: number;
  lastAt: number;
}

export interface Registry {
  /**
   * Ids answered or in flight, with the time they came; as many as predictions may wait for labels. It is not
   * recovered: after a restart a producer's doubling of an older request is answered again.
   */
  readonly ids: Bounded<string, number>;
  readonly blocks: Bounded<string, OpenBlock>;
}

export const openRegistry = (limits: ServingLimits): Registry => ({ ids: new Bounded(limits.pendingMax), blocks: new Bounded(limits.sessionsMax) });

export const assign = (route: () => Route, registry: Registry, clock: Clock, limits: ServingLimits): OperatorFunction<Arrival | Refusal, Ticket | Refusal> =>
  map((arrival) => {
    if (isRefusal(arrival)) return arrival;
    const { delivery, request } = arrival;
    const now = clock.now();
    const before = registry.ids.get(request.id);
    if (before !== undefined && now - before <= limits.labelWaitMs) return { delivery, code: 'request-duplicate', reason: 'duplicate id' };
    registry.ids.set(request.id, now);
    return { ...arrival, ...rolesOf(route(), request.session), block: blockOf(registry, request, now, limits), since: clock.monotonicMs(), before: null, failed: false };
  });

/** Who answers a session, seen and unseen. The same for all of its requests under one roster. */
export function rolesOf(route: Route, session: string): Pick<Ticket, 'roster' | 'arm' | 'model' | 'shadows'> {
  const { roster, champion, challenger, anchor, predecessor } = route;
  const inArm = challenger !== null && inShare(session, roster.salt, 'arm', roster.share);
  const model = inArm ? challenger : champion;
  const inShadow = inShare(session, roster.salt, 'shadow', roster.shadow);
  const wanted: (Shadow | null)[] = [
    challenger !== null && inShadow ? { role: 'challenger', model: challenger } : null,
    inShare(session, roster.salt, 'anchor', roster.anchorShare) ? { role: 'anchor', model: anchor } : null,
    predecessor !== null && inShadow ? { role: 'predecessor', model: predecessor } : null,
  ];
  const taken = new Set([model.id]);
  const shadows: Shadow[] = [];
  for (const shadow of wanted) {
    if (shadow === null || taken.has(shadow.model.id)) continue;
    taken.add(shadow.model.id);
    shadows.push(shadow);
  }
  return { roster, arm: inArm ? 'challenger' : 'champion', model, shadows };
}

/** A new block after `blockRequestsMax` requests of a session, or after a pause; named by its first request. */
function blockOf({ blocks }: Registry, request: { readonly id: string; readonly session: string }, now: number, limits: ServingLimits): string {
  const open = blocks.get(request.session);
  const goesOn = open !== undefined && open.requests < limits.blockRequestsMax && now - open.lastAt <= limits.blockIdleMs;
  const block = goesOn ? open : { id: `${request.session}/${request.id}`, requests: 0, lastAt: now };
  block.requests++;
  block.lastAt = now;
  blocks.set(request.session, block);
  return block.id;
}
