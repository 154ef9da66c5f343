/** The report at the end: dense, dense trained on, and final model side by side, on the machine that ran them. */
import * as os from 'node:os';
import type { LoopState } from '../../loop/state.ts';
import type { Model } from '../../model/model.ts';
import { densityOfMask } from '../../model/mask.ts';
import { layerDensity } from '../../pruning/density.ts';
import type { Engine, EngineSequence } from '../../ports.ts';
import { compareThroughput } from '../bench/throughput.ts';
import type { Throughput } from '../bench/throughput.ts';
import type { Account } from './account.ts';
import type { GenreScores } from './held-out.ts';
import { shareOf } from '../data/score.ts';

export interface Measured {
  readonly model: Model;
  readonly scores: GenreScores;
  readonly throughput: Throughput;
  /** Bytes of the artifact (on disk) and of the engine's packed form (in memory). */
  readonly bytes: number;
  readonly memory: number;
}

export interface ReportInput {
  readonly corpus: string;
  readonly engine: string;
  readonly unigram: GenreScores | null;
  readonly dense: Measured;
  readonly continued: { readonly scores: GenreScores; readonly steps: number } | null;
  readonly final: Measured;
  readonly account: Account;
  readonly state: LoopState;
  /** Answers to the world, latency in milliseconds from arrival to published; null without answers. */
  readonly latency: { readonly p50: number | null; readonly p99: number | null };
  readonly seconds: number;
  readonly momentsCpuMs: number;
  /** CPU time of the serving process over the live traffic: line, log, loop, feed and moments; training is another process. */
  readonly servingCpuMs: number;
  readonly failures: readonly string[];
}

/** The same ragged batch for every model. Models take turns. */
export async function measureSpeed(engine: Engine, models: readonly Model[], sequences: readonly EngineSequence[]): Promise<readonly Throughput[]> {
  return compareThroughput(engine, models.map(({ id }) => id), sequences, { repeats: 5, secondsMin: 1.5 });
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

function modelJson({ model, scores, throughput, bytes, memory }: Measured): Record<string, unknown> {
  return {
    model: model.id, accuracy: round(shareOf(scores.all), 5), layers: model.shape.layers, density: round(densityOfMask(model.mask), 4),
    densities: model.mask.map((mask, at) => { const { inputs, state } = layerDensity(model.shape, mask, at); return { inputs: round(inputs, 4), state: round(state, 4) }; }),
    laneStepsPerSecond: Math.round(throughput.laneStepsPerSecond),
    laneStepsPerSecondWithoutOutput: throughput.laneStepsPerSecondWithoutOutput === null ? null : Math.round(throughput.laneStepsPerSecondWithoutOutput),
    batchP50Ms: round(throughput.p50Ms, 3), batchP99Ms: round(throughput.p99Ms, 3), bytes, memory,
    genres: Object.fromEntries(scores.genres.map(({ genre, score }) => [genre, round(shareOf(score), 5)])),
  };
}

/** What `--json` writes. */
export function reportJson(input: ReportInput): Record<string, unknown> {
  const { dense, final, continued, account, state, unigram } = input;
  const { promotions, refusals, failures, returns } = state.counts;
  return {
    machine: { cpu: os.cpus()[0]?.model ?? 'unknown', cores: os.cpus().length, memoryGiB: Math.round(os.totalmem() / 2 ** 30), node: process.version, engine: input.engine },
    corpus: input.corpus,
    unigram: unigram === null ? null : { accuracy: round(shareOf(unigram.all), 5) },
    dense: modelJson(dense),
    denseContinued: continued === null ? { accuracy: null, steps: 0 } : { accuracy: round(shareOf(continued.scores.all), 5), steps: continued.steps },
    final: modelJson(final),
    speedUp: round(final.throughput.laneStepsPerSecond / dense.throughput.laneStepsPerSecond, 2),
    latency: input.latency,
    requests: account,
    promotions, refusals, cycles: state.cycle, failures, returns,
    decisions: state.decisions, rested: state.rested,
    momentsCpuMs: round(input.momentsCpuMs, 1), servingCpuMs: round(input.servingCpuMs, 1),
    problems: input.failures,
    seconds: round(input.seconds, 1),
  };
}

const points = (value: number): string => (100 * value).toFixed(2).padStart(6);
const kilo = (value: number | null): string => (value === null ? '–' : `${(value / 1000).toFixed(0)}k`);
const mega = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`;

function accuracyTable({ unigram, dense, continued, final }: ReportInput): string[] {
  const head = ['', ...(unigram === null ? [] : ['unigram']), 'dense', ...(continued === null ? [] : ['dense trained on']), 'final'];
  const row = (name: string, of: (scores: GenreScores) => number): string[] =>
    [name, ...[unigram, dense.scores, continued?.scores ?? null, final.scores].filter((scores) => scores !== null).map((scores) => points(of(scores)))];
  const rows = [
    ...dense.scores.genres.map(({ genre }, i) => row(genre, (scores) => shareOf(scores.genres[i]!.score))),
    row('all', (scores) => shareOf(scores.all)),
  ];
  return table([head, ...rows]);
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  ')}`.trimEnd());
}

