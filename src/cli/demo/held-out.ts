/** Accuracy on the sessions that were never served and never trained on, by the engine that serves. */
import type { ReplayItem } from '../../evidence/replay.ts';
import type { Model } from '../../model/model.ts';
import type { Engine } from '../../ports.ts';

export interface Score { readonly right: number; readonly steps: number }

export const shareOf = (score: Score): number => (score.steps === 0 ? 0 : score.right / score.steps);

const BATCH = 256;

/** Right steps of a model on items, each run from a zero state (an item is a whole session where state is carried). */
export async function scoreItems(engine: Engine, model: Model, items: readonly ReplayItem[]): Promise<Score> {
  let right = 0, steps = 0;
  for (let at = 0; at < items.length; at += BATCH) {
    const batch = items.slice(at, at + BATCH);
    const { answers } = await engine.infer({ model: model.id, sequences: batch.map((item) => ({ inputs: item.inputs, h: null, c: null })), sample: null });
    answers.forEach((answer, i) => {
      answer.labels.forEach((label, t) => { if (label === batch[i]!.targets![t]) right++; });
      steps += answer.labels.length;
    });
  }
  return { right, steps };
}

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
