/** An evaluation for people. */
import { out, table } from '../print.ts';
import type { Evaluation } from './evaluate.ts';
import type { NumberEvaluation } from './evaluate-numbers.ts';

const WORST = 10;
const percent = (share: number | null): string => (share === null ? '-' : `${(100 * share).toFixed(2)} %`);

const speedOf = (laneStepsPerSecond: number): string => `speed      ${Math.round(laneStepsPerSecond)} lane-steps/s, one thread`;

/** Prints accuracy and loss, the worst labels, and what they are taken for. */
export function sayEvaluation(evaluation: Evaluation): void {
  const { items, answers, right, accuracy, loss, unknown, labels, confusions, laneStepsPerSecond } = evaluation;
  out(`accuracy   ${percent(accuracy)}: ${right} of ${answers} right, in ${items} sequences`);
  out(`loss       ${loss === null ? 'none: no label is known to the model' : `${loss.toFixed(4)} nats`}`);
  if (unknown > 0) out(`unknown    ${unknown} of the labels wanted are unknown to the model; they count as wrong`);
  out(speedOf(laneStepsPerSecond));
  out(`\nworst labels (${Math.min(WORST, labels.length)} of ${labels.length}, by F1)`);
  out(table(['label', 'wanted', 'precision', 'recall', 'F1'], labels.slice(0, WORST).map(({ label, support, precision, recall, f1 }) => [label, String(support), percent(precision), percent(recall), percent(f1)])));
  if (confusions.length === 0) return;
  out('\nmost often confused');
  out(table(['wanted', 'answered', 'times'], confusions.slice(0, WORST).map(({ label, as, count }) => [label, as, String(count)])));
}

/** Prints how well a language model foretells. */
export function sayTokens({ items, answers, right, accuracy, bitsPerToken, perplexity, laneStepsPerSecond }: Evaluation & { readonly bitsPerToken: number | null; readonly perplexity: number | null }, unit: string): void {
  out(`entropy    ${bitsPerToken === null ? 'none' : `${bitsPerToken.toFixed(4)} bits per ${unit}, perplexity ${perplexity!.toFixed(3)}`}`);
  out(`accuracy   ${percent(accuracy)}: ${right} of ${answers} foretold, in ${items} pieces`);
  out(speedOf(laneStepsPerSecond));
}

/** Prints how far numbers are off. */
export function sayNumbers({ items, meanAbsoluteError, rootMeanSquareError, r2, accuracy, errorMax, laneStepsPerSecond }: NumberEvaluation): void {
  out(`error      ${meanAbsoluteError.toPrecision(4)} in the mean, ${rootMeanSquareError.toPrecision(4)} root mean square, in ${items} sequences`);
  out(`R²         ${r2 === null ? 'none: the numbers do not differ' : r2.toFixed(4)}`);
  out(`accuracy   ${percent(accuracy)} within ${errorMax} (serving.errorMax)`);
  out(speedOf(laneStepsPerSecond));
}
