// Goal: each rule of the loop, one step at a time. Method: facts by hand into decide, its orders answered by hand.
import { describe, expect, it } from 'vitest';
import type { Fact, Happening } from '../../src/facts.ts';
import { decide } from '../../src/loop/decide.ts';
import type { Order } from '../../src/loop/orders.ts';
import type { Policy } from '../../src/loop/policy.ts';
import type { LoopState } from '../../src/loop/state.ts';
import type { CandidateReport } from '../../src/pruning/job.ts';
import { blocks, enough, evidence, fact, fresh, policy, report } from './support.ts';

/** The loop with a hand on each order. */
class Bench {
  state: LoopState;
  at = 1000;
  readonly facts: Fact[] = [];
  readonly orders: Order[] = [];
  private readonly policy: Policy;

  constructor(change: Partial<Policy> = {}) {
    this.policy = { ...policy, ...change };
    this.state = fresh(change);
  }

  say(happening: Happening): this {
    const decided = decide(this.state, fact(happening, this.at), this.policy);
    this.state = decided.state;
    this.facts.push(...decided.facts);
    this.orders.push(...decided.orders);
    return this;
  }
  wait(ms: number): this { this.at += ms; return this.say({ kind: 'tick' }); }
  open<K extends Order['kind']>(kind: K): Extract<Order, { kind: K }> {
    const order = this.state.orders.find((one) => one.kind === kind);
    if (order === undefined) throw new Error(`no open ${kind} order`);
    return order as Extract<Order, { kind: K }>;
  }
  routed(): this { const { order, roster } = this.open('route'); return this.say({ kind: 'routed', order, roster, swapMs: 1 }); }
  done(model: string, change: Partial<CandidateReport> = {}): this {
    const { order, job } = this.open('tune');
    return this.say({ kind: 'job-done', order, candidate: { job: job.id, model, report: report({ density: job.density, ...change }) } });
  }
  enlisted(): this { const { order, model } = this.open('enlist'); return this.say({ kind: 'enlisted', order, model, engine: 'test', ms: 1, parity: 0 }); }
  retired(): this { const { order, model } = this.open('retire'); return this.say({ kind: 'retired', order, model }); }
  toShadow(model: string, change: Partial<CandidateReport> = {}): this { return this.say(enough(this.state.roster.champion, model)).done(model, change).enlisted().routed(); }
  duel(reference: string, candidate: string, n: number, difference: number): this { return this.say(evidence([[reference, candidate, blocks(n, difference)]])); }
  toProbation(model: string): this {
    this.toShadow(model).duel(this.state.roster.anchor, model, 1500, 0).routed();
    this.duel(this.state.roster.anchor, model, 20, 0).wait(2000).routed();
    return this.duel(this.state.roster.anchor, model, 20, 0).wait(2000).routed();
  }
  outcomes(): string[] { return this.facts.flatMap((one) => (one.kind === 'decided' ? [one.outcome] : [])); }
}

