/** One simulated run: traffic, faults, rest, and the account at the end. The same seed gives the same run. */
import type { LoopState } from '../../loop/state.ts';
import type { Emission, Traffic } from '../../traffic/world.ts';
import { scriptTraffic } from '../../traffic/world.ts';
import { settleJournal, settleRequests, settleSessions } from './account.ts';
import { Cluster } from './cluster.ts';
import type { Ground } from './ground.ts';
import { openGround } from './ground.ts';
import type { Fault, Plan } from './plan.ts';
import { planOf } from './plan.ts';
import type { Sabotage } from './sabotage.ts';
import type { Watch } from './watch.ts';

export interface RunResult {
  readonly seed: number;
  readonly topology: Plan['topology'];
  readonly violations: readonly string[];
  /** Whether a candidate was certified that was worse than the anchor by the margin or more; may be so in a share alpha of the runs. */
  readonly wrong: boolean;
  /** SHA-256 of everything that happened. */
  readonly trace: string;
  readonly requests: number;
  readonly answered: number;
  readonly twice: number;
  readonly counts: Watch['counts'];
  readonly virtualMs: number;
}

const LOOK_MS = 1000;
/** Virtual time in which the system has to come to rest once traffic and faults have ended. */
const REST_MS_MAX = 900_000;
/** Virtual time for which a death waits for work in progress. */
const BUSY_WAIT_MS = 200;
/** Looks in a row at which it has to be at rest. */
const REST_LOOKS = 3;
const PROBES = 5;

export async function runSeed(seed: number, sabotage: Sabotage | null = null): Promise<RunResult> {
  const plan = planOf(seed);
  const ground = await openGround(plan, sabotage);
  const cluster = new Cluster(ground);
  const traffic = scriptTraffic(plan.world);
  const { clock, watch, broker } = ground;
  cluster.start();
  feed(ground, traffic.emissions);
  for (const fault of plan.faults) clock.scheduler.schedule(() => { strikeWhenBusy(ground, cluster, fault); }, fault.at - clock.now());
  const faultsEnd = Math.max(plan.world.startMs + plan.world.lengthMs + plan.world.lateMs, ...plan.faults.map(({ at, ms }) => at + ms)) + 3000;
  while (clock.now() < faultsEnd) {
    await clock.advance(LOOK_MS);
    look(ground, cluster);
  }
  for (const loop of cluster.loops) loop.command('resume');
  await rest(ground, cluster);
  const probed = await probe(ground, cluster, traffic);
  await drain(ground, cluster);
  const { answered, twice } = await settleRequests(plan, watch, broker.inner, probed);
  await settleSessions(watch, broker.inner, traffic);
  const state = cluster.loops[0]?.state();
  if (state !== undefined && plan.topology !== 'two-steers') await settleJournal(watch, broker.inner, state);
  return {
    seed, topology: plan.topology, violations: watch.violations, wrong: watch.wrong.length > 0, trace: watch.trace(),
    requests: probed.requests.length, answered, twice, counts: watch.counts, virtualMs: clock.now() - plan.world.startMs,
  };
}

/** Sends what the world sends, at its time. */
function feed({ clock, broker }: Ground, emissions: readonly Emission[]): void {
  const encoder = new TextEncoder();
  let next = 0;
  const send = (): void => {
    const first = next;
    while (next < emissions.length && emissions[next]!.at <= clock.now()) next++;
    void broker.inner.append(emissions.slice(first, next).map(({ topic, key, value }) => ({ topic, key, value: encoder.encode(value) })));
    if (next < emissions.length) clock.scheduler.schedule(send, emissions[next]!.at - clock.now());
  };
  if (emissions.length > 0) clock.scheduler.schedule(send, emissions[0]!.at - clock.now());
}

/** A death is worth most in the middle of work: it waits for some, for a moment. */
function strikeWhenBusy(ground: Ground, cluster: Cluster, fault: Fault, waitedMs = 0): void {
  const { broker, clock } = ground;
  if (!fault.kind.startsWith('kill') || broker.isBusy() || waitedMs >= BUSY_WAIT_MS) strike(ground, cluster, fault);
  else clock.scheduler.schedule(() => { strikeWhenBusy(ground, cluster, fault, waitedMs + 1); }, 1);
}

