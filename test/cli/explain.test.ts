// Goal: an error tells its code, cause and remedy, and gives the right exit code. Method: errors of each kind.
import { CommanderError } from 'commander';
import { expect, it } from 'vitest';
import { EXIT_UNEXPECTED, explanationOf } from '../../src/cli/explain.ts';
import { ERRORS, EspalierError } from '../../src/errors.ts';
import type { ErrorCode } from '../../src/errors.ts';

it.each(Object.keys(ERRORS) as ErrorCode[])('%s has a message, a remedy and an exit code of the list', (code) => {
  const { remedy, message, exitCode } = explanationOf(new EspalierError(code, 'here', new Error('root')));
  expect(message).toContain('here');
  expect(remedy.length).toBeGreaterThan(5);
  expect([1, 2, 3, 4, 5, 6]).toContain(exitCode);
});

it('follows the causes, and leaves out what the message says already', () => {
  const error = new EspalierError('storage-failed', 'EIO', new Error('EIO', { cause: new Error('the disk') }));
  expect(explanationOf(error).causes).toEqual(['the disk']);
});

it('takes an error of the parser as usage, and any other as a fault of the program', () => {
  expect(explanationOf(new CommanderError(1, 'commander.x', 'error: no\n(Did you mean yes?)'))).toMatchObject({ code: 'usage', message: 'no (Did you mean yes?)', exitCode: 2 });
  expect(explanationOf(new TypeError('x')).exitCode).toBe(EXIT_UNEXPECTED);
  expect(explanationOf('x').exitCode).toBe(EXIT_UNEXPECTED);
});
