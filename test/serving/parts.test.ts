// Goal: the small parts of the line keep their word: sampling, roles, blocks of sessions, turns. Method: properties and examples.
import fc from 'fast-check';
import { firstValueFrom, from, of, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { simulatedClock } from '../../src/adapters/clock/simulated.ts';
import { assign, openRegistry, rolesOf } from '../../src/serving/assign.ts';
import { Bounded } from '../../src/serving/bounded.ts';
import { inTurns } from '../../src/serving/in-turns.ts';
import { checkLimits } from '../../src/serving/limits.ts';
import { joined } from '../../src/serving/observe.ts';
import { routeOf } from '../../src/serving/route.ts';
import { Sampler } from '../../src/serving/sampler.ts';
import type { Inference, Ticket } from '../../src/serving/work.ts';
import { isRefusal } from '../../src/serving/work.ts';
import { LIMITS, rosterOf, sampleModel, ticketOf } from './samples.ts';

const [A, B, C] = ['a', 'b', 'c'].map((id, seed) => sampleModel(id, seed)) as [ReturnType<typeof sampleModel>, ReturnType<typeof sampleModel>, ReturnType<typeof sampleModel>];
const MODELS = new Map([A, B, C].map((model) => [model.id, model]));

describe('the sampler', () => {
  it('takes exactly one step in `every`, across the calls', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 40 }), fc.double({ min: 0, max: 0.999, noNaN: true }), fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (every, start, calls) => {
      const sampler = new Sampler(every, () => start);
      const sampled: number[] = [];
      let ran = 0;
      for (const steps of calls) {
        const { phase } = sampler.next('m');
        for (let s = 0; s < steps; s++) if ((s + phase) % every === 0) sampled.push(ran + s);
        sampler.ran(steps);
        ran += steps;
      }
      expect(sampled.slice(1).every((at, n) => at - sampled[n]! === every)).toBe(true);
      expect(Math.abs(sampled.length - ran / every)).toBeLessThanOrEqual(1);
    }));
  });

  it('begins at another phase with another champion', () => {
    const phases = [0.1, 0.9];
    const sampler = new Sampler(10, () => phases.shift()!);
    expect([sampler.next('a').phase, sampler.next('a').phase, sampler.next('b').phase]).toEqual([1, 1, 9]);
  });
});

describe('roles', () => {
  const share = fc.constantFrom(0, 0.3, 0.7, 1);
  const roster = fc.record({ challenger: fc.constantFrom('b', null), anchor: fc.constantFrom('a', 'c'), predecessor: fc.constantFrom('c', null), share, shadow: share, anchorShare: share, salt: fc.string() });

  it('are the same for a session under one roster, no model twice, and follow the shares', () => {
    fc.assert(fc.property(roster, fc.string(), (fields, session) => {
      const full = rosterOf({ champion: 'a', ...fields });
      const roles = rolesOf(routeOf(full, MODELS, LIMITS, null), session);
      expect(rolesOf(routeOf(full, MODELS, LIMITS, null), session)).toEqual(roles);
      const ids = [roles.model.id, ...roles.shadows.map(({ model }) => model.id)];
      expect(new Set(ids).size).toBe(ids.length);
      expect(roles.model.id).toBe(roles.arm === 'challenger' ? 'b' : 'a');
      if (full.anchorShare === 1) expect(ids).toContain(full.anchor);
      if (full.shadow === 1) for (const model of [full.challenger, full.predecessor]) if (model !== null) expect(ids).toContain(model);
      if (full.challenger === null) expect(roles.arm).toBe('champion');
    }));
  });
});