describe('gather and tune', () => {
  it('waits for moments of the champion and for replay', () => {
    const bench = new Bench().say(evidence([], { model: 'other', ref: 'x', vectors: 1000, items: 5 }));
    expect(bench.state).toMatchObject({ phase: 'gather', moments: { total: 0 }, replay: { total: 5 }, orders: [] });
    bench.say(evidence([], { model: 'dense', ref: 'y', vectors: 100, items: 5 }));
    expect(bench.open('tune').job).toMatchObject({ id: 'job-1', cycle: 1, parent: 'dense', teacher: 'dense', anchor: 'dense', moments: ['moments-y'], replay: ['replay-x', 'replay-y'], criterion: 'obs' });
    expect(bench.open('tune').job.density).toBeCloseTo(0.1 + 0.9 * 0.75 ** 3, 10);
    expect(bench.state.phase).toBe('tune');
    bench.say(enough('dense', 'z'));
    expect(bench.orders).toHaveLength(1);
  });

  it('gives a job up at its deadline, ignores its late answer, and tries again at the same density', () => {
    const bench = new Bench().say(enough('dense'));
    const { order, job } = bench.open('tune');
    bench.wait(120_000);
    expect(bench.outcomes()).toEqual(['candidate-failed']);
    expect(bench.facts).toContainEqual(expect.objectContaining({ kind: 'order-failed', order, code: 'aborted' }));
    bench.say({ kind: 'job-done', order, candidate: { job: job.id, model: 'late', report: report() } });
    expect(bench.state.trial).toBeNull();
    bench.wait(5000);
    expect(bench.open('tune').job).toMatchObject({ cycle: 2, density: job.density });
  });

  it('rests after the last cycle', () => {
    const bench = new Bench({ cycles: 1, cyclesMax: 2 });
    for (let cycle = 0; cycle < 2; cycle++) bench.say(enough('dense', `${cycle}`)).say({ kind: 'job-failed', order: bench.open('tune').order, code: 'trainer-crashed', reason: 'killed' }).wait(5000);
    expect(bench.state).toMatchObject({ phase: 'rest', cycle: 2, orders: [], counts: { failures: 2 } });
  });
});

describe('examine', () => {
  it.each<[string, Partial<CandidateReport>, string]>([
    ['parity', { parity: 0.01 }, 'differ'], ['no parity', { parity: Number.NaN }, 'differ'], ['density', { density: 0.9 }, 'above the ordered'],
    ['accuracy', { accuracy: 0.86 }, 'held-out'], ['no accuracy', { accuracy: Number.NaN }, 'held-out'],
  ])('refuses on %s', (_, change, words) => {
    const bench = new Bench().say(enough('dense')).done('small', change);
    expect(bench.facts).toContainEqual(expect.objectContaining({ kind: 'decided', outcome: 'refused', candidate: 'small', cycle: 1, reason: expect.stringContaining(words), blocks: 0, difference: null }));
    expect(bench.orders.some(({ kind }) => kind === 'enlist')).toBe(false);
  });

  it('refuses a model that already serves, and never unloads it', () => {
    const bench = new Bench().say(enough('dense')).done('dense');
    expect(bench.outcomes()).toEqual(['refused']);
    expect(bench.orders.map(({ kind }) => kind)).toEqual(['tune', 'tune']);
  });

  it('refuses what is not smaller, but tunes again at the final density', () => {
    const bench = new Bench({ density: 0.9, cycles: 1 });
    bench.toShadow('a').say({ kind: 'command', command: 'promote', by: 'me' }).routed().wait(60_000).routed();
    expect(bench.state.roster).toMatchObject({ champion: 'a', predecessor: null });
    bench.say(enough('a', 'again')).done('b');
    expect(bench.open('enlist').model).toBe('b');
  });

  it('comes halfway back after a refusal, and goes on from there after a promotion', () => {
    const bench = new Bench().say(enough('dense'));
    const wanted = bench.open('tune').job.density;
    bench.done('bad', { parity: 1 });
    expect(bench.open('tune').job.density).toBeCloseTo((1 + wanted) / 2, 10);
    bench.done('good').enlisted().routed().say({ kind: 'command', command: 'promote', by: 'me' }).routed().say(enough('good', 'more'));
    expect(bench.state.density).toBeCloseTo((1 + wanted) / 2, 10);
    expect(bench.open('tune').job).toMatchObject({ parent: 'good', density: wanted });
  });
});