function strike(ground: Ground, cluster: Cluster, { kind, ms, size }: Fault): void {
  ground.watch.note(`fault ${kind}`);
  const { serving, loops } = cluster;
  switch (kind) {
    case 'kill-serving': cluster.kill(serving?.life, ms, true); break;
    case 'kill-loop': cluster.kill(loops[0]?.life, ms, true); break;
    case 'kill-all': for (const life of new Set([serving?.life, ...loops.map((loop) => loop.life)])) cluster.kill(life, ms, true); break;
    case 'second-loop':
      cluster.startLoop();
      ground.clock.scheduler.schedule(() => { if (cluster.loops.length > 1) cluster.kill(cluster.loops[Math.floor(2 * ground.random())]!.life, 0, false); }, ms + 2000);
      break;
    case 'clock-step':
      ground.offMs += size;
      if (size > 0) ground.watch.forgetting.push(ground.clock.now());
      break;
    case 'pause': case 'abort': case 'promote': for (const loop of loops) loop.command(kind); break;
    case 'vault-full': case 'vault-missing': case 'log-full': case 'engine-fails': case 'engine-slow': break;
  }
}

function look(ground: Ground, cluster: Cluster): void {
  const [loop] = cluster.loops;
  if (loop !== undefined && cluster.loops.length === 1) ground.watch.orders(loop.state(), ground.clock.now() + ground.offMs);
}

const isAtRest = ({ orders, trial, probation, uncertain, phase }: LoopState): boolean =>
  orders.length === 0 && trial === null && probation === null && !uncertain && (phase === 'rest' || phase === 'gather');

/**
 * After the faults nobody is on trial for ever, no order stays open, and serving follows the roster of the loop. (Where
 * two loops were active at once the survivor may hold on to an older roster until its next order is turned down.)
 */
async function rest(ground: Ground, cluster: Cluster): Promise<void> {
  const { clock, watch, broker } = ground;
  const until = clock.now() + (ground.plan.topology === 'two-steers' ? REST_MS_MAX / 10 : REST_MS_MAX);
  let looks = 0;
  while (looks < REST_LOOKS) {
    await clock.advance(LOOK_MS);
    look(ground, cluster);
    const state = cluster.loops[0]?.state();
    looks = state !== undefined && isAtRest(state) && cluster.serving !== null && broker.journalling() === 0 ? looks + 1 : 0;
    if (clock.now() > until) {
      // Two loops may have promoted different models; the survivor then orders what serving has no models for.
      if (ground.plan.topology === 'two-steers') return;
      watch.violated(`the system does not come to rest: ${state === undefined ? 'no loop' : JSON.stringify({ phase: state.phase, orders: state.orders.map(({ order }) => order), trial: state.trial, probation: state.probation, uncertain: state.uncertain, version: state.version })}`);
      return;
    }
  }
  const { serving, loops: [loop] } = cluster;
  const followed = serving!.roster$.value, believed = loop!.state().roster;
  if (ground.plan.topology === 'apart' && JSON.stringify(followed) !== JSON.stringify(believed)) watch.violated(`serving follows roster ${followed.version} (${followed.champion.slice(0, 8)}), the loop believes in ${believed.version} (${believed.champion.slice(0, 8)})`);
}

/** A few requests more, which the champion of the loop has to answer. */
async function probe(ground: Ground, cluster: Cluster, traffic: Traffic): Promise<Traffic> {
  const { clock, broker, watch } = ground;
  const first = traffic.requests.length;
  const ids = Array.from({ length: PROBES }, (_, at) => `r${first + at}`);
  await broker.inner.append(ids.map((id) => ({ topic: 'requests', key: id, value: new TextEncoder().encode(JSON.stringify({ id, session: id, tokens: [1] })) })));
  await clock.advance(5000);
  const champion = cluster.loops[0]?.state().roster.champion;
  for await (const { value } of broker.inner.read('predictions')) {
    const { id, model } = JSON.parse(new TextDecoder().decode(value)) as { id: string; model: string };
    if (ids.includes(id) && model !== champion && ground.plan.topology !== 'two-steers') watch.violated(`at rest ${id} was answered by ${model.slice(0, 8)}, the champion is ${champion?.slice(0, 8) ?? 'nobody'}`);
  }
  return { ...traffic, requests: [...traffic.requests, ...ids.map((id) => ({ id, session: id, sequence: 0, at: clock.now(), phase: 0, copies: 1 }))] };
}

async function drain({ clock, watch, broker }: Ground, { serving, loops }: Cluster): Promise<void> {
  if (serving === null) {
    watch.violated('nobody serves at the end');
    return;
  }
  let done = false;
  serving.drain().then(() => { done = true; }, (error: unknown) => {
    done = true;
    watch.violated(`the line did not drain: ${String(error)}`);
  });
  for (let looks = 0; !done; looks++) {
    await clock.advance(LOOK_MS / 10);
    if (looks < 600) continue;
    watch.violated('the line did not drain within a minute');
    break;
  }
  for (let looks = 0; looks < 600 && (broker.journalling() > 0 || looks < 2); looks++) await clock.advance(LOOK_MS / 10);
  for (const { life } of loops) if (life !== serving.life) life.kill();
}

