/** What must hold at every moment of a simulated run, asserted on the same facts that operators see. */
import { createHash } from 'node:crypto';
import type { Fact } from '../../facts.ts';
import type { LoopState } from '../../loop/state.ts';
import type { ModelId } from '../../model/model.ts';
import type { LogRecord } from '../../ports.ts';
import { phaseAt } from '../../traffic/world.ts';
import type { Skill } from './engine.ts';
import type { Plan } from './plan.ts';

/** Violations kept; the first ones say most. */
const VIOLATIONS_MAX = 20;
/** Looks, one a second, at which an order may be seen past its deadline: ticks come once a second, commits take time. */
const OVERDUE_LOOKS_MAX = 4;

/** One answer or refusal that took effect. */
export interface Committed {
  readonly instance: string;
  readonly at: number;
}

export class Watch {
  readonly violations: string[] = [];
  /** Candidates certified though they were worse than the anchor by the margin or more, all through their trial. */
  readonly wrong: ModelId[] = [];
  readonly counts = { promotions: 0, rollbacks: 0, certified: 0, refusals: 0, kills: 0, ordersFailed: 0 };
  /** Who answered each request, and when, by its id. */
  readonly answers = new Map<string, Committed[]>();
  /** When something happened after which a serving process may have forgotten which ids it knew. */
  readonly forgetting: number[] = [];
  private readonly plan: Plan;
  private readonly skills: ReadonlyMap<ModelId, Skill>;
  private readonly anchor: ModelId;
  private readonly now: () => number;
  private readonly hash = createHash('sha256');
  private readonly enlisted: Set<ModelId>;
  private readonly mayLead: Set<ModelId>;
  private readonly entered = new Map<ModelId, number>();
  private readonly overdue = new Map<string, number>();
  /** By the version of the roster, what it says. */
  private readonly rosters = new Map<number, string>();
  private champion: ModelId;
  /** Whether somebody promotes the present candidate by hand. */
  private forced = false;

  constructor(plan: Plan, skills: ReadonlyMap<ModelId, Skill>, anchor: ModelId, now: () => number) {
    this.plan = plan;
    this.skills = skills;
    this.anchor = anchor;
    this.now = now;
    this.champion = anchor;
    this.enlisted = new Set([anchor]);
    this.mayLead = new Set([anchor]);
  }

  violated(what: string): void {
    if (this.violations.length < VIOLATIONS_MAX) this.violations.push(`at ${((this.now() - this.plan.world.startMs) / 1000).toFixed(3)} s: ${what}`);
  }

  killed(instance: string): void {
    this.counts.kills++;
    this.note(`killed ${instance}`);
    if (!instance.startsWith('steer')) this.forgetting.push(this.now());
    if (!instance.startsWith('serve')) this.overdue.clear();
  }

  note(text: string): void {
    this.hash.update(`${this.now()} ${text}\n`);
  }

  /** The hash of everything that happened. */
  trace(): string {
    return this.hash.copy().digest('hex');
  }

  committed(instance: string, records: readonly LogRecord[]): void {
    for (const { topic, key, value } of records) {
      this.hash.update(`${topic} ${key} `).update(value);
      if (topic !== 'predictions') continue;
      const { id } = JSON.parse(new TextDecoder().decode(value)) as { id: string };
      const there = this.answers.get(id);
      if (there === undefined) this.answers.set(id, [{ instance, at: this.now() }]);
      else there.push({ instance, at: this.now() });
    }
  }

  hear(fact: Fact): void {
    this.note(JSON.stringify(fact));
    switch (fact.kind) {
      case 'queues': this.queues(fact); break;
      case 'failed':
        if (fact.where === 'route') this.violated(`${fact.instance} was given a roster that it cannot follow: ${fact.reason}`);
        break;
      case 'enlisted': this.enlisted.add(fact.model); break;
      case 'command': this.forced ||= fact.command === 'promote'; break;
      case 'order-failed': case 'job-failed': case 'enlist-failed': this.counts.ordersFailed++; break;
      case 'decided': this.decided(fact); break;
      case 'routed': this.routed(fact); break;
      default:
    }
  }

  /** Orders that were neither answered nor given up. @param now on the wall clock of the loop, milliseconds since the epoch */
  orders(state: LoopState, now: number): void {
    const late = state.orders.filter(({ deadline }) => deadline < now).map(({ order }) => order);
    for (const order of this.overdue.keys()) if (!late.includes(order)) this.overdue.delete(order);
    for (const order of late) {
      const looks = (this.overdue.get(order) ?? 0) + 1;
      this.overdue.set(order, looks);
      if (looks === OVERDUE_LOOKS_MAX) this.violated(`order ${order} is past its deadline and neither answered nor given up`);
    }
  }

  /** Loss of a model against the anchor in a phase of the drift, as a share of steps. */
  lossOf(model: ModelId, phase: number): number {
    return this.skills.get(this.anchor)!.right[phase]! - this.skills.get(model)!.right[phase]!;
  }

  private queues({ waiting, shadowWaiting, unsettled, sessions, pendingLabels, instance }: Extract<Fact, { kind: 'queues' }>): void {
    const { unsettledMax, shadowWaitingMax, sessionsMax, pendingMax } = this.plan.limits;
    const bounds = [['waiting', waiting, unsettledMax], ['unsettled', unsettled, unsettledMax], ['in shadow', shadowWaiting, shadowWaitingMax], ['sessions', sessions, sessionsMax], ['pending', pendingLabels, pendingMax]] as const;
    for (const [what, held, max] of bounds) if (held < 0 || held > max) this.violated(`${instance} has ${held} ${what}, at most ${max} are allowed`);
  }

  private decided({ outcome, candidate }: Extract<Fact, { kind: 'decided' }>): void {
    if (outcome !== 'certified' && outcome !== 'kept') this.forced = false;
    if (outcome === 'refused' || outcome === 'not-enough-evidence') this.counts.refusals++;
    if (outcome === 'rolled-back') this.counts.rollbacks++;
    if (outcome !== 'certified' || candidate === null) return;
    this.counts.certified++;
    this.mayLead.add(candidate);
    const { world, policy } = this.plan;
    const from = phaseAt(world, this.entered.get(candidate) ?? this.now()), to = phaseAt(world, this.now());
    const losses = Array.from({ length: to - from + 1 }, (_, at) => this.lossOf(candidate, from + at));
    if (Math.min(...losses) >= policy.margin - 1e-9) this.wrong.push(candidate);
  }

  private routed({ roster, instance }: Extract<Fact, { kind: 'routed' }>): void {
    const { champion, challenger, share, version } = roster;
    const says = JSON.stringify(roster), said = this.rosters.get(version);
    if (said !== undefined && said !== says) this.violated(`${instance} believes in another roster ${version} than the one that was routed: ${says}, not ${said}`);
    this.rosters.set(version, says);
    for (const model of [champion, challenger, roster.anchor, roster.predecessor]) {
      if (model !== null && !this.enlisted.has(model)) this.violated(`${instance} routed ${model.slice(0, 8)}, which was never enlisted`);
    }
    if (challenger !== null && share === 0 && !this.entered.has(challenger)) this.entered.set(challenger, this.now());
    if (champion === this.champion) return;
    if (this.forced) this.mayLead.add(champion);
    if (!this.mayLead.has(champion)) this.violated(`${instance} made ${champion.slice(0, 8)} the champion without a certificate`);
    this.champion = champion;
    this.counts.promotions++;
  }
}
