/** From an error to what the reader sees: message, code and remedy, for people or as JSON, and the exit code. */
import { CommanderError } from 'commander';
import { ERRORS, EspalierError } from '../errors.ts';
import { paint, talk } from './print.ts';

/** Exit code of an error that is not in the table: a fault of the program (EX_SOFTWARE of sysexits.h). */
export const EXIT_UNEXPECTED = 70;

export interface Explanation {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly retryable: boolean;
  readonly exitCode: number;
  readonly causes: readonly string[];
}

function causesOf(error: Error): string[] {
  const causes: string[] = [];
  for (let cause = error.cause; cause instanceof Error && causes.length < 5; cause = cause.cause) causes.push(cause.message);
  return causes;
}

/** What is known of an error. */
export function explanationOf(error: unknown): Explanation {
  if (error instanceof EspalierError) {
    const { code, message, remedy, retryable, exitCode } = error;
    return { code, message, remedy, retryable, exitCode, causes: causesOf(error).filter((cause) => !message.includes(cause)) };
  }
  if (error instanceof CommanderError) {
    const message = error.message.replace(/^error: /, '').replace('\n', ' ');
    return { code: 'usage', message, remedy: ERRORS.usage.remedy, retryable: false, exitCode: ERRORS.usage.exitCode, causes: [] };
  }
  const known = error instanceof Error ? error : new Error(String(error));
  return {
    code: 'unexpected', message: known.message, remedy: 'This is a fault of espalier: run it again with ESPALIER_DEBUG=1 and report the output.',
    retryable: false, exitCode: EXIT_UNEXPECTED, causes: causesOf(known),
  };
}

/** Prints an error to stderr and answers with the exit code. */
export function explain(error: unknown, json: boolean): number {
  const explanation = explanationOf(error);
  const { code, message, remedy, exitCode, causes } = explanation;
  if (json) talk(JSON.stringify({ error: explanation }));
  else {
    talk(`${paint(process.stderr, 'red', 'error')} ${message} [${code}]`);
    for (const cause of causes) talk(`  because: ${cause}`);
    talk(`  remedy: ${remedy}`);
  }
  if (process.env['ESPALIER_DEBUG'] === '1' && error instanceof Error) talk(error.stack ?? '');
  return exitCode;
}
