import type { Fact } from '../../facts.ts';
import type { Meter } from '../../ports.ts';

/** A meter that keeps the facts: for tests and simulations, which assert on the same stream that operators see. */
export function recordingMeter(): Meter & { readonly facts: readonly Fact[] } {
  const facts: Fact[] = [];
  return { facts, record: (fact) => { facts.push(fact); } };
}
