// Goal: each task is reported in its own measure, and a long round is not silent. Method: rounds and news of each, what is written caught, time by hand.
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
  const shown = showRounds(new PassThrough() as unknown as NodeJS.WriteStream, { monotonicMs: () => 0 }, task, tokens);
  shown.round({ round: 1, epochs: 3, learningRate: 0.004, accuracy: 0.5, loss: Math.log(4), steps: 10, seconds: 2, better: false });
  shown.end();
  expect(said.join('')).toMatch(/^round 1 /);
  expect(said.join('')).toContain(what);
  expect(said.join('')).toContain('(no better)');
});

it('says a line of a long round every half minute where no person looks on', () => {
  const stream = new PassThrough();
  let now = 0;
  const shown = showRounds(stream as unknown as NodeJS.WriteStream, { monotonicMs: () => now }, 'next', 'characters');
  for (let step = 1; step <= 100; step++) {
    now += 1000;
    shown.news(2, { kind: 'progress', step, steps: 100, loss: Math.log(2), accuracy: 0.25, tokensPerSecond: 7 });
  }
  const lines = (stream.read() as Buffer).toString().trimEnd().split('\n');
  expect(lines.map((line) => /step (\d+)/.exec(line)![1])).toEqual(['30', '60', '90']);
  expect(lines[0]).toBe('round 2    step 30 of 100, loss 0.693, 1.000 bits per character, accuracy 25.0 % in training, 7 tokens/s');
});
