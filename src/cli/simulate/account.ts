/** The account at the end of a simulated run: every request, every session, and the journal. */
import { replay } from '../../loop/journal.ts';
import type { LoopState } from '../../loop/state.ts';
import type { Fact } from '../../facts.ts';
import type { Log, Topic } from '../../ports.ts';
import type { Emission, Traffic, WorldRequest } from '../../traffic/world.ts';
import { confidenceOf } from './engine.ts';
import type { Plan } from './plan.ts';
import type { Watch } from './watch.ts';

interface Answered { readonly id: string; readonly session: string; readonly confidence: number }

const text = (value: Uint8Array): string => new TextDecoder().decode(value);

async function valuesOf(log: Log, topic: Topic): Promise<readonly Uint8Array[]> {
  const values: Uint8Array[] = [];
  for await (const { value } of log.read(topic)) values.push(value);
  return values;
}

/** Every record of the requests topic has one answer or one refusal; who was answered twice had a reason. */
export async function settleRequests(plan: Plan, watch: Watch, log: Log, { requests, emissions, unreadable }: Traffic): Promise<{ readonly answered: number; readonly refused: number; readonly twice: number }> {
  const refused = new Map<string, number>();
  let unread = 0, twice = 0, answered = 0;
  for (const value of await valuesOf(log, 'refused')) {
    const { record, code } = JSON.parse(text(value)) as { record: string; code: string };
    if (code.startsWith('label-')) continue;
    const id = /^\{"id":"(r\d+)"/.exec(atob(record))?.[1];
    if (id === undefined) unread++;
    else refused.set(id, (refused.get(id) ?? 0) + 1);
  }
  if (unread !== unreadable) watch.violated(`${unreadable} unreadable records were sent and ${unread} refused`);
  for (const request of requests) {
    const answers = watch.answers.get(request.id) ?? [];
    answered += answers.length;
    const settled = answers.length + (refused.get(request.id) ?? 0);
    if (settled !== request.copies) watch.violated(`request ${request.id} was sent ${request.copies} times and answered or refused ${settled} times`);
    if (answers.length > 1) {
      twice++;
      if (!mayAnswerTwice(plan, watch, request, emissions)) watch.violated(`request ${request.id} was answered twice: ${answers.map(({ instance, at }) => `by ${instance} at ${at}`).join(', ')}`);
    }
  }
  return { answered, refused: [...refused.values()].reduce((sum, n) => sum + n, 0), twice };
}

/**
 * The one stated limitation: which ids were answered is known to a serving process for as long as it lives, within the
 * label horizon, and for `pendingMax` ids. A producer's doubling beyond that is answered again.
 */
function mayAnswerTwice({ limits }: Plan, watch: Watch, { id, copies, at: sentAt }: WorldRequest, emissions: readonly Emission[]): boolean {
  if (copies < 2) return false;
  const [first, second] = watch.answers.get(id)!;
  const between = emissions.filter(({ topic, at }) => topic === 'requests' && at >= sentAt && at <= second!.at).length;
  return first!.instance !== second!.instance || second!.at - first!.at > limits.labelWaitMs || between >= limits.pendingMax || watch.forgetting.some((at) => at >= first!.at - limits.labelWaitMs && at <= second!.at);
}

/** The answers of a session come in its order, and each state has seen every answered sequence of it once. */
export async function settleSessions(watch: Watch, log: Log, { requests }: Traffic): Promise<void> {
  // The first copy of a doubled request may have been refused for the engine's sake; its second copy came in its own time.
  const doubled = new Set(requests.filter(({ copies }) => copies > 1).map(({ id }) => id));
  const sessions = new Map<string, { last: number; count: number; readonly seen: Set<string> }>();
  for (const value of await valuesOf(log, 'predictions')) {
    const { id, session, confidence } = JSON.parse(text(value)) as Answered;
    const there = sessions.get(session) ?? { last: -1, count: 0, seen: new Set() };
    sessions.set(session, there);
    there.count++;
    if (confidence !== confidenceOf(there.count)) watch.violated(`answer ${there.count} of session ${session} (${id}) has a state that saw ${confidence * 1024} sequences`);
    if (there.seen.has(id) || doubled.has(id)) continue;
    const number = Number(id.slice(1));
    if (number < there.last) watch.violated(`session ${session} was answered out of order: ${id} after r${there.last}`);
    there.last = number;
    there.seen.add(id);
  }
}

/** The journal gives the state again, and holds each report of evidence once. */
export async function settleJournal(watch: Watch, log: Log, state: LoopState): Promise<void> {
  const records = await valuesOf(log, 'journal');
  const again = JSON.stringify(replay(records)), now = JSON.stringify(state);
  if (again !== now) watch.violated(`the journal gives another state: ${firstDifference(again, now)}`);
  const reports = new Set<string>();
  for (const record of records) {
    const fact = JSON.parse(text(record)) as Fact;
    if (fact.kind !== 'evidence' || (Object.keys(fact.counts.tallies).length === 0 && fact.replay === null)) continue;
    const report = text(record);
    if (reports.has(report)) watch.violated(`a report of evidence of ${fact.instance} was counted twice`);
    reports.add(report);
  }
}

function firstDifference(a: string, b: string): string {
  let at = 0;
  while (at < Math.min(a.length, b.length) && a[at] === b[at]) at++;
  return `${a.slice(Math.max(0, at - 60), at + 60)} | ${b.slice(Math.max(0, at - 60), at + 60)}`;
}
