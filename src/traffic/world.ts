/**
 * Scripted traffic: sessions that come and go, bursts, drift in phases, and labels that are late, lost, doubled or in
 * conflict; all drawn from a seed. The truth is a function of the token alone, so anybody can tell a right answer from
 * a wrong one without asking a model.
 */
import { mix32 } from '../support/hash.ts';
import { randomFrom } from '../support/random.ts';

/** Token ids of one phase of the drift; phase p has the ids from p · TOKENS_PER_PHASE on. */
export const TOKENS_PER_PHASE = 256;

export interface WorldPlan {
  readonly seed: number;
  /** First moment, milliseconds since the epoch, and length of the traffic. */
  readonly startMs: number;
  readonly lengthMs: number;
  /** Requests per second outside the bursts. */
  readonly rate: number;
  /** Sessions that are open at a time, and requests of one session at most. */
  readonly openSessions: number;
  readonly sessionRequestsMax: number;
  /** Steps of one request at most. */
  readonly stepsMax: number;
  /** The phases of the drift, equally long. */
  readonly phases: number;
  readonly outputs: number;
  /** Times the usual rate, for `burstMs` out of every `burstEveryMs` milliseconds. */
  readonly burst: number;
  readonly burstMs: number;
  readonly burstEveryMs: number;
  /** Usual delay of a label at most, milliseconds; a late one comes `lateMs` after its request. */
  readonly labelMs: number;
  readonly lateMs: number;
  /** Shares of the requests, 0 to 1. */
  readonly shares: WorldShares;
}

export interface WorldShares {
  readonly lost: number;
  readonly late: number;
  readonly early: number;
  readonly doubledLabel: number;
  readonly conflict: number;
  /** Sent twice by the producer. */
  readonly doubledRequest: number;
  /** Unreadable records beside the good ones. */
  readonly unreadable: number;
}

/** A record as it is sent; `value` is the text of the record. */
export interface Emission {
  readonly at: number;
  readonly topic: 'requests' | 'labels';
  readonly key: string;
  readonly value: string;
}

export interface WorldRequest {
  readonly id: string;
  readonly session: string;
  /** Position in its session, from 0. */
  readonly sequence: number;
  readonly at: number;
  readonly phase: number;
  /** How often it is sent. */
  readonly copies: number;
}

export interface Traffic {
  /** By time. */
  readonly emissions: readonly Emission[];
  /** In the order in which they are sent first. */
  readonly requests: readonly WorldRequest[];
  /** Records of the requests topic that nobody can read. */
  readonly unreadable: number;
}

/** The true label of a step, 0 to outputs − 1. */
export const truthOf = (token: number, outputs: number): number => mix32(token + 0x51ed27) % outputs;
export const phaseOfToken = (token: number): number => Math.floor(token / TOKENS_PER_PHASE);
export const labelName = (label: number): string => `l${label}`;

export const phaseAt = ({ startMs, lengthMs, phases }: WorldPlan, at: number): number =>
  Math.min(phases - 1, Math.max(0, Math.floor((at - startMs) / (lengthMs / phases))));

interface OpenSession { readonly id: string; readonly length: number; sent: number }

/** Everything that the world sends, from the seed of the plan alone. */
export function scriptTraffic(plan: WorldPlan): Traffic {
  const random = randomFrom(plan.seed);
  const emissions: Emission[] = [], requests: WorldRequest[] = [], open: OpenSession[] = [];
  const whole = (from: number, to: number): number => from + Math.floor(random() * (to - from + 1));
  let sessions = 0, unreadable = 0;
  const end = plan.startMs + plan.lengthMs;
  for (let at = plan.startMs; ; ) {
    const bursting = (at - plan.startMs) % plan.burstEveryMs < plan.burstMs;
    at += -Math.log(1 - random()) * 1000 / (plan.rate * (bursting ? plan.burst : 1));
    if (at >= end) break;
    while (open.length < plan.openSessions) open.push({ id: `s${sessions++}`, length: whole(1, plan.sessionRequestsMax), sent: 0 });
    const slot = whole(0, open.length - 1), session = open[slot]!;
    requests.push(send(plan, emissions, random, `r${requests.length}`, session, Math.floor(at)));
    session.sent++;
    if (session.sent >= session.length) open.splice(slot, 1);
    if (random() < plan.shares.unreadable) {
      emissions.push({ at: Math.floor(at), topic: 'requests', key: session.id, value: UNREADABLE[unreadable++ % UNREADABLE.length]! });
    }
  }
  return { emissions: emissions.map((emission, order) => ({ emission, order })).sort((a, b) => a.emission.at - b.emission.at || a.order - b.order).map(({ emission }) => emission), requests, unreadable };
}

/** No JSON, no object, no session, no steps, an unknown token. */
const UNREADABLE = ['{"id": "no end', '[]', '{"id":"x","tokens":[1]}', '{"id":"x","session":"x","tokens":[]}', '{"id":"x","session":"x","tokens":[99999999]}'] as const;

/** One request with its label, as the shares of the plan say. */
function send(plan: WorldPlan, emissions: Emission[], random: () => number, id: string, { id: session, sent }: OpenSession, at: number): WorldRequest {
  const { shares, outputs, labelMs, lateMs } = plan;
  const phase = phaseAt(plan, at);
  const tokens = Array.from({ length: 1 + Math.floor(random() * plan.stepsMax) }, () => phase * TOKENS_PER_PHASE + Math.floor(random() * TOKENS_PER_PHASE));
  const request = JSON.stringify({ id, session, sequence: sent, tokens, at });
  const copies = random() < shares.doubledRequest ? 2 : 1;
  for (let copy = 0; copy < copies; copy++) emissions.push({ at: at + copy * Math.floor(random() * 2 * labelMs), topic: 'requests', key: session, value: request });
  const label = (delay: number, shift: number): void => {
    const target = tokens.map((token) => labelName((truthOf(token, outputs) + shift) % outputs));
    emissions.push({ at: Math.max(plan.startMs, at + delay), topic: 'labels', key: session, value: JSON.stringify({ id, session, target }) });
  };
  if (random() >= shares.lost) {
    const kind = random();
    const delay = kind < shares.late ? lateMs : kind < shares.late + shares.early ? -Math.floor(labelMs * random()) : Math.floor(labelMs * random());
    label(delay, 0);
    if (random() < shares.doubledLabel) label(delay + Math.floor(labelMs * random()), 0);
    if (random() < shares.conflict) label(delay + 1 + Math.floor(labelMs * random()), 1);
  }
  return { id, session, sequence: sent, at, phase, copies };
}
