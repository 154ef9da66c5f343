/**
 * Answers of several serving processes as one. An order counts as carried out when every process that is alive has said
 * so: a roster is not sent before all have its models, and a model is not retired while one of them may need it. One that
 * cannot carry an order out is enough for it to have failed.
 */
import type { Fact, Order } from '../../facts.ts';

type Answer = Extract<Fact, { readonly order: string | Order }> & { readonly order: string };

const DONE: readonly Fact['kind'][] = ['enlisted', 'routed', 'retired'];
const FAILED: readonly Fact['kind'][] = ['enlist-failed', 'order-failed'];
const isAnswer = (fact: Fact): fact is Answer => DONE.includes(fact.kind) || FAILED.includes(fact.kind);

export class Quorum {
  readonly #aliveMsMax: number;
  readonly #since: number;
  /** When each serving process was heard of last, milliseconds since the epoch, by its own clock. */
  readonly #heard = new Map<string, number>();
  readonly #answers = new Map<string, Map<string, Answer>>();

  /** @param since when the listening began: before `aliveMsMax` have passed it is not known who is alive */
  constructor(aliveMsMax: number, since: number) {
    this.#aliveMsMax = aliveMsMax;
    this.#since = since;
  }

  alive(now: number): readonly string[] {
    return [...this.#heard].filter(([, at]) => now - at <= this.#aliveMsMax).map(([instance]) => instance);
  }

  /** Takes note of a fact of a serving process. Returns whether it is an answer, which is not for the loop as it stands. */
  hear(fact: Fact): boolean {
    if (fact.kind !== 'evidence' && !isAnswer(fact)) return false;
    this.#heard.set(fact.instance, Math.max(this.#heard.get(fact.instance) ?? 0, fact.at));
    if (!isAnswer(fact)) return false;
    const answers = this.#answers.get(fact.order) ?? new Map<string, Answer>();
    this.#answers.set(fact.order, answers.set(fact.instance, fact));
    return true;
  }

  /** The answers to the open orders, for those that have one: each is given once. */
  settled(open: readonly Order[], now: number): readonly Fact[] {
    const ids = new Set(open.map(({ order }) => order));
    for (const id of this.#answers.keys()) if (!ids.has(id)) this.#answers.delete(id);
    for (const [instance, at] of this.#heard) if (now - at > 10 * this.#aliveMsMax) this.#heard.delete(instance);
    const alive = this.alive(now), known = now - this.#since >= this.#aliveMsMax;
    const facts: Fact[] = [];
    for (const [id, answers] of [...this.#answers]) {
      const given = [...answers.values()];
      const failure = given.find(({ kind }) => FAILED.includes(kind));
      if (failure === undefined && !(known && alive.every((instance) => answers.has(instance)))) continue;
      facts.push(failure ?? given.at(-1)!);
      this.#answers.delete(id);
    }
    return facts;
  }
}
