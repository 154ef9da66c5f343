/**
 * Eighth stage: answers of all roles are joined with the label by the id of the request, whatever comes first, within
 * the label horizon and in a bounded table. Joined requests add to tallies; closed blocks of a session to duels and to
 * the replay sample.
 */
import type { MonoTypeOperatorFunction } from 'rxjs';
import { tap } from 'rxjs';
import { addBlock, differenceOf, emptyDuel } from '../evidence/duel.ts';
import type { Duel, EvidenceCounts, LabelCounts, Tally } from '../evidence/evidence.ts';
import { EMPTY_LABEL_COUNTS, tallyKey } from '../evidence/evidence.ts';
import type { ReplayItem } from '../evidence/replay.ts';
import { mergeReplay } from '../evidence/replay.ts';
import { EMPTY_TALLY, ERROR_MAX, addTally } from '../evidence/tally.ts';
import { hash32 } from '../support/hash.ts';
import type { Label } from '../traffic/request.ts';
import type { Block, Case } from './blocks.ts';
import { judgeBlock, replayOf } from './blocks.ts';
import { Bounded } from './bounded.ts';
import type { ServingLimits } from './limits.ts';
import type { Answer, Inference, Work } from './work.ts';

/** A label that came before its request was answered. */
interface EarlyLabel { readonly label: Label; readonly at: number }

/** What became of a request that is no longer in the table: the hash of its target, or that none came in time. */
type Past = number | 'expired';

export interface LabelReport { readonly counts: LabelCounts; readonly delayMsSum: number }

const targetHash = (target: Int32Array | Float32Array): number => hash32(target.join());
const hashOf = ({ target, values }: Case): number => targetHash(values ?? target!);

/** regress: the target that an answer meets whose errors are all tolerated. */
const TOLERATED = Int32Array.of(1);

export class Judge {
  private readonly limits: ServingLimits;
  private readonly margin: number;
  /** By the id of the request, oldest first. */
  private readonly cases = new Map<string, Case>();
  private readonly early = new Map<string, EarlyLabel>();
  private readonly past: Bounded<string, Past>;
  /** The block that each session adds to, the one used longest ago first. */
  private readonly open = new Map<string, Block>();
  private tallies = new Map<string, Tally>();
  private duels = new Map<string, Duel>();
  private labels: { -readonly [K in keyof LabelCounts]: number } = { ...EMPTY_LABEL_COUNTS };
  private delayMsSum = 0;
  private replay: ReplayItem[] = [];

  constructor(limits: ServingLimits, margin: number) {
    this.limits = limits;
    this.margin = margin;
    this.past = new Bounded(limits.pendingMax);
  }

  /** Predictions and labels that wait for one another. */
  get pending(): number { return this.cases.size + this.early.size; }

  /** Takes the answers of a batch in. @param now milliseconds since the epoch */
  answered({ batch, answers, failures }: Inference, now: number): void {
    for (const answer of answers) {
      if (answer.work.live) this.openCase(answer, now);
      else this.addAnswer(answer);
    }
    for (const { work } of failures) if (!work.live) this.miss(work);
    for (const work of batch.dropped) this.miss(work);
    this.bound();
  }

  label(label: Label, now: number): void {
    const { id } = label;
    const waiting = this.cases.get(id);
    const past = this.past.get(id), early = this.early.get(id);
    if (waiting?.target != null) this.again(hashOf(waiting), label);
    else if (waiting?.done === true) this.labels.late++;
    else if (waiting !== undefined) this.join(waiting, label, Math.max(0, now - waiting.answeredAt));
    else if (past === 'expired') this.labels.late++;
    else if (past !== undefined) this.again(past, label);
    else if (early !== undefined) this.again(targetHash(early.label.values ?? early.label.target), label);
    else this.early.set(id, { label, at: now });
    this.bound();
  }

  /** A label that could not be read. */
  invalid(): void {
    this.labels.invalid++;
  }