describe('trial', () => {
  it('climbs from shadow over the rungs to the top, keeps and then retires nothing that the anchor is', () => {
    const bench = new Bench().toProbation('small');
    expect(bench.outcomes()).toEqual(['certified', 'promoted']);
    expect(bench.orders.flatMap((order) => (order.kind === 'route' ? [order.roster.share] : []))).toEqual([0, 0.1, 0.5, 0]);
    expect(bench.state).toMatchObject({ phase: 'gather', roster: { champion: 'small', predecessor: 'dense', challenger: null, anchor: 'dense', version: 5 }, counts: { promotions: 1 }, moments: { total: 0 }, duels: {} });
    bench.duel('dense', 'small', 100, 0).routed();
    expect(bench.outcomes()).toEqual(['certified', 'promoted', 'kept']);
    expect(bench.state).toMatchObject({ roster: { predecessor: null, shadow: 0 }, probation: null, enlisted: ['dense', 'small'] });
    expect(bench.orders.some(({ kind }) => kind === 'retire')).toBe(false);
  });

  it('carries the numbers of the certificate', () => {
    const bench = new Bench().toProbation('small');
    for (const outcome of ['certified', 'promoted']) {
      expect(bench.facts).toContainEqual(expect.objectContaining({ kind: 'decided', outcome, candidate: 'small', cycle: 1, blocks: 1500, difference: 0, bar: expect.closeTo(Math.PI ** 2 / 0.3, 6) }));
    }
  });

  it('refuses harm in shadow, retires the candidate, forgets its duels', () => {
    const bench = new Bench().toShadow('small').duel('dense', 'small', 300, 0.2);
    expect(bench.outcomes()).toEqual(['refused']);
    bench.routed();
    expect(bench.state.roster).toMatchObject({ champion: 'dense', challenger: null, shadow: 0 });
    bench.retired();
    expect(bench.state).toMatchObject({ enlisted: ['dense'], duels: {}, counts: { refusals: 1 } });
    bench.duel('dense', 'small', 5, 0);
    expect(bench.state).toMatchObject({ duels: {}, counts: { evidenceDropped: 1 } });
  });

  it('warns once of a loss within the margin', () => {
    const bench = new Bench().toShadow('small').duel('dense', 'small', 1500, 0.0095).duel('dense', 'small', 10, 0.0095);
    expect(bench.facts.filter(({ kind }) => kind === 'warned')).toEqual([expect.objectContaining({ about: 'harm-at-zero', model: 'small' })]);
    expect(bench.state.phase).toBe('shadow');
  });

  it('ends without enough evidence at the deadline', () => {
    const bench = new Bench().toShadow('small').duel('dense', 'small', 50, 0).wait(120_000);
    expect(bench.outcomes()).toEqual(['not-enough-evidence']);
    expect(bench.routed().state.roster.challenger).toBeNull();
  });

  it('rolls back from a rung on harm', () => {
    const bench = new Bench().toShadow('small').duel('dense', 'small', 1500, 0).routed().duel('dense', 'small', 300, 0.2);
    expect(bench.outcomes()).toEqual(['certified', 'rolled-back']);
    expect(bench.routed().state.roster).toMatchObject({ champion: 'dense', challenger: null, share: 0 });
  });

  it('rolls back to the predecessor on harm in probation, and drops the job that began from the bad champion', () => {
    const bench = new Bench().toProbation('small').say(enough('small', 'n'));
    const tune = bench.open('tune').order;
    bench.duel('dense', 'small', 300, 0.2);
    expect(bench.outcomes()).toEqual(['certified', 'promoted', 'rolled-back', 'candidate-failed']);
    expect(bench.facts).toContainEqual(expect.objectContaining({ kind: 'order-failed', order: tune }));
    bench.routed().retired();
    expect(bench.state).toMatchObject({ roster: { champion: 'dense', predecessor: null }, enlisted: ['dense'], density: 1, probation: null, counts: { returns: 1 } });
    expect(bench.state.refusedDensity).toBeCloseTo(0.1 + 0.9 * 0.75 ** 3, 10);
  });

  it('says once when a kept champion has left the budget', () => {
    const bench = new Bench().toProbation('small').duel('dense', 'small', 100, 0).routed();
    bench.duel('dense', 'small', 1000, 0.005).duel('dense', 'small', 1500, 0.1).duel('dense', 'small', 100, 0.1);
    expect(bench.facts.filter((one) => one.kind === 'warned' && one.about === 'drift')).toEqual([expect.objectContaining({ model: 'small', reason: expect.stringContaining('2500 blocks') })]);
    expect(bench.state).toMatchObject({ drifted: true, roster: { champion: 'small' } });
  });

  it('begins the next trial only after the probation', () => {
    const bench = new Bench().toProbation('a').say(enough('a', 'n')).done('b').enlisted();
    expect(bench.state).toMatchObject({ phase: 'enlist', trial: { stage: 'enlisted' } });
    expect(bench.state.orders).toEqual([]);
    bench.duel('dense', 'a', 100, 0).routed();
    expect(bench.open('route').roster).toMatchObject({ champion: 'a', challenger: 'b', predecessor: null });
  });
});

