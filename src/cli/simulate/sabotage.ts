/** Faults put into the program on purpose, so that a test can see the simulation find them. */
import { from, of, tap } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Duel } from '../../evidence/evidence.ts';
import type { Fact, Order } from '../../facts.ts';
import type { OrderPorts } from '../compose/orders.ts';
import { factsOf } from '../compose/orders.ts';
import type { Delivery, Log } from '../../ports.ts';
import type { Life } from './life.ts';

/** Ways to break the program on purpose. */
export const SABOTAGES = ['settle-first', 'drop-redelivery', 'answer-out-of-order', 'forget-journal', 'route-unlisted', 'ignore-harm', 'evidence-twice', 'answer-twice'] as const;
export type Sabotage = (typeof SABOTAGES)[number];

/** The log as a process uses it: settled before it is published, taken for settled when it was only delivered, and so on. */
export function sabotagedLog(sabotage: Sabotage | null, log: Log, broker: Log, life: Life, random: () => number): Log {
  switch (sabotage) {
    case 'settle-first': return { ...log, transact: ({ group, records, settled }) => log.transact({ group, records: [], settled }).then(() => log.append(records)) };
    case 'answer-out-of-order': return { ...log, transact: (transaction) => log.transact({ ...transaction, records: [...transaction.records].reverse() }) };
    case 'answer-twice': return { ...log, transact: ({ group, records, settled }) => log.transact({ group, settled, records: random() < 0.01 ? [...records, ...records] : records }) };
    case 'forget-journal': return { ...log, append: (records) => log.append(records.some(({ topic }) => topic === 'journal') && random() < 0.05 ? [] : records) };
    case 'drop-redelivery': return { ...log, consume: (options) => log.consume(options).pipe(tap((delivery: Delivery) => { life.onEnd(() => { void broker.transact({ group: options.group, records: [], settled: [delivery] }); }); })) };
    default: return log;
  }
}

/** What the loop hears of a fact. */
export function sabotaged(sabotage: Sabotage | null, fact: Fact): readonly Fact[] {
  if (fact.kind !== 'evidence') return [fact];
  if (sabotage === 'evidence-twice') return [fact, fact];
  if (sabotage !== 'ignore-harm') return [fact];
  const blind = (duel: Duel): Duel => ({ ...duel, certify: duel.harm.map((sum) => Math.abs(sum) + 0.05 * duel.blocks), harm: duel.harm.map(() => 0), harmAtZero: duel.harm.map(() => 0) });
  return [{ ...fact, counts: { ...fact.counts, duels: Object.fromEntries(Object.entries(fact.counts.duels).map(([key, duel]) => [key, blind(duel)])) } }];
}

/** An order carried out wrongly; null where it is to be carried out as it should be. */
export function sabotagedOrder(sabotage: Sabotage | null, ports: OrderPorts, order: Order): Observable<Fact> | null {
  if (sabotage !== 'route-unlisted') return null;
  const fact = factsOf(ports.clock, ports.instance);
  if (order.kind === 'enlist') return of(fact({ kind: 'enlisted', order: order.order, model: order.model, engine: 'none', ms: 0, parity: 0 }));
  if (order.kind !== 'route') return null;
  ports.roster$.next(order.roster);
  return from([fact({ kind: 'routed', order: order.order, roster: order.roster, swapMs: 0 })]);
}
