/** The progress of a training: a line for each round, and where a person looks on one that changes meanwhile. */
import { talk } from '../print.ts';
import type { Heard } from './rounds.ts';

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const CLEAR = '\r\u001b[K';

export function showRounds(stream: NodeJS.WriteStream): Heard & { readonly end: () => void } {
  const live = stream.isTTY === true && process.env['TERM'] !== 'dumb';
  const clear = (): void => { if (live) stream.write(CLEAR); };
  return {
    news: (round, news) => {
      if (live && news.kind === 'progress') stream.write(`${CLEAR}round ${round}    step ${news.step} of ${news.steps}, loss ${news.loss.toFixed(3)}, accuracy ${percent(news.accuracy)} in training, ${Math.round(news.tokensPerSecond)} tokens/s`);
    },
    round: ({ round, epochs, steps, seconds, accuracy, loss, learningRate, better }) => {
      clear();
      talk(`round ${String(round).padEnd(4)} ${epochs} epochs, ${steps} steps at ${learningRate} in ${seconds.toFixed(1)} s; validation accuracy ${percent(accuracy)}, loss ${loss.toFixed(3)}${better ? '' : ' (no better)'}`);
    },
    end: clear,
  };
}