  /** Closes what has waited long enough. @param now milliseconds since the epoch */
  sweep(now: number): void {
    const { labelWaitMs, blockIdleMs } = this.limits;
    for (const [id, { at }] of this.early) {
      if (now - at <= labelWaitMs) break;
      this.dropEarly(id);
    }
    for (const item of this.cases.values()) {
      if (now - item.answeredAt <= labelWaitMs) break;
      this.finish(item);
    }
    for (const block of this.open.values()) {
      if (now - block.lastAt <= blockIdleMs) break;
      this.close(block);
    }
  }

  /** The end: nothing more will come. */
  flush(): void {
    for (const id of [...this.early.keys()]) this.dropEarly(id);
    for (const block of [...this.open.values()]) this.close(block);
    for (const item of [...this.cases.values()]) this.finish(item);
  }

  /** The counts since the last call. */
  take(): { readonly counts: EvidenceCounts; readonly delayMsSum: number } {
    const taken = { counts: { tallies: Object.fromEntries(this.tallies), duels: Object.fromEntries(this.duels), labels: this.labels }, delayMsSum: this.delayMsSum };
    this.tallies = new Map();
    this.duels = new Map();
    this.labels = { ...EMPTY_LABEL_COUNTS };
    this.delayMsSum = 0;
    return taken;
  }

  /** The replay sample since the last call. */
  takeReplay(): readonly ReplayItem[] {
    const taken = mergeReplay(this.replay, [], this.limits.replayItemsMax);
    this.replay = [];
    return taken;
  }

  private openCase({ work, answer, fresh }: Answer, now: number): void {
    const { ticket, model, role } = work;
    if (this.cases.has(ticket.request.id)) return;
    const item: Case = {
      ticket, fresh, answeredAt: now, block: this.blockFor(ticket.request.session, ticket.block, now), missed: new Set(), target: null, values: null, done: false,
      answers: new Map([[model.id, { role, labels: answer.labels, values: answer.values ?? null, confidence: answer.confidence }]]),
    };
    item.block.cases.push(item);
    this.cases.set(ticket.request.id, item);
    if (item.block.cases.length >= this.limits.blockRequestsMax) this.close(item.block);
    // A language model's sequence is its own label: the next token of every step but the last.
    if (model.shape.task === 'next') this.join(item, { session: ticket.request.session, target: Int32Array.from(ticket.request.inputs.subarray(1)) }, 0);
    const early = this.early.get(ticket.request.id);
    if (early !== undefined && item.target !== null) {
      this.early.delete(ticket.request.id);
      this.again(targetHash(item.target), early.label);
    } else if (early !== undefined) {
      this.early.delete(ticket.request.id);
      this.join(item, early.label, 0);
    }
    this.finishIfComplete(item);
  }

  private blockFor(session: string, id: string, now: number): Block {
    const there = this.open.get(session);
    if (there !== undefined && there.id !== id) this.close(there);
    const block = there?.id === id ? there : { id, session, cases: [], lastAt: now, closed: false };
    block.lastAt = now;
    this.open.delete(session);
    this.open.set(session, block);
    return block;
  }

  private addAnswer({ work, answer }: Answer): void {
    const item = this.cases.get(work.ticket.request.id);
    if (item?.ticket !== work.ticket || item.done) return;
    item.answers.set(work.model.id, { role: work.role, labels: answer.labels, values: answer.values ?? null, confidence: answer.confidence });
    this.finishIfComplete(item);
  }

  private miss({ ticket, model }: Work): void {
    const item = this.cases.get(ticket.request.id);
    if (item?.ticket !== ticket || item.done) return;
    item.missed.add(model.id);
    this.finishIfComplete(item);
  }

