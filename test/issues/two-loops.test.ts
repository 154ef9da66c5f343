// Goal: two loops at once (found by the simulation) cannot both be told that their rosters are followed, and the one that is left goes on. Method: rosters of one version through the order that routes; the fold and the rules on a journal that two wrote.
import { BehaviorSubject, lastValueFrom, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { simulatedClock } from '../../src/adapters/clock/simulated.ts';
import { memoryLog } from '../../src/adapters/log/memory.ts';
import { memoryVault } from '../../src/adapters/vault/memory.ts';
import type { OrderPorts } from '../../src/cli/compose/orders.ts';
import { executeOrder } from '../../src/cli/compose/orders.ts';
import type { Fact, Order } from '../../src/facts.ts';
import { decide } from '../../src/loop/decide.ts';
import { fold } from '../../src/loop/fold.ts';
import type { LoopState } from '../../src/loop/state.ts';
import type { Roster } from '../../src/rollout/roster.ts';
import { firstRoster, withChallenger } from '../../src/rollout/roster.ts';
import { fact, fresh, policy } from '../loop/support.ts';

const first = firstRoster('dense', 'salt', policy);
const routeOf = (roster: Roster): Order => ({ kind: 'route', order: 'route-1', deadline: 1e9, roster });

function portsFor(followed: Roster): OrderPorts {
  const clock = simulatedClock(0);
  const unused = (): never => { throw new Error('not wanted here'); };
  return {
    clock, log: memoryLog(clock), vault: memoryVault(), roster$: new BehaviorSubject(followed), instance: 'loop', models: { get: () => null } as unknown as OrderPorts['models'],
    engine: { name: 'none', enlist: unused, infer: unused, gram: unused, retire: unused }, trainer: { tune: unused, close: unused }, released: unused,
  };
}
const carriedOut = (ports: OrderPorts, order: Order): Promise<readonly Fact[]> => lastValueFrom(executeOrder(ports, order).pipe(toArray()));

describe('a roster that serving does not take over', () => {
  it('is not said to be routed: another one of its version, and an older one', async () => {
    const ours = withChallenger(first, 'ours', 1), theirs = withChallenger(first, 'theirs', 1);
    for (const [followed, asked] of [[theirs, ours], [{ ...theirs, version: 9 }, ours]] as const) {
      const ports = portsFor(followed);
      expect(await carriedOut(ports, routeOf(asked))).toMatchObject([{ kind: 'order-failed', code: 'aborted' }]);
      expect(ports.roster$.value).toBe(followed);
    }
  });
  it('is routed where it is followed already, so that an order may be carried out again', async () => {
    const ours = withChallenger(first, 'ours', 1);
    expect(await carriedOut(portsFor(ours), routeOf(JSON.parse(JSON.stringify(ours)) as Roster))).toMatchObject([{ kind: 'routed' }]);
    expect(await carriedOut(portsFor(first), routeOf(ours))).toMatchObject([{ kind: 'routed' }]);
  });
});

describe('a journal that two loops wrote', () => {
  it('never lets the version of the rosters fall', () => {
    const late = fold(fresh(), fact({ kind: 'ordered', order: routeOf({ ...first, version: 7 }) }));
    expect(fold(late, fact({ kind: 'ordered', order: { ...routeOf({ ...first, version: 3 }), order: 'route-2' } })).version).toBe(7);
  });
  it('ends a trial whose place another has taken, instead of the loop', () => {
    const state: LoopState = {
      ...fresh(), cycle: 1, roster: { ...first, version: 2 }, version: 2, enlisted: ['dense', 'ours'],
      trial: { cycle: 1, job: 'job-1', granularity: 'connection', density: 0.5, times: null, stage: 'certified', model: 'ours', report: null, since: 0, candidate: 1, blocksBefore: 0, certificate: null, warned: false, forced: null, failure: null },
    };
    const { state: next, facts } = decide(state, fact({ kind: 'tick' }), policy);
    expect(facts[0]).toMatchObject({ kind: 'decided', outcome: 'candidate-failed', candidate: 'ours' });
    expect(next.trial).toBeNull();
  });
});
