/**
 * The recurrent states of the open sessions: by session and model, bounded by number (the least recently used session
 * goes first) and by idle age. What is evicted is counted; such a session starts again from zero.
 */
import type { Lineage, ModelId } from '../model/model.ts';

/** State of one session under one model. The arrays are never written to, so they may be shared. */
export interface SessionState {
  readonly model: ModelId;
  /** Sequences of the session that were answered before this state. */
  readonly position: number;
  /** All layers one after the other; c is empty but for the LSTM. */
  readonly h: Float32Array;
  readonly c: Float32Array;
  /** Of that model, where its units are not those of its parent: by it the state goes back to the parent. Not recovered after a restart. */
  readonly lineage?: Pick<Lineage, 'parent' | 'origins'>;
}

interface Entry {
  /** The state of the model that answered last; what every other model may be seeded from. */
  answering: SessionState;
  /** States of models that answered in shadow, or before a swap. */
  readonly others: Map<ModelId, SessionState>;
  usedAt: number;
}

export interface Evictions { readonly age: number; readonly number: number }

export interface StateLimits { readonly sessionsMax: number; readonly sessionIdleMsMax: number }

export class SessionStates {
  /** Least recently used first. */
  private readonly entries = new Map<string, Entry>();
  private readonly limits: StateLimits;
  private evictions = { age: 0, number: 0 };

  constructor(limits: StateLimits) {
    this.limits = limits;
  }

  get size(): number { return this.entries.size; }

  /** The present state of the answering model; null before the first answer. */
  answering(session: string): SessionState | null {
    return this.entries.get(session)?.answering ?? null;
  }

  /** The state of a model, if it has answered all `position` sequences of the session up to now. */
  of(session: string, model: ModelId, position: number): SessionState | null {
    const entry = this.entries.get(session);
    const state = entry?.answering.model === model ? entry.answering : entry?.others.get(model);
    return state?.position === position ? state : null;
  }

  /** Takes the state after an answer to the world. @param now milliseconds since the epoch */
  answered(session: string, state: SessionState, now: number): void {
    const entry = this.entries.get(session);
    if (entry === undefined) {
      this.entries.set(session, { answering: state, others: new Map(), usedAt: now });
      while (this.entries.size > this.limits.sessionsMax) this.evict(this.entries.keys().next().value!, 'number');
      return;
    }
    if (entry.answering.model !== state.model) entry.others.set(entry.answering.model, entry.answering);
    entry.others.delete(state.model);
    entry.answering = state;
    entry.usedAt = now;
    this.entries.delete(session);
    this.entries.set(session, entry);
  }

  /** Takes the state after an answer in shadow; an older one than the present is left aside. */
  shadowed(session: string, state: SessionState): void {
    const entry = this.entries.get(session);
    if (entry === undefined || entry.answering.model === state.model) return;
    const present = entry.others.get(state.model);
    if (present === undefined || present.position < state.position) entry.others.set(state.model, state);
  }

  /** Drops the states of models that nobody will ask for again. The answering state stays: others are seeded from it. */
  keepOnly(models: ReadonlySet<ModelId>): void {
    for (const { others } of this.entries.values()) {
      for (const model of others.keys()) if (!models.has(model)) others.delete(model);
    }
  }

  /** Evicts the sessions that have been idle for too long. @param now milliseconds since the epoch */
  sweep(now: number): void {
    for (const [session, { usedAt }] of this.entries) {
      if (now - usedAt <= this.limits.sessionIdleMsMax) return;
      this.evict(session, 'age');
    }
  }

  /** Evictions since the last call. */
  takeEvictions(): Evictions {
    const taken = this.evictions;
    this.evictions = { age: 0, number: 0 };
    return taken;
  }

  private evict(session: string, reason: keyof Evictions): void {
    this.entries.delete(session);
    this.evictions[reason]++;
  }
}