  private join(item: Case, { session, target, values }: Pick<Label, 'session' | 'target' | 'values'>, delayMs: number): void {
    const { request, model } = item.ticket;
    if (session !== request.session) {
      this.labels.orphan++;
      return;
    }
    const answer = item.answers.get(model.id)!, expected = answer.labels.length - (model.shape.task === 'next' ? 1 : 0);
    if (target.length !== expected || (values?.length ?? 0) !== (answer.values?.length ?? 0)) {
      this.labels.invalid++;
      return;
    }
    this.labels.joined++;
    this.delayMsSum += delayMs;
    item.target = values === undefined ? target : TOLERATED;
    item.values = values ?? null;
    this.finishIfComplete(item);
  }

  private again(first: number, label: Pick<Label, 'target' | 'values'>): void {
    if (first === targetHash(label.values ?? label.target)) this.labels.duplicate++;
    else this.labels.conflict++;
  }

  private dropEarly(id: string): void {
    this.early.delete(id);
    this.labels.orphan++;
  }

  private finishIfComplete(item: Case): void {
    if (item.answers.size + item.missed.size < 1 + item.ticket.shadows.length) return;
    // Nobody is seeded from it any more; requests that wait for labels should not hold states.
    item.ticket.before = null;
    if (item.target !== null) this.finish(item);
  }

  /** Counts a request with what is there, once. */
  private finish(item: Case): void {
    if (item.done) return;
    item.done = true;
    for (const { model } of item.ticket.shadows) if (!item.answers.has(model.id)) item.missed.add(model.id);
    if (item.target === null) this.labels.expired++;
    else {
      if (item.values !== null) this.judgeNumbers(item, item.values);
      for (const [model, { role, labels, confidence }] of item.answers) {
        const key = tallyKey(model, role);
        this.tallies.set(key, addTally(this.tallies.get(key) ?? EMPTY_TALLY, item.target, labels, confidence));
      }
    }
    this.settle(item.block);
  }

  /** regress: an answer is right where none of its numbers is off by more than the limits tolerate. */
  private judgeNumbers(item: Case, wanted: Float32Array): void {
    const { errorMax = ERROR_MAX } = this.limits;
    for (const [model, answer] of item.answers) {
      const right = answer.values?.every((value, at) => Math.abs(value - wanted[at]!) <= errorMax) === true;
      item.answers.set(model, { ...answer, labels: Int32Array.of(right ? 1 : 0) });
    }
  }

  private close(block: Block): void {
    block.closed = true;
    if (this.open.get(block.session) === block) this.open.delete(block.session);
    this.settle(block);
  }

  /** Judges a block that is closed and whose requests are all done. */
  private settle(block: Block): void {
    if (!block.closed || block.cases.some((item) => !item.done)) return;
    for (const { key, steps } of judgeBlock(block)) this.duels.set(key, addBlock(this.duels.get(key) ?? emptyDuel(this.margin), differenceOf(steps), steps));
    this.replay.push(...replayOf(block));
    if (this.replay.length > 2 * this.limits.replayItemsMax) this.replay = [...mergeReplay(this.replay, [], this.limits.replayItemsMax)];
    for (const item of block.cases) {
      const { id } = item.ticket.request;
      this.cases.delete(id);
      this.past.set(id, item.target === null ? 'expired' : hashOf(item));
    }
    block.cases.length = 0;
  }

  /** Keeps the table within its limit: the oldest goes first, a request with its whole block. */
  private bound(): void {
    while (this.pending > this.limits.pendingMax) {
      const item = this.cases.values().next().value, early = this.early.entries().next().value;
      if (early !== undefined && (item === undefined || early[1].at <= item.answeredAt)) {
        this.dropEarly(early[0]);
        continue;
      }
      const { block } = item!;
      this.close(block);
      for (const each of [...block.cases]) this.finish(each);
    }
  }
}

/** Passes the inferences on. */
export const judge = (table: Judge, now: () => number): MonoTypeOperatorFunction<Inference> => tap((inference) => { table.answered(inference, now()); });
