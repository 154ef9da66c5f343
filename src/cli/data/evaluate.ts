/** What a model gets right on items, how sure it is, and what it takes for what: all by the engine that serves. */
import type { ReplayItem } from '../../evidence/replay.ts';
import type { Model } from '../../model/model.ts';
import { stepsOf } from '../../model/cell.ts';
import { stepwise } from '../../tuning/batches.ts';
import type { Engine, EngineAnswer, EngineSequence } from '../../ports.ts';
import { tokenNames } from './example.ts';

export interface LabelScore {
  readonly label: string;
  /** Answers that ought to be this label, that are it, and that ought to be and are. */
  readonly support: number;
  readonly predicted: number;
  readonly right: number;
  /** right / predicted and right / support; null where nothing is to be divided by. */
  readonly precision: number | null;
  readonly recall: number | null;
  /** Harmonic mean of both, 2 · right / (predicted + support); 0 where neither occurs. */
  readonly f1: number;
}

export interface Confusion { readonly label: string; readonly as: string; readonly count: number }

export interface Evaluation {
  readonly items: number;
  /** One a step for tag (next: but for the last), one an item for classify; those whose label the model does not know count as wrong. */
  readonly answers: number;
  readonly right: number;
  readonly accuracy: number;
  /** Mean cross-entropy in nats over the answers whose label the model knows; null where there is none. */
  readonly loss: number | null;
  /** Answers whose label the model does not know. */
  readonly unknown: number;
  /** Every label (next: token) of the model that occurs, the worst first. */
  readonly labels: readonly LabelScore[];
  /** What is most often taken for what, the most frequent first. */
  readonly confusions: readonly Confusion[];
  /** Steps of one sequence each, and how many a second of one engine thread; the output layer included. */
  readonly laneSteps: number;
  readonly laneStepsPerSecond: number;
}

const BATCH = 256;
const CONFUSIONS_MAX = 20;

/** −ln soft-max(h · W + b)[target], from the state that the engine answers with; the output layer reads the end of it. */
function crossEntropy({ weights, shape: { outputs } }: Model, h: Float32Array, target: number): number {
  const { output, outputBias } = weights;
  const from = h.length - output.length / outputs;
  const logits = Float64Array.from(outputBias);
  for (let unit = from; unit < h.length; unit++) {
    const value = h[unit]!, row = (unit - from) * outputs;
    for (let o = 0; o < outputs; o++) logits[o]! += value * output[row + o]!;
  }
  const top = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  return top + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - top), 0)) - logits[target]!;
}

/** The answers of whole sequences from a zero state. */
export const sequenceOf = ({ inputs }: ReplayItem): EngineSequence => ({ inputs, h: null, c: null });

/** What is to be answered: the labels of an item; next: the tokens that follow, one less than there are steps. */
const targetsOf = ({ shape }: Model, { inputs, targets }: ReplayItem): Int32Array => (shape.task === 'next' ? inputs.subarray(1) : targets!) as Int32Array;

interface Losses { sum: number; count: number }

const addLoss = (losses: Losses, model: Model, h: Float32Array, target: number): void => {
  if (target < 0) return;
  losses.sum += crossEntropy(model, h, target);
  losses.count++;
};

/** An engine answers with the state after the last step only, so a tagger walks once more, step by step. */
async function addStepLosses(losses: Losses, engine: Engine, model: Model, batch: readonly ReplayItem[]): Promise<void> {
  const numbers = model.shape.vocabulary > 0 ? 1 : model.shape.inputs;
  let walking = batch.map((item) => ({ item, targets: targetsOf(model, item), state: null as EngineAnswer | null })).filter(({ targets }) => targets.length > 0);
  for (let t = 0; walking.length > 0; t++) {
    const { answers } = await engine.infer({ model: model.id, sequences: walking.map(({ item, state }) => ({ inputs: item.inputs.subarray(t * numbers, (t + 1) * numbers), h: state?.h ?? null, c: state?.c ?? null })), sample: null });
    walking.forEach((walker, at) => {
      walker.state = answers[at]!;
      addLoss(losses, model, walker.state.h, walker.targets[t]!);
    });
    walking = walking.filter(({ targets }) => targets.length > t + 1);
  }
}

function scoresOf({ shape, tokenizer, labels: named }: Model, pairs: ReadonlyMap<string, number>): Pick<Evaluation, 'labels' | 'confusions'> {
  const labels = named.length > 0 ? named : Array.from({ length: shape.outputs }, (_, at) => tokenNames(tokenizer)[at] ?? `#${at}`);
  const support = labels.map(() => 0), predicted = labels.map(() => 0), right = labels.map(() => 0);
  const confusions: Confusion[] = [];
  for (const [pair, count] of pairs) {
    const [target, chosen] = pair.split(' ').map(Number) as [number, number];
    predicted[chosen]! += count;
    if (target < 0) continue;
    support[target]! += count;
    if (target === chosen) right[target]! += count;
    else confusions.push({ label: labels[target]!, as: labels[chosen]!, count });
  }
  const ratio = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
  const scores = labels.map((label, at): LabelScore => {
    const [s, p, r] = [support[at]!, predicted[at]!, right[at]!];
    return { label, support: s, predicted: p, right: r, precision: ratio(r, p), recall: ratio(r, s), f1: ratio(2 * r, p + s) ?? 0 };
  });
  return {
    labels: scores.filter((score) => score.support + score.predicted > 0).sort((a, b) => a.f1 - b.f1 || b.support - a.support),
    confusions: confusions.sort((a, b) => b.count - a.count || (a.label < b.label ? -1 : 1)).slice(0, CONFUSIONS_MAX),
  };
}

/**
 * For tag, classify and next. @param items with targets (next: without), −1 for a label that the model does not know; the
 * model is enlisted. Throws engine errors.
 */
export async function evaluateItems(engine: Engine, model: Model, items: readonly ReplayItem[]): Promise<Evaluation> {
  const pairs = new Map<string, number>();
  const losses: Losses = { sum: 0, count: 0 };
  let right = 0, answered = 0, unknown = 0, laneSteps = 0, kernelMs = 0;
  for (let at = 0; at < items.length; at += BATCH) {
    const batch = items.slice(at, at + BATCH);
    const result = await engine.infer({ model: model.id, sequences: batch.map(sequenceOf), sample: null });
    kernelMs += result.kernelMs;
    result.answers.forEach(({ labels, h }, i) => {
      const targets = targetsOf(model, batch[i]!);
      laneSteps += stepsOf(model.shape, batch[i]!.inputs);
      targets.forEach((target, t) => {
        const chosen = labels[t]!;
        answered++;
        if (target === chosen) right++;
        if (target < 0) unknown++;
        pairs.set(`${target} ${chosen}`, (pairs.get(`${target} ${chosen}`) ?? 0) + 1);
      });
      if (model.shape.task === 'classify') addLoss(losses, model, h, targets[0]!);
    });
    if (stepwise(model.shape)) await addStepLosses(losses, engine, model, batch);
  }
  return {
    items: items.length, answers: answered, right, accuracy: answered === 0 ? 0 : right / answered, loss: losses.count === 0 ? null : losses.sum / losses.count,
    unknown, ...scoresOf(model, pairs), laneSteps, laneStepsPerSecond: kernelMs === 0 ? 0 : 1000 * laneSteps / kernelMs,
  };
}
