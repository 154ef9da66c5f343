/** What came of it: both models judged on the test part, their sizes and speeds, and the attempts as a table. */
import { gzipSync } from 'node:zlib';
import { sha256 } from '../../adapters/digest.ts';
import type { ReplayItem } from '../../evidence/replay.ts';
import { encodeArtifact } from '../../model/artifact.ts';
import type { Model } from '../../model/model.ts';
import { layerShapes } from '../../model/shape.ts';
import { layerDensity } from '../../pruning/density.ts';
import type { Engine } from '../../ports.ts';
import { evaluateItems, sequenceOf } from '../data/evaluate.ts';
import { evaluateNumbers } from '../data/evaluate-numbers.ts';
import { bytesText, table } from '../print.ts';
import { answersKnown } from './parts.ts';
import type { Verdict } from './search.ts';
import type { SpeedTable } from './speed.ts';
import type { Made } from './workshop.ts';

/** On the test part, which nothing was chosen by; null where it has no labels. */
export interface Judged { readonly accuracy: number; readonly loss: number | null; readonly answers: number }

/** Labels that the model does not know are left out: no pruning changes them. */
export async function judgedOn(engine: Engine, model: Model, items: readonly ReplayItem[], errorMax: number): Promise<Judged | null> {
  const { task } = model.shape, labelled = task === 'next' ? items : items.filter(answersKnown);
  if (labelled.length === 0) return null;
  if (task === 'regress') {
    const { accuracy, rootMeanSquareError, items: answers } = await evaluateNumbers(engine, model, labelled, errorMax);
    return { accuracy, loss: rootMeanSquareError ** 2, answers };
  }
  const { right, answers, unknown, loss } = await evaluateItems(engine, model, labelled);
  return { accuracy: right / Math.max(1, answers - unknown), loss, answers: answers - unknown };
}

const BATCH = 256;

/** Share of the answers that are the same: labels, or numbers within `errorMax` of one another. Both are enlisted. */
export async function agreementOn(engine: Engine, [a, b]: readonly [Model, Model], items: readonly ReplayItem[], errorMax: number): Promise<number> {
  let same = 0, all = 0;
  for (let from = 0; from < items.length; from += BATCH) {
    const sequences = items.slice(from, from + BATCH).map(sequenceOf);
    const [first, second] = [await engine.infer({ model: a.id, sequences, sample: null }), await engine.infer({ model: b.id, sequences, sample: null })];
    first.answers.forEach(({ labels, values }, at) => {
      const other = second.answers[at]!;
      if (values != null) {
        all++;
        if (values.every((value, i) => Math.abs(value - other.values![i]!) <= errorMax)) same++;
        return;
      }
      all += labels.length;
      labels.forEach((label, t) => { if (label === other.labels[t]) same++; });
    });
  }
  return all === 0 ? 1 : same / all;
}

export interface Sizes { readonly fileBytes: number; readonly gzipBytes: number }

export function sizesOf(model: Model): Sizes {
  const { bytes } = encodeArtifact(model, sha256);
  return { fileBytes: bytes.length, gzipBytes: gzipSync(bytes).length };
}

export interface Outcome {
  readonly original: Model;
  readonly result: Model;
  readonly made: Made;
  readonly labelled: boolean;
  readonly verdicts: readonly Verdict<Made>[];
  readonly why: string;
  readonly test: { readonly original: Judged | null; readonly result: Judged | null; readonly agreement: number; readonly sequences: number };
  readonly sizes: { readonly original: Sizes; readonly result: Sizes };
  readonly speeds: SpeedTable;
}

const points = (share: number): string => (100 * share).toFixed(2);
const KIND = { unit: 'units', connection: 'connections', g4: 'groups of four' } as const;
const thousands = (value: number): string => Math.round(value).toLocaleString('en-US');

