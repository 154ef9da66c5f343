/** The progress of a training: a line for each round; meanwhile one that changes where a person looks on, else one now and then. */
import type { Task } from '../../model/shape.ts';
import type { Clock } from '../../ports.ts';
import { talk } from '../print.ts';
import type { Heard } from './rounds.ts';

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const CLEAR = '\r\u001b[K';
/** Milliseconds between two lines of a round in a file. */
const LINE_EVERY_MS = 30_000;

/** What a task is judged by: bits or perplexity of a language model, the error of numbers, the share of labels that are right. */
function judged(task: Task, tokens: string, accuracy: number, loss: number): string {
  if (task === 'regress') return `mean squared error ${loss.toPrecision(4)}, ${percent(accuracy)} within serving.errorMax`;
  if (task !== 'next') return `accuracy ${percent(accuracy)}, loss ${loss.toFixed(3)}`;
  const surprise = tokens === 'words' ? `perplexity ${Math.exp(loss).toFixed(1)}` : `${(loss / Math.LN2).toFixed(3)} bits per character`;
  return `loss ${loss.toFixed(3)}, ${surprise}, accuracy ${percent(accuracy)}`;
}

/** @param tokens of a running text: characters or words */
export function showRounds(stream: NodeJS.WriteStream, { monotonicMs }: Pick<Clock, 'monotonicMs'>, task: Task, tokens: string): Heard & { readonly end: () => void } {
  const live = stream.isTTY === true && process.env['TERM'] !== 'dumb';
  let saidAt = monotonicMs();
  const clear = (): void => { if (live) stream.write(CLEAR); };
  return {
    news: (round, news) => {
      if (news.kind !== 'progress' || (!live && monotonicMs() - saidAt < LINE_EVERY_MS)) return;
      saidAt = monotonicMs();
      stream.write(`${live ? CLEAR : ''}round ${String(round).padEnd(4)} step ${news.step} of ${news.steps}, ${judged(task, tokens, news.accuracy, news.loss)} in training, ${Math.round(news.tokensPerSecond)} tokens/s${live ? '' : '\n'}`);
    },
    round: ({ round, epochs, steps, seconds, accuracy, loss, learningRate, better }) => {
      clear();
      saidAt = monotonicMs();
      talk(`round ${String(round).padEnd(4)} ${epochs} epochs, ${steps} steps at ${learningRate} in ${seconds.toFixed(1)} s; validation ${judged(task, tokens, accuracy, loss)}${better ? '' : ' (no better)'}`);
    },
    end: clear,
  };
}
