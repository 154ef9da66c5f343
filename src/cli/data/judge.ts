/** A model judged on items, whatever its task, for people and for files. */
import type { ReplayItem } from '../../evidence/replay.ts';
import type { Model } from '../../model/model.ts';
import type { Engine } from '../../ports.ts';
import { evaluateItems } from './evaluate.ts';
import type { Evaluation } from './evaluate.ts';
import { evaluateNumbers } from './evaluate-numbers.ts';
import type { NumberEvaluation } from './evaluate-numbers.ts';
import { sayEvaluation, sayNumbers, sayTokens } from './say.ts';

export type Judgement = Evaluation | NumberEvaluation | (Evaluation & { readonly bitsPerToken: number | null; readonly perplexity: number | null });

/** Evaluates and prints. The model is enlisted. Throws engine errors. */
export async function judge(engine: Engine, model: Model, items: readonly ReplayItem[], errorMax: number): Promise<Judgement> {
  if (model.shape.task === 'regress') {
    const numbers = await evaluateNumbers(engine, model, items, errorMax);
    sayNumbers(numbers);
    return numbers;
  }
  const evaluation = await evaluateItems(engine, model, items);
  if (model.shape.task !== 'next') {
    sayEvaluation(evaluation);
    return evaluation;
  }
  const { loss } = evaluation;
  const tokens = { ...evaluation, bitsPerToken: loss === null ? null : loss / Math.LN2, perplexity: loss === null ? null : Math.exp(loss) };
  sayTokens(tokens, model.tokenizer.kind === 'characters' ? 'character' : 'token');
  return tokens;
}
