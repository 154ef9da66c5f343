/**
 * The works that wait for the engine, and the rule by which a batch is picked from them.
 *
 * - One model and one role a batch; the oldest work names them.
 * - Answers to the world go first. Work in shadow runs when none waits, or after `SHADOW_TURN` calls for the world.
 * - Where a model carries state, a session is in a batch at most once, and a session's works with one model run in
 *   the order of its requests, seen or unseen: a model that comes from the shadow first finishes what it was given there.
 * - At most `shadowWaitingMax` works wait in shadow. A dropped one spoils the rest of its block for its model, so the
 *   rest is dropped with it; and a block is begun only while half of the room is free, so that begun blocks are finished.
 */
import { Bounded } from './bounded.ts';
import type { ServingLimits } from './limits.ts';
import type { MicroBatch, Ticket, Work } from './work.ts';

/** Calls for the world after which waiting shadow work gets one. */
export const SHADOW_TURN = 8;

const carries = (work: Work): boolean => work.model.shape.state === 'carry';
const sessionOf = (work: Work): string => work.ticket.request.session;
const laneOf = (work: Work): string => `${work.model.id}|${sessionOf(work)}`;

export class Lanes {
  private live: Work[] = [];
  private shadow: Work[] = [];
  /** Number of works that wait in shadow, by model and session. */
  private readonly shadowLanes = new Map<string, number>();
  /** Whether a block is judged for a model: begun, or spoilt by a dropped work. */
  private readonly blocks: Bounded<string, 'begun' | 'spoilt'>;
  private readonly limits: ServingLimits;
  private liveCalls = 0;
  private running: MicroBatch | null = null;

  constructor(limits: ServingLimits) {
    this.limits = limits;
    this.blocks = new Bounded(4 * limits.sessionsMax);
  }

  get waiting(): number { return this.live.length; }
  get shadowWaiting(): number { return this.shadow.length; }
  get empty(): boolean { return this.live.length === 0 && this.shadow.length === 0; }

  /** Whether work that waits or runs still needs a model. */
  refersTo(model: string): boolean {
    const needs = (work: Work): boolean => work.model.id === model || (work.live && work.ticket.shadows.some((shadow) => shadow.model.id === model));
    return this.live.some(needs) || this.shadow.some(needs) || (this.running?.works.some(needs) ?? false);
  }

  add(ticket: Ticket): void {
    this.live.push({ ticket, role: ticket.arm, model: ticket.model, live: true });
  }

  /** The next batch; null where nothing waits. The one before has ended. */
  next(): MicroBatch | null {
    this.running = null;
    this.discardFailed();
    const works = this.pick();
    if (works.length === 0) return null;
    const { model, role, live } = works[0]!;
    this.liveCalls = live ? this.liveCalls + 1 : 0;
    this.running = { model, role, live, works, dropped: live ? works.flatMap((work) => this.addShadows(work.ticket)) : [] };
    return this.running;
  }

  /** The last batch has ended. */
  ended(): void {
    this.running = null;
  }

  private pick(): Work[] {
    const head = this.live[0];
    if (head === undefined || (this.shadow.length > 0 && this.liveCalls >= SHADOW_TURN)) return this.pickShadow(this.shadow[0], () => true);
    if (!this.isHeldUp(head)) {
      const [works, rest] = this.gather(this.live, head, (work) => !this.isHeldUp(work));
      this.live = rest;
      return works;
    }
    const heldUp = new Set(this.live.filter((work) => this.isHeldUp(work)).map(laneOf));
    return this.pickShadow(this.shadow.find((work) => laneOf(work) === laneOf(head)), (work) => heldUp.has(laneOf(work)));
  }

  private pickShadow(head: Work | undefined, wanted: (work: Work) => boolean): Work[] {
    if (head === undefined) return [];
    const [works, rest] = this.gather(this.shadow, head, wanted);
    this.shadow = rest;
    for (const work of works) this.leaveShadow(work);
    return works;
  }

  /** Splits a queue into the works of a batch and the rest, both in order. */
  private gather(queue: readonly Work[], head: Work, mayRun: (work: Work) => boolean): [Work[], Work[]] {
    const works: Work[] = [], rest: Work[] = [], blocked = new Set<string>();
    for (const work of queue) {
      const fits = work.model.id === head.model.id && work.role === head.role && works.length < this.limits.batchMax && !blocked.has(sessionOf(work)) && mayRun(work);
      (fits ? works : rest).push(work);
      if (fits ? carries(work) : head.live || work.model.id === head.model.id) blocked.add(sessionOf(work));
    }
    return [works, rest];
  }

  /** Whether the same model has earlier requests of the session to answer in shadow. */
  private isHeldUp(work: Work): boolean {
    return carries(work) && this.shadowLanes.has(laneOf(work));
  }

  private addShadows(ticket: Ticket): Work[] {
    const dropped: Work[] = [];
    for (const { role, model } of ticket.shadows) {
      const work: Work = { ticket, role, model, live: false };
      const block = `${model.id}|${ticket.block}`;
      const fate = this.blocks.get(block);
      const room = fate === 'begun' ? this.limits.shadowWaitingMax : Math.ceil(this.limits.shadowWaitingMax / 2);
      if (fate === 'spoilt' || this.shadow.length >= room) {
        this.blocks.set(block, 'spoilt');
        dropped.push(work);
        continue;
      }
      this.blocks.set(block, 'begun');
      this.shadow.push(work);
      this.shadowLanes.set(laneOf(work), (this.shadowLanes.get(laneOf(work)) ?? 0) + 1);
    }
    return dropped;
  }

  private leaveShadow(work: Work): void {
    const count = this.shadowLanes.get(laneOf(work))! - 1;
    if (count > 0) this.shadowLanes.set(laneOf(work), count);
    else this.shadowLanes.delete(laneOf(work));
  }

  /** Where the answer to the world failed there is nothing to compare with. */
  private discardFailed(): void {
    if (!this.shadow.some((work) => work.ticket.failed)) return;
    for (const work of this.shadow) if (work.ticket.failed) this.leaveShadow(work);
    this.shadow = this.shadow.filter((work) => !work.ticket.failed);
  }
}
