/** Whether data are what a model reads and answers. */
import { EspalierError } from '../../errors.ts';
import type { Model } from '../../model/model.ts';
import type { Tokens } from '../train/split-text.ts';
import { readingOf } from './example.ts';
import type { OwnData } from './read.ts';

/** Throws data-unreadable where model and data do not fit. */
export function checkFits(model: Pick<Model, 'shape' | 'tokenizer' | 'labels'>, data: OwnData, file: string): void {
  const refuse = (what: string): never => { throw new EspalierError('data-unreadable', `${file}: ${what}`); };
  const { task, width, outputs } = readingOf(model);
  if (data.task !== task) refuse(`it is data for the task ${data.task}, and the model is for ${task}.`);
  if (width === 0 && model.tokenizer.kind === 'none') refuse('the model reads ids and no text.');
  if (data.kind === 'text') return;
  if (data.width !== width) refuse(data.width === 0 ? 'it has words, and the model reads frames.' : `its frames have ${data.width} numbers, and the model reads ${width === 0 ? 'words' : `frames of ${width}`}.`);
  if (data.task === 'regress' && data.outputs > 0 && data.outputs !== outputs) refuse(`it has ${data.outputs} values a line, and the model answers with ${outputs}.`);
}

/** What one step of a running text is to a model. */
export const tokensOf = ({ tokenizer }: Pick<Model, 'tokenizer'>): Tokens => (tokenizer.kind === 'characters' ? 'characters' : 'words');
