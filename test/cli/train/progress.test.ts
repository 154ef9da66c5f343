// Goal: each task is reported in its own measure. Method: one round of each, what is written to the terminal caught.
import { PassThrough } from 'node:stream';
import { afterEach, expect, it, vi } from 'vitest';
import { showRounds } from '../../../src/cli/train/progress.ts';
import type { Task } from '../../../src/model/shape.ts';

afterEach(() => { vi.restoreAllMocks(); });

it.each<readonly [Task, string, string]>([
  ['classify', 'characters', 'validation accuracy 50.0 %, loss 1.386'],
  ['tag', 'characters', 'validation accuracy 50.0 %, loss 1.386'],
  ['next', 'characters', 'validation loss 1.386, 2.000 bits per character, accuracy 50.0 %'],
  ['next', 'words', 'validation loss 1.386, perplexity 4.0, accuracy 50.0 %'],
  ['regress', 'characters', 'validation mean squared error 1.386, 50.0 % within serving.errorMax'],
])('a round of %s, %s', (task, tokens, what) => {
  const said: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => { said.push(String(text)); return true; });
  const shown = showRounds(new PassThrough() as unknown as NodeJS.WriteStream, task, tokens);
  shown.round({ round: 1, epochs: 3, learningRate: 0.004, accuracy: 0.5, loss: Math.log(4), steps: 10, seconds: 2, better: false });
  shown.end();
  expect(said.join('')).toMatch(/^round 1 /);
  expect(said.join('')).toContain(what);
  expect(said.join('')).toContain('(no better)');
});
