/** The board as lines of text. Pure; whoever writes them knows whether the terminal has colours and how wide it is. */
import type { Board } from './board.ts';
import { accuracyOf, deadOf, latencyOf, ratesOf } from './board.ts';

export interface Style {
  readonly colour: boolean;
  /** Columns of the terminal. */
  readonly width: number;
}

/** What the loop says of its trial, beside what the facts tell. */
export interface TrialView {
  readonly phase: string;
  readonly cycle: number;
  readonly cycles: number;
  readonly certify: number | null;
  readonly harm: number | null;
  readonly bar: number | null;
  readonly blocks: number;
  readonly difference: number | null;
}

const CODES = { bold: 1, dim: 2, green: 32, yellow: 33, red: 31, cyan: 36 } as const;
type Colour = keyof typeof CODES;
const paint = (style: Style, colour: Colour, text: string): string => (style.colour ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text);

const percent = (share: number | null): string => (share === null ? '   –  ' : `${(100 * share).toFixed(2)}%`);
const ms = (value: number | null): string => (value === null ? '–' : value === Infinity ? '>5000' : `≤${value}`);

/** A bar of `width` characters, filled to `share`. */
export function bar(share: number, width: number): string {
  const full = Math.round(Math.max(0, Math.min(1, share)) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}

const clock = (msElapsed: number): string => {
  const s = Math.max(0, Math.floor(msElapsed / 1000));
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
};

function modelLines(board: Board, style: Style): string[] {
  const { roster } = board;
  if (roster === null) return [];
  const dead = deadOf(board, roster.champion);
  const density = (id: string | null): string => (id === null ? '' : `density ${(board.densities[id] ?? 1).toFixed(3)}`);
  const line = (name: string, id: string | null, colour: Colour, role: 'anchor' | 'champion' | 'challenger' | 'predecessor', note: string): string =>
    `  ${paint(style, colour, name.padEnd(12))}${id === null ? paint(style, 'dim', 'none') : `${id.slice(0, 8)}  ${density(id).padEnd(15)} accuracy ${percent(accuracyOf(board, role))}  ${note}`}`;
  const share = roster.share > 0 ? `answers ${Math.round(roster.share * 100)} % of the sessions` : `in shadow on ${Math.round(roster.shadow * 100)} % of the sessions`;
  return [
    line('champion', roster.champion, 'green', 'champion', `answers${dead === '' ? '' : `, dead units ${dead}`}`),
    line('challenger', roster.challenger, 'yellow', 'challenger', roster.challenger === null ? '' : share),
    line('anchor', roster.anchor, 'cyan', roster.anchor === roster.champion ? 'champion' : 'anchor', roster.anchor === roster.champion ? 'is the champion' : `in shadow on ${Math.round(roster.anchorShare * 100)} %`),
    ...(roster.predecessor === null ? [] : [line('predecessor', roster.predecessor, 'dim', roster.predecessor === roster.anchor ? 'anchor' : 'predecessor', 'in shadow for the probation')]),
  ];
}

function trialLine(trial: TrialView, style: Style): string {
  const head = `  ${paint(style, 'bold', trial.phase.padEnd(12))}cycle ${trial.cycle}`;
  if (trial.certify === null || trial.bar === null) return head;
  const toward = Math.log(Math.max(1, trial.certify)) / Math.log(trial.bar);
  const difference = trial.difference === null ? '' : `, difference to the anchor ${(100 * -trial.difference).toFixed(2)} points`;
  return `${head}  certificate ${bar(toward, 20)} e=${trial.certify.toPrecision(3)} of ${trial.bar.toFixed(0)}, harm e=${(trial.harm ?? 0).toPrecision(2)}, ${trial.blocks} sessions${difference}`;
}

/** The live picture, top to bottom. */
export function boardLines(board: Board, trial: TrialView, headline: string, style: Style): readonly string[] {
  const rates = ratesOf(board);
  const job = board.job;
  const lines = [
    `${paint(style, 'bold', 'espalier')}  ${clock(board.now - board.startedAt)}  ${headline}`,
    `  ${'serving'.padEnd(12)}${rates.requests.toFixed(0)} requests/s, ${rates.steps.toFixed(0)} steps/s, p50 ${ms(latencyOf(board, 0.5))} ms, p99 ${ms(latencyOf(board, 0.99))} ms, engine ${board.engine}`,
    `  ${'traffic'.padEnd(12)}${board.answered} answered, ${board.labelled} labelled, ${board.refused} refused, ${board.sessions} sessions, ${board.unsettled} unsettled`,
    ...modelLines(board, style),
    trialLine(trial, style),
    job === null ? `  ${'training'.padEnd(12)}${paint(style, 'dim', board.device === null ? 'idle' : `idle, on the ${board.device}`)}` : `  ${'training'.padEnd(12)}${job.stage.padEnd(11)} ${job.steps > 0 ? `${bar(job.step / job.steps, 20)} ${job.step}/${job.steps}  loss ${job.loss?.toFixed(3) ?? '–'}  accuracy ${percent(job.accuracy)}` : ''}`,
    ...board.decisions.slice(-4).map((d) => `  ${paint(style, ['promoted', 'certified', 'kept'].includes(d.outcome) ? 'green' : 'yellow', d.outcome.padEnd(12))}cycle ${d.cycle}: ${d.reason}`),
  ];
  return lines.map((line) => clip(line, style.width));
}

/** Cuts a line at `width` visible characters; escape sequences have no width. */
export function clip(line: string, width: number): string {
  let seen = 0, at = 0;
  for (const part of line.split(/(\u001b\[\d+m)/)) {
    if (!part.startsWith('\u001b')) {
      if (seen + part.length > width) return `${line.slice(0, at + Math.max(0, width - seen - 1))}…${line.includes('\u001b') ? '\u001b[0m' : ''}`;
      seen += part.length;
    }
    at += part.length;
  }
  return line;
}
