/** Second part: live traffic through the circle, until the corpus or the time is used up. */
import * as os from 'node:os';
import type { LoopState } from '../../loop/state.ts';
import type { TrialView } from '../../console/terminal.ts';
import { boardLines } from '../../console/terminal.ts';
import { accuracyOf, foldBoard, latencyOf, ratesOf } from '../../console/board.ts';
import { duelKey } from '../../evidence/evidence.ts';
import { alphaOf, judge } from '../../rollout/compare.ts';
import { randomFrom } from '../../support/random.ts';
import { startCircle } from '../compose/circle.ts';
import type { Circle } from '../compose/circle.ts';
import type { Control } from './control.ts';
import { startControl } from './control.ts';
import { startFeed } from './feed.ts';
import type { Feed } from './feed.ts';
import { LABEL_DELAY_MS, OPEN } from './plan.ts';
import type { Prepared } from './prepare.ts';
import type { Stage } from './stage.ts';
import { wantsColour } from './view.ts';

export interface Lived {
  readonly state: LoopState;
  readonly control: Control;
  /** CPU time of this process meanwhile, milliseconds. */
  readonly cpuMs: number;
}

/** How long the line may take to answer what was sent, after the last request. */
const SETTLE_MS_MAX = 60_000;

/** What the loop says of its trial. */
export function trialOf(state: LoopState, alpha: number, cycles: number): TrialView {
  const { trial, roster } = state;
  const duel = trial?.model == null ? undefined : state.duels[duelKey(roster.anchor, trial.model)];
  const numbers = duel === undefined || trial === null ? null : judge(duel, trial.candidate > 0 ? alphaOf(trial.candidate, alpha) : alpha);
  return {
    phase: state.phase, cycle: state.cycle, cycles, certify: numbers?.certify ?? null, harm: numbers?.harm ?? null, bar: numbers?.bar ?? null,
    blocks: numbers?.blocks ?? 0, difference: numbers?.difference ?? null,
  };
}

function show(stage: Stage, circle: Circle, feed: Feed): void {
  const { view, input, plan } = stage;
  const style = { colour: wantsColour(process.stdout, process.env), width: process.stdout.columns ?? 120 };
  const headline = (): string => `${stage.corpus.name}, ${(100 * feed.done()).toFixed(0)} % of the traffic sent${input.keep ? ', goes on until Ctrl-C' : ''}`;
  view.draw(() => boardLines({ ...stage.board, now: stage.clock.now() }, trialOf(circle.state(), plan.policy.alpha, plan.policy.cycles), headline(), style));
}

/** One plain line for where there is no terminal. */
export function plainLine(stage: Stage, state: LoopState): string {
  const { board } = stage;
  const rates = ratesOf(board);
  const percent = (share: number | null): string => (share === null ? '–' : (100 * share).toFixed(1));
  const trial = trialOf(state, stage.plan.policy.alpha, stage.plan.policy.cycles);
  const job = board.job === null ? '' : `, job ${board.job.stage}${board.job.steps > 0 ? ` ${board.job.step}/${board.job.steps}` : ''}`;
  const gate = trial.certify === null ? '' : `, e ${trial.certify.toPrecision(3)} of ${(trial.bar ?? 0).toFixed(0)} after ${trial.blocks} sessions`;
  return `live       ${((stage.clock.monotonicMs() - stage.startedMs) / 1000).toFixed(0)} s: ${rates.requests.toFixed(0)} requests/s, p99 ${String(latencyOf(board, 0.99) ?? '–')} ms, ${board.answered} answered, ${state.search.unitShare < 1 ? `${Math.round(100 * state.search.unitShare)} % of the units, ` : ''}density ${state.density.toFixed(3)}, `
    + `accuracy champion ${percent(accuracyOf(board, 'champion'))} anchor ${percent(accuracyOf(board, 'anchor'))} challenger ${percent(accuracyOf(board, 'challenger'))}, cycle ${state.cycle} ${state.phase}${job}${gate}`;
}

async function until(stage: Stage, done: () => boolean, msMax: number): Promise<void> {
  const end = stage.clock.monotonicMs() + msMax;
  while (!done() && stage.clock.monotonicMs() < end) await stage.clock.sleep(50);
}

/** Serves the live part of the corpus. Throws storage-full and whatever else stops the line. */
export async function live(stage: Stage, prepared: Prepared): Promise<Lived> {
  const { plan, input, log, clock, view } = stage;
  stage.health.stage = 'serving';
  const started = process.cpuUsage();
  const circle = await startCircle({
    ...stage, meters: [stage.meter, { record: (fact) => { stage.board = foldBoard(stage.board, fact); } }], random: randomFrom(input.seed + 1),
    instance: `demo-${os.hostname()}`,
  }, { limits: plan.limits, policy: { ...plan.policy, rehearsal: [prepared.data], ...(input.keep ? { cyclesMax: 1_000_000 } : {}) }, champion: prepared.dense.id, salt: `salt-${input.seed}` });
  const control = startControl(stage.trainer, prepared.dense.id);
  circle.facts$.subscribe((fact) => {
    control.hear(fact);
    if (fact.kind === 'decided') view.note(`decision   cycle ${fact.cycle}: ${fact.outcome}, ${fact.reason}`);
    if (fact.kind === 'failed') view.note(`problem    ${fact.where}: ${fact.reason}`);
  });
  const feed = startFeed({ log, clock, random: randomFrom(input.seed + 2) }, stage.corpus.task, stage.corpus.live, {
    requestsPerSecond: plan.requestsPerSecond, open: OPEN, labelDelayMs: LABEL_DELAY_MS, forever: input.keep, msMax: input.keep ? Infinity : 1000 * plan.liveSeconds,
  });
  stage.plain = () => plainLine(stage, circle.state());
  show(stage, circle, feed);
  const interrupt = (): void => { feed.stop(); };
  stage.interrupted.addEventListener('abort', interrupt);
  try {
    await Promise.race([feed.finished, circle.failed]);
    await Promise.race([until(stage, () => stage.board.answered + stage.board.refused >= feed.sent() && stage.board.unsettled === 0, SETTLE_MS_MAX), circle.failed]);
  } finally {
    feed.stop();
    stage.plain = () => null;
    view.draw(null);
    stage.interrupted.removeEventListener('abort', interrupt);
  }
  const state = circle.state();
  await circle.stop();
  const { user, system } = process.cpuUsage(started);
  return { state, control, cpuMs: (user + system) / 1000 };
}