function modelTable({ dense, final }: ReportInput): string[] {
  const ratio = (a: number | null, b: number | null): string => (a === null || b === null ? '' : `${(b / a).toFixed(2)}x`);
  const of = (measured: Measured): string => { const { inputs, state } = layerDensity(measured.model.shape, measured.model.mask[0]!); return `${densityOfMask(measured.model.mask).toFixed(3)} (inputs ${inputs.toFixed(3)}, state ${state.toFixed(3)})`; };
  const units = ({ model }: Measured): string => model.shape.layers.join(' + ');
  return table([
    ['', 'dense', 'final', 'ratio'],
    ['units', units(dense), units(final), ''],
    ['density', of(dense), of(final), ''],
    ['lane-steps/s, output layer included', kilo(dense.throughput.laneStepsPerSecond), kilo(final.throughput.laneStepsPerSecond), ratio(dense.throughput.laneStepsPerSecond, final.throughput.laneStepsPerSecond)],
    ['lane-steps/s, output layer left out', kilo(dense.throughput.laneStepsPerSecondWithoutOutput), kilo(final.throughput.laneStepsPerSecondWithoutOutput), ratio(dense.throughput.laneStepsPerSecondWithoutOutput, final.throughput.laneStepsPerSecondWithoutOutput)],
    ['batch p50 / p99, ms', `${dense.throughput.p50Ms.toFixed(2)} / ${dense.throughput.p99Ms.toFixed(2)}`, `${final.throughput.p50Ms.toFixed(2)} / ${final.throughput.p99Ms.toFixed(2)}`, ''],
    ['on disk', mega(dense.bytes), mega(final.bytes), ratio(dense.bytes, final.bytes)],
    ['in memory, packed', mega(dense.memory), mega(final.memory), ratio(dense.memory, final.memory)],
  ]);
}

/** The report as lines of text. */
export function reportLines(input: ReportInput): readonly string[] {
  const { account, state, continued } = input;
  const { promotions, refusals, failures, returns } = state.counts;
  return [
    '', `Held-out accuracy, percent of the steps (${input.corpus}; sessions never served, never trained on)`, ...accuracyTable(input),
    ...(continued === null ? ['  (no dense rival: its training did not end)'] : [`  dense trained on: the same labels, ${continued.steps} steps, no pruning`]),
    '', `Speed and size (engine ${input.engine}, one core, the same ragged batch)`, ...modelTable(input),
    '', 'Decisions',
    ...state.decisions.map((d) => `  cycle ${d.cycle}  ${d.outcome.padEnd(19)} ${d.reason}${d.blocks > 0 ? `; ${d.blocks} sessions, difference to the anchor ${d.difference === null ? '–' : (-100 * d.difference).toFixed(2)} points, e ${d.certify.toPrecision(3)} of ${d.bar.toFixed(0)}` : ''}`),
    `  ${state.cycle} cycles, ${promotions} promotions, ${refusals} refusals, ${failures} failures, ${returns} rolled back in probation${state.rested === null ? '' : `; the loop rests: ${state.rested}`}`,
    '', 'Requests',
    `  ${account.sent} sent, ${account.answered} answered, ${account.refused} refused, ${account.lost} lost, ${account.doubled} doubled; latency p50 ${String(input.latency.p50 ?? '–')} ms, p99 ${String(input.latency.p99 ?? '–')} ms (bucket bounds)`,
    `  moments of the live traffic: ${(input.momentsCpuMs / 1000).toFixed(2)} s of CPU, ${(100 * input.momentsCpuMs / input.servingCpuMs).toFixed(1)} % of what the serving process took`,
    ...input.failures.map((failure) => `  problem: ${failure}`),
    '', `${input.seconds.toFixed(0)} s in all`,
  ];
}
