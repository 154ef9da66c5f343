/** The progress of a pruning: a line for each attempt, and where a person looks on one that changes meanwhile. */
import type { TuningNews } from '../../pruning/job.ts';
import { talk } from '../print.ts';
import type { Verdict } from './search.ts';
import type { Made } from './workshop.ts';

const CLEAR = '\r\u001b[K';
const WHAT = { unit: 'of the units', connection: 'of the connections', g4: 'of the groups of four' } as const;

export interface Shown {
  readonly news: (attempt: number, news: TuningNews) => void;
  readonly verdict: (verdict: Verdict<Made>) => void;
  readonly end: () => void;
}

export function showAttempts(stream: NodeJS.WriteStream): Shown {
  const live = stream.isTTY === true && process.env['TERM'] !== 'dumb';
  const clear = (): void => { if (live) stream.write(CLEAR); };
  let verdicts = 0;
  return {
    news: (attempt, news) => {
      if (!live || (news.kind !== 'progress' && news.kind !== 'stage')) return;
      stream.write(`${CLEAR}attempt ${attempt}    ${news.kind === 'stage' ? `${news.stage}: done in ${(news.ms / 1000).toFixed(1)} s` : `step ${news.step} of ${news.steps}, loss ${news.loss.toFixed(3)}, ${Math.round(news.tokensPerSecond)} tokens/s`}`);
    },
    verdict: ({ take, attempt, accepted, why }) => {
      clear();
      const made = attempt === null ? '' : `: ${attempt.report.layers!.join(' + ')} units, density ${attempt.density.toFixed(3)}, ${attempt.times.toFixed(2)}x the speed, in ${attempt.seconds.toFixed(1)} s`;
      talk(`attempt ${String(++verdicts).padEnd(3)} keep ${take.share.toFixed(3)} ${WHAT[take.kind]}${made}; ${accepted ? 'accepted' : 'refused'}: ${why}`);
    },
    end: clear,
  };
}
