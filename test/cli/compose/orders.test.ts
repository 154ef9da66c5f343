// Goal: every order is answered by a fact, and nothing that is broken reaches serving. Method: orders carried out one by one on a noted engine, the memory log and vault, and trainers made for the case.
import { BehaviorSubject, NEVER, Observable, concat, lastValueFrom, of, throwError, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/adapters/digest.ts';
import { simulatedClock } from '../../../src/adapters/clock/simulated.ts';
import { ReferenceEngine } from '../../../src/adapters/engine/reference.ts';
import { memoryLog } from '../../../src/adapters/log/memory.ts';
import { memoryVault } from '../../../src/adapters/vault/memory.ts';
import { Models } from '../../../src/cli/compose/models.ts';
import { enlistFirst, executeOrder } from '../../../src/cli/compose/orders.ts';
import type { OrderPorts } from '../../../src/cli/compose/orders.ts';
import { EspalierError } from '../../../src/errors.ts';
import type { Fact, Order } from '../../../src/facts.ts';
import { nextJob } from '../../../src/loop/next-job.ts';
import { encodeArtifact } from '../../../src/model/artifact.ts';
import type { Model, ModelId } from '../../../src/model/model.ts';
import type { Vault } from '../../../src/ports.ts';
import type { TuningNews } from '../../../src/pruning/job.ts';
import type { Roster } from '../../../src/rollout/roster.ts';
import { withChallenger } from '../../../src/rollout/roster.ts';
import { TAKE, fresh, policy, report } from '../../loop/support.ts';
import { rosterOf } from '../../serving/samples.ts';
import { draftOf, tagShape } from '../../tuning/samples.ts';

class NotedEngine extends ReferenceEngine {
  readonly enlisted: ModelId[] = [];
  readonly retired: ModelId[] = [];
  fails = false;

  override enlist(model: Model): ReturnType<ReferenceEngine['enlist']> {
    this.enlisted.push(model.id);
    return this.fails ? Promise.reject(new EspalierError('engine-mismatch', 'on purpose')) : super.enlist(model);
  }

  override retire(model: ModelId): Promise<void> {
    this.retired.push(model);
    return super.retire(model);
  }
}

interface World extends OrderPorts { readonly engine: NotedEngine; readonly dense: Model }

async function open(change: { readonly vault?: Vault; readonly released?: OrderPorts['released']; readonly news$?: Observable<TuningNews> } = {}): Promise<World> {
  const clock = simulatedClock(5000), vault = change.vault ?? memoryVault(), models = new Models(vault), engine = new NotedEngine();
  const dense = await models.store(draftOf(tagShape, 1));
  return {
    clock, vault, models, engine, dense, log: memoryLog(clock), instance: 'here', roster$: new BehaviorSubject(rosterOf({ champion: dense.id })),
    trainer: { tune: () => change.news$ ?? NEVER, close: () => Promise.resolve() }, released: change.released ?? (() => Promise.resolve()),
  };
}

const carryOut = (ports: OrderPorts, order: Order): Promise<readonly Fact[]> => lastValueFrom(executeOrder(ports, order).pipe(toArray()));
const tuneOrder: Order = { kind: 'tune', order: 'o', deadline: 1, job: nextJob(fresh(), policy, TAKE) };
const progress: TuningNews = { kind: 'progress', step: 1, steps: 2, loss: 1, accuracy: 0.5, tokensPerSecond: 9 };
const stamp = { v: 1, at: 5000, instance: 'here' };

describe('tune', () => {
  it('is answered by the news of the job and its candidate', async () => {
    const candidate = { job: tuneOrder.kind === 'tune' ? tuneOrder.job.id : '', model: 'm', report: report() };
    const ports = await open({ news$: of<TuningNews[]>(progress, { kind: 'candidate', candidate }) });
    expect(await carryOut(ports, tuneOrder)).toEqual([
      { kind: 'job-news', job: candidate.job, news: progress, ...stamp }, { kind: 'job-done', order: 'o', candidate, ...stamp },
    ]);
  });

  it.each([
    ['a code of ours', new EspalierError('trainer-crashed', 'gone'), 'trainer-crashed'],
    ['any other error', new Error('gone'), 'trainer-failed'],
    ['what is no error', 'gone', 'trainer-failed'],
  ])('that fails with %s is a fact', async (_, error, code) => {
    const ports = await open({ news$: concat(of(progress), throwError(() => error)) });
    const facts = await carryOut(ports, tuneOrder);
    expect(facts.map(({ kind }) => kind)).toEqual(['job-news', 'job-failed']);
    expect(facts[1]).toMatchObject({ order: 'o', code, reason: expect.stringContaining('gone') as string });
  });

  it('is cold, and cancelled when nobody listens', async () => {
    let running = 0;
    const ports = await open({ news$: new Observable(() => { running++; return () => { running--; }; }) });
    const facts$ = executeOrder(ports, tuneOrder);
    expect(running).toBe(0);
    const subscription = facts$.subscribe();
    expect(running).toBe(1);
    subscription.unsubscribe();
    expect(running).toBe(0);
  });
});

describe('enlist', () => {
  const enlistOrder = (model: ModelId): Order => ({ kind: 'enlist', order: 'e', deadline: 1, model });

  it('loads, checks and packs the candidate', async () => {
    const ports = await open();
    const { id, bytes } = encodeArtifact(draftOf(tagShape, 2), sha256);
    await ports.vault.put(bytes);
    expect(await carryOut(ports, enlistOrder(id))).toEqual([expect.objectContaining({ kind: 'enlisted', order: 'e', model: id, engine: 'reference', ...stamp })]);
    expect(ports.models.get(id).id).toBe(id);
    expect(ports.engine.enlisted).toEqual([id]);
  });

  it('of a corrupt candidate fails, and the candidate never reaches the engine', async () => {
    const vault = memoryVault();
    const { id, bytes } = encodeArtifact(draftOf(tagShape, 2), sha256);
    const corrupt = [
      [bytes.map((byte, at) => (at === bytes.length - 100 ? byte ^ 4 : byte)), 'artifact-altered'],
      [bytes.subarray(0, bytes.length - 1), 'artifact-truncated'],
      [new Uint8Array(1000), 'artifact-invalid'],
      [encodeArtifact(draftOf(tagShape, 3), sha256).bytes, 'vault-altered'],
    ] as const;
    for (const [wrong, code] of corrupt) {
      const ports = await open({ vault: { ...vault, get: (ref) => (ref === id ? Promise.resolve(wrong) : vault.get(ref)) } });
      expect(await carryOut(ports, enlistOrder(id))).toEqual([expect.objectContaining({ kind: 'enlist-failed', order: 'e', model: id, code })]);
      expect(ports.engine.enlisted).toEqual([]);
      expect(() => ports.models.get(id)).toThrow();
    }
    const ports = await open();
    expect(await carryOut(ports, enlistOrder('0'.repeat(64)))).toMatchObject([{ kind: 'enlist-failed', code: 'vault-missing' }]);
  });

  it('that the engine does not agree with fails, and the model is unknown again', async () => {
    const ports = await open();
    ports.engine.fails = true;
    const { id } = await ports.models.store(draftOf(tagShape, 2));
    expect(await carryOut(ports, enlistOrder(id))).toMatchObject([{ kind: 'enlist-failed', code: 'engine-mismatch' }]);
    expect(() => ports.models.get(id)).toThrow();
  });
});

describe('route', () => {
  const routeOrder = (roster: Roster): Order => ({ kind: 'route', order: 'r', deadline: 1, roster });

  it('stores the roster, then gives it to serving', async () => {
    const ports = await open();
    const challenger = await ports.models.store(draftOf(tagShape, 2));
    const roster = withChallenger(ports.roster$.value, challenger.id, 1);
    expect(await carryOut(ports, routeOrder(roster))).toMatchObject([{ kind: 'routed', order: 'r', roster, ...stamp }]);
    expect(ports.roster$.value).toEqual(roster);
    const stored: unknown[] = [];
    for await (const { value } of ports.log.read('roster')) stored.push(JSON.parse(new TextDecoder().decode(value)));
    expect(stored).toEqual([routeOrder(roster)]);
  });

  it('to a model that is not loaded fails, and serving keeps its roster', async () => {
    const ports = await open();
    const before = ports.roster$.value;
    expect(await carryOut(ports, routeOrder(withChallenger(before, 'unknown', 1)))).toMatchObject([{ kind: 'order-failed', order: 'r', code: 'model-unknown' }]);
    expect(ports.roster$.value).toBe(before);
    for await (const delivery of ports.log.read('roster')) expect.fail(`a roster was stored at ${delivery.offset}`);
  });

  it('of an older version undoes nothing', async () => {
    const ports = await open();
    ports.roster$.next({ ...ports.roster$.value, version: 7 });
    await carryOut(ports, routeOrder({ ...ports.roster$.value, version: 6 }));
    expect(ports.roster$.value.version).toBe(7);
  });

  it('that cannot be stored fails with the reason, and serving keeps its roster', async () => {
    const ports = await open();
    await ports.log.close();
    const before = ports.roster$.value;
    expect(await carryOut(ports, routeOrder({ ...before, version: 2 }))).toMatchObject([{ kind: 'order-failed', code: 'log-closed' }]);
    expect(ports.roster$.value).toBe(before);
  });
});

describe('retire', () => {
  it('waits until no request needs the model, then unloads it', async () => {
    let release = (): void => undefined;
    const ports = await open({ released: () => new Promise((resolve) => { release = resolve; }) });
    const { id } = await ports.models.store(draftOf(tagShape, 2));
    await ports.engine.enlist(ports.models.get(id));
    let over = false;
    const done = carryOut(ports, { kind: 'retire', order: 't', deadline: 1, model: id }).then((facts) => { over = true; return facts; });
    await new Promise((resolve) => { setImmediate(resolve); });
    expect(over).toBe(false);
    expect(ports.engine.retired).toEqual([]);
    expect(ports.models.get(id).id).toBe(id);
    release();
    expect(await done).toMatchObject([{ kind: 'retired', order: 't', model: id }]);
    expect(ports.engine.retired).toEqual([id]);
    expect(() => ports.models.get(id)).toThrow();
  });
});

it('the first model must be there and agree, or nothing starts', async () => {
  const ports = await open();
  await enlistFirst(ports, ports.dense.id);
  expect(ports.engine.enlisted).toEqual([ports.dense.id]);
  await expect(enlistFirst(ports, '0'.repeat(64))).rejects.toMatchObject({ code: 'vault-missing' });
  ports.engine.fails = true;
  await expect(enlistFirst(ports, ports.dense.id)).rejects.toMatchObject({ code: 'engine-mismatch' });
});