describe('assign', () => {
  const tickets = async (requests: readonly (readonly [id: string, session: string, wait: number])[]): Promise<readonly (Ticket | string)[]> => {
    const clock = simulatedClock(0), registry = openRegistry(LIMITS), route = routeOf(rosterOf({ champion: 'a' }), MODELS, LIMITS, null);
    const out: (Ticket | string)[] = [];
    for (const [id, session, wait] of requests) {
      await clock.advance(wait);
      const { delivery, request } = ticketOf(A, session, '', { id });
      const item = await firstValueFrom(of({ delivery, request }).pipe(assign(() => route, registry, clock, LIMITS)));
      out.push(isRefusal(item) ? item.code : item);
    }
    return out;
  };
  const blocks = async (requests: Parameters<typeof tickets>[0]): Promise<readonly string[]> => (await tickets(requests)).map((item) => (typeof item === 'string' ? item : item.block));

  it('begins a new block after blockRequestsMax requests of a session, or after a pause', async () => {
    expect(await blocks([['1', 's', 0], ['2', 't', 0], ['3', 's', 0], ['4', 's', 0], ['5', 's', 0], ['6', 's', LIMITS.blockIdleMs], ['7', 's', LIMITS.blockIdleMs + 1], ['8', 't', 0]]))
      .toEqual(['s/1', 't/2', 's/1', 's/1', 's/5', 's/5', 's/7', 't/8']);
  });

  it('refuses an id again within the label horizon only', async () => {
    expect((await tickets([['1', 's', 0], ['1', 's', LIMITS.labelWaitMs], ['1', 's', 1]])).map((item) => (typeof item === 'string' ? item : 'ok'))).toEqual(['ok', 'request-duplicate', 'ok']);
  });
});

describe('a bounded map', () => {
  it('holds the entries set last', () => {
    fc.assert(fc.property(fc.array(fc.nat(9)), fc.integer({ min: 1, max: 5 }), (keys, sizeMax) => {
      const map = new Bounded<number, number>(sizeMax);
      keys.forEach((key, at) => { map.set(key, at); });
      const last = [...new Set([...keys].reverse())].slice(0, sizeMax);
      expect(map.size).toBe(last.length);
      for (const key of last) expect(map.get(key)).toBe(keys.lastIndexOf(key));
    }));
  });
});

describe('in turns', () => {
  it('works on everything that waits, one turn at a time, and completes after the last', async () => {
    const turns: (readonly number[])[] = [];
    let running = 0;
    const results = await firstValueFrom(from([1, 2, 3, 4]).pipe(inTurns(async (waiting) => {
      expect(++running).toBe(1);
      turns.push(waiting);
      await Promise.resolve();
      running--;
      return waiting;
    }), toArray()));
    expect(results).toEqual([1, 2, 3, 4]);
    expect(turns).toEqual([[1, 2, 3, 4]]);
  });

  it('fails as a turn fails', async () => {
    await expect(firstValueFrom(of(1).pipe(inTurns(() => Promise.reject(new Error('no')))))).rejects.toThrow('no');
  });
});

describe('activity that waits', () => {
  const inference = (model: typeof A, activity: Inference['activity']): Inference =>
    ({ batch: { model, role: 'champion', live: true, works: [], dropped: [] }, answers: [], failures: [], failed: null, activity, steps: 1, kernelMs: 0, waitMsMax: 0, carried: new Map() });

  it('is joined by model', () => {
    const rows = (...values: number[]) => ({ rows: values.length / 2, columns: 2, values: Float32Array.from(values) });
    expect(joined([inference(A, rows(1, 2)), inference(B, rows(9, 9)), inference(A, null), inference(A, rows(3, 4, 5, 6))]))
      .toEqual([{ model: A, activity: rows(1, 2, 3, 4, 5, 6) }, { model: B, activity: rows(9, 9) }]);
  });
});

describe('the limits', () => {
  it('are checked against one another', () => {
    expect(() => { checkLimits(LIMITS); }).not.toThrow();
    expect(() => { checkLimits({ ...LIMITS, batchMax: LIMITS.unsettledMax + 1 }); }).toThrow(/batchMax/);
    expect(() => { checkLimits({ ...LIMITS, blockRequestsMax: 11 }); }).toThrow(/blockRequestsMax/);
  });
});
