/** An evaluation for people. */
import { out, table } from '../print.ts';
import type { Evaluation } from './evaluate.ts';

const WORST = 10;
const percent = (share: number | null): string => (share === null ? '-' : `${(100 * share).toFixed(2)} %`);

/** Prints accuracy and loss, the worst labels, and what they are taken for. */
export function sayEvaluation(evaluation: Evaluation): void {
  const { items, answers, right, accuracy, loss, unknown, labels, confusions, laneStepsPerSecond } = evaluation;
  out(`accuracy   ${percent(accuracy)}: ${right} of ${answers} right, in ${items} sequences`);
  out(`loss       ${loss === null ? 'none: no label is known to the model' : `${loss.toFixed(4)} nats`}`);
  if (unknown > 0) out(`unknown    ${unknown} of the labels wanted are unknown to the model; they count as wrong`);
  out(`speed      ${Math.round(laneStepsPerSecond)} lane-steps/s, one thread`);
  out(`\nworst labels (${Math.min(WORST, labels.length)} of ${labels.length}, by F1)`);
  out(table(['label', 'wanted', 'precision', 'recall', 'F1'], labels.slice(0, WORST).map(({ label, support, precision, recall, f1 }) => [label, String(support), percent(precision), percent(recall), percent(f1)])));
  if (confusions.length === 0) return;
  out('\nmost often confused');
  out(table(['wanted', 'answered', 'times'], confusions.slice(0, WORST).map(({ label, as, count }) => [label, as, String(count)])));
}