describe('failures and commands', () => {
  it('returns to a safe roster above every version when a route order is given up', () => {
    const bench = new Bench().say(enough('dense')).done('small').enlisted();
    const late = bench.open('route');
    bench.wait(5000);
    expect(bench.outcomes()).toEqual(['candidate-failed']);
    bench.wait(1000);
    const home = bench.open('route');
    expect(home.roster).toMatchObject({ champion: 'dense', challenger: null, version: late.roster.version + 1 });
    bench.say({ kind: 'routed', order: late.order, roster: late.roster, swapMs: 1 });
    expect(bench.state.roster.challenger).toBeNull();
    bench.wait(5000).wait(1000);
    expect(bench.open('route').roster.version).toBe(home.roster.version + 1);
    expect(bench.orders.some(({ kind }) => kind === 'retire')).toBe(false);
    expect(bench.routed().open('retire').model).toBe('small');
  });

  it('retires a model whose enlisting was given up', () => {
    const bench = new Bench().say(enough('dense')).done('small');
    const { order } = bench.open('enlist');
    bench.wait(10_000);
    expect(bench.open('retire').model).toBe('small');
    bench.retired().say({ kind: 'enlisted', order, model: 'small', engine: 'test', ms: 1, parity: 0 });
    expect(bench.open('retire').model).toBe('small');
    expect(bench.state.enlisted).toEqual(['dense']);
  });

  it('begins nothing while paused, but still guards', () => {
    const bench = new Bench().say({ kind: 'command', command: 'pause', by: 'me' }).say(enough('dense'));
    expect(bench.orders).toEqual([]);
    bench.say({ kind: 'command', command: 'resume', by: 'me' }).done('small').enlisted().routed();
    bench.say({ kind: 'command', command: 'pause', by: 'me' }).duel('dense', 'small', 1500, 0);
    expect(bench.state).toMatchObject({ orders: [], trial: { stage: 'certified' } });
    bench.say({ kind: 'command', command: 'resume', by: 'me' }).routed().say({ kind: 'command', command: 'pause', by: 'me' }).duel('dense', 'small', 300, 0.2);
    expect(bench.outcomes()).toEqual(['certified', 'rolled-back']);
  });

  it('aborts: a job, a trial on its way, a probation', () => {
    const abort: Happening = { kind: 'command', command: 'abort', by: 'me' };
    const job = new Bench().say(enough('dense')).say(abort);
    expect(job.outcomes()).toEqual(['candidate-failed']);
    const entering = new Bench().say(enough('dense')).done('small').enlisted().say(abort).wait(1000).routed();
    expect(entering.state.roster).toMatchObject({ champion: 'dense', challenger: null });
    const seen = new Bench().toShadow('small').duel('dense', 'small', 1500, 0).routed().say(abort);
    expect(seen.outcomes()).toEqual(['certified', 'rolled-back']);
    const probation = new Bench().toProbation('small').say(abort).routed();
    expect(probation.state.roster.champion).toBe('dense');
    expect(new Bench().say(abort).state).toMatchObject({ trial: null, probation: null });
  });

  it('takes no word of its own from outside', () => {
    const bench = new Bench();
    const before = bench.state;
    bench.say({ kind: 'ordered', order: { kind: 'retire', order: 'x', deadline: 0, model: 'dense' } }).say({ kind: 'decided', candidate: null, cycle: 1, outcome: 'promoted', reason: '', blocks: 0, difference: null, certify: 1, harm: 1, bar: 20 });
    expect(bench.state).toBe(before);
  });
});