/** The attempts as rows; JSON-safe. */
export const rowsOf = (verdicts: readonly Verdict<Made>[]) => verdicts.map(({ take: { kind, share }, attempt, accepted, why }, at) => ({
  attempt: at + 1, kind, share, accepted, why,
  ...(attempt === null ? {} : {
    units: attempt.report.layers!, density: attempt.density, lossPoints: attempt.loss, accuracy: attempt.report.accuracy, prunedAccuracy: attempt.report.prunedAccuracy, agreement: attempt.report.agreement,
    laneStepsPerSecond: attempt.laneStepsPerSecond, times: attempt.times, bytes: attempt.report.bytes, steps: attempt.report.steps, stepsPlanned: attempt.planned, seconds: attempt.seconds,
  }),
}));

export function attemptsTable(verdicts: readonly Verdict<Made>[]): string {
  return table(['', 'what goes', 'units', 'density', 'lost', 'speed', 'seconds', ''], verdicts.map(({ take, attempt, accepted, why }, at) => [
    String(at + 1), KIND[take.kind], attempt?.report.layers!.join('+') ?? '-', attempt?.density.toFixed(3) ?? '-', attempt === null ? '-' : `${attempt.loss.toFixed(2)}`,
    attempt === null ? '-' : `${attempt.times.toFixed(2)}x`, attempt?.seconds.toFixed(0) ?? '-', `${accepted ? 'accepted' : 'refused'}: ${why}${attempt !== null && attempt.report.steps < attempt.planned ? ` (time ended its training at ${attempt.report.steps} of ${attempt.planned} steps)` : ''}`,
  ]));
}

const judgedText = (judged: Judged | null): string => (judged === null ? 'no labels' : `accuracy ${points(judged.accuracy)} %${judged.loss === null ? '' : `, loss ${judged.loss.toFixed(4)}`}`);

/** Standard error of a share over so many answers, points. */
const errorOf = ({ accuracy, answers }: Judged): string => points(Math.sqrt(accuracy * (1 - accuracy) / Math.max(1, answers)));

export function reportLines({ original, result, made, verdicts, why, test, sizes, speeds }: Outcome): readonly string[] {
  const layers = layerShapes(result.shape).map((layer): string => {
    const { inputs, state } = layerDensity(result.shape, result.mask[layer.index]!, layer.index);
    return `layer ${String(layer.layer + 1).padEnd(5)}${layer.units} of ${original.shape.layers[layer.layer]!} units${layer.backward ? ' (backwards)' : ''}; ${points(inputs)} % of the connections from inputs alive, ${points(state)} % of those from the state`;
  });
  const memory = (name: string): string => bytesText(speeds.rows.find(({ model }) => model === name)!.memoryBytes);
  const sizeText = ({ fileBytes, gzipBytes }: Sizes, name: string): string => `${bytesText(fileBytes)} in the file, ${bytesText(gzipBytes)} gzipped, ${memory(name)} in memory`;
  return [
    attemptsTable(verdicts), '', `ended       ${why}`, `test part   ${test.sequences} sequences, by which nothing was chosen`,
    `  original  ${judgedText(test.original)}${test.original === null ? '' : `; standard error ${errorOf(test.original)} points`}`,
    `  result    ${judgedText(test.result)}; ${points(test.agreement)} % the same as the original's answers`,
    ...layers,
    `size        ${sizeText(sizes.result, 'result')}`, `  original  ${sizeText(sizes.original, 'original')}`,
    `costs       C(S) ${made.report.structuralCost.toPrecision(4)}, C(W) ${made.report.weightCost.toPrecision(4)}`,
    '', ...speedLines(speeds),
  ];
}

/** Speeds by CPU time, one thread, each in those of the first row too. */
export function speedLines({ rows, without }: SpeedTable): readonly string[] {
  const first = rows[0]!.laneStepsPerSecond;
  return [
    table(['engine', 'model', 'lane-steps/s', 'times', 'p50'], rows.map(({ engine, model, laneStepsPerSecond, p50Ms }) => [engine, model, thousands(laneStepsPerSecond), `${(laneStepsPerSecond / first).toFixed(2)}x`, `${p50Ms.toFixed(2)} ms`])),
    ...without.map((what) => `without     ${what}`),
  ];
}
