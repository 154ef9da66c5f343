/** First part: what the data are, the tagger to beat, and the dense model. */
import { EspalierError } from '../../errors.ts';
import type { Model } from '../../model/model.ts';
import type { ReplayItem } from '../../evidence/replay.ts';
import type { TuningNews } from '../../pruning/job.ts';
import { unigramTagger } from '../../traffic/corpus.ts';
import type { CorpusSession } from '../../traffic/corpus.ts';
import { bar } from '../../console/terminal.ts';
import { itemsOf } from '../data/items.ts';
import { shareOf } from '../data/score.ts';
import type { Score } from '../data/score.ts';
import type { DemoCorpus } from './corpus.ts';
import type { GenreScores } from './held-out.ts';
import { scoreGenres } from './held-out.ts';
import type { Stage } from './stage.ts';
import { trainDense } from './train.ts';

export interface Prepared {
  readonly dense: Model;
  /** The training data in the vault; every later job rehearses them. */
  readonly data: string;
  readonly denseScores: GenreScores;
  /** The most frequent tag of each word; null where sequences are classified. */
  readonly unigram: GenreScores | null;
  readonly heldOut: ReadonlyMap<string, readonly ReplayItem[]>;
}

const byGenre = (sessions: readonly CorpusSession[]): ReadonlyMap<string, readonly CorpusSession[]> => {
  const genres = new Map<string, CorpusSession[]>();
  for (const session of sessions) genres.set(session.genre, [...genres.get(session.genre) ?? [], session]);
  return genres;
};

function unigramScores(corpus: DemoCorpus): GenreScores {
  const tag = unigramTagger(corpus.training.flatMap((session) => session.sequences));
  const scoreOf = (sessions: readonly CorpusSession[]): Score => {
    let right = 0, steps = 0;
    for (const { words, tags } of sessions.flatMap((session) => session.sequences)) words.forEach((word, i) => { steps++; if (tag(word) === tags[i]) right++; });
    return { right, steps };
  };
  const genres = [...byGenre(corpus.heldOut)].map(([genre, sessions]) => ({ genre, score: scoreOf(sessions) }));
  return { genres, all: scoreOf(corpus.heldOut) };
}

function describe({ corpus, view, plan }: Stage): void {
  const count = (sessions: readonly CorpusSession[]): number => sessions.reduce((n, session) => n + session.sequences.length, 0);
  const genres = new Set(corpus.live.map((session) => session.genre)).size;
  view.note(`data       ${corpus.name}: ${corpus.labels.length} labels, ${corpus.tokenizer.words.length} known words`);
  view.note(`           ${count(corpus.training)} sequences to train on, ${count(corpus.live)} to serve (${corpus.live.length} sessions, ${genres} genre${genres === 1 ? '' : 's'}), ${count(corpus.heldOut)} held out`);
  view.note(`plan       ${plan.options.minutes} minutes: ${plan.trainSeconds.toFixed(0)} s of dense training, ${plan.liveSeconds.toFixed(0)} s of traffic at ${plan.requestsPerSecond.toFixed(0)} requests/s, ${plan.policy.goal === 'loss' ? `the fastest model within ${100 * plan.policy.margin} point` : `density ${plan.options.density} in ${plan.policy.cycles} cycles`}`);
}

/** Trains the dense model and measures it. Throws trainer and engine errors, data-unreadable where there is too little. */
export async function prepare(stage: Stage): Promise<Prepared> {
  const { corpus, view, engine } = stage;
  describe(stage);
  if (corpus.live.length < 100 || corpus.heldOut.length < 10 || corpus.labels.length < 2) throw new EspalierError('data-unreadable', 'Too little data to train, serve and judge.');
  stage.health.stage = 'training';
  let last: Extract<TuningNews, { kind: 'progress' }> | null = null;
  const started = stage.clock.monotonicMs();
  const progress = (): string => {
    const seconds = (stage.clock.monotonicMs() - started) / 1000;
    const share = Math.max(last === null ? 0 : last.step / last.steps, seconds / stage.plan.trainSeconds);
    return `training   ${bar(share, 30)} ${seconds.toFixed(0)} s${last === null ? '' : `  step ${last.step}  loss ${last.loss.toFixed(3)}  accuracy ${(100 * last.accuracy).toFixed(1)} %  ${Math.round(last.tokensPerSecond)} tokens/s`}`;
  };
  view.draw(() => [progress()]);
  const { model, candidate, data } = await trainDense(stage, corpus, stage.plan, (news) => { if (news.kind === 'progress') last = news; });
  view.draw(null);
  view.note(`trained    ${candidate.report.steps} steps in ${candidate.report.seconds.toFixed(0)} s, loss ${candidate.report.loss.toFixed(3)}, kernel and TensorFlow differ by ${candidate.report.parity.toExponential(1)}`);
  await engine.enlist(model);
  const heldOut = new Map([...byGenre(corpus.heldOut)].map(([genre, sessions]) => [genre, itemsOf(corpus, sessions, model.shape.state === 'carry')]));
  const denseScores = await scoreGenres(engine, model, heldOut);
  const unigram = corpus.task === 'tag' ? unigramScores(corpus) : null;
  const shown = (share: number): string => `${(100 * share).toFixed(2)} %`;
  view.note(`held out   dense LSTM ${shown(shareOf(denseScores.all))}${unigram === null ? '' : `, unigram tagger ${shown(shareOf(unigram.all))}: ${shareOf(denseScores.all) > shareOf(unigram.all) ? 'the LSTM is better' : 'THE LSTM IS NOT BETTER'}`}`);
  return { dense: model, data, denseScores, unigram, heldOut };
}
