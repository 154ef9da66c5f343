/** Accuracy on the sessions that were never served and never trained on, by the engine that serves. */
import type { ReplayItem } from '../../evidence/replay.ts';
import type { Model } from '../../model/model.ts';
import type { Engine } from '../../ports.ts';
import { scoreItems } from '../data/score.ts';
import type { Score } from '../data/score.ts';

export interface GenreScores {
  /** In the order in which the genres are served. */
  readonly genres: readonly { readonly genre: string; readonly score: Score }[];
  readonly all: Score;
}

/** `scoreItems` for each genre and for all together. */
export async function scoreGenres(engine: Engine, model: Model, byGenre: ReadonlyMap<string, readonly ReplayItem[]>): Promise<GenreScores> {
  const genres: { genre: string; score: Score }[] = [];
  for (const [genre, items] of byGenre) genres.push({ genre, score: await scoreItems(engine, model, items) });
  const all = genres.reduce((sum, { score }) => ({ right: sum.right + score.right, steps: sum.steps + score.steps }), { right: 0, steps: 0 });
  return { genres, all };
}
