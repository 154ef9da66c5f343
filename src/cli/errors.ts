/** `espalier errors`: the closed table, for people, for programs, and for the documentation. */
import { Command } from 'commander';
import { ERRORS } from '../errors.ts';
import type { ErrorEntry } from '../errors.ts';
import { EXIT_UNEXPECTED } from './explain.ts';
import { out, table } from './print.ts';

const ENTRIES: readonly (readonly [string, ErrorEntry])[] = Object.entries(ERRORS);

export function errorsCommand(): Command {
  return new Command('errors')
    .description('list every error code with its meaning, remedy and exit code')
    .option('--json', 'as JSON')
    .action(({ json }: { json?: true }) => {
      if (json) out(JSON.stringify(Object.fromEntries(ENTRIES), null, 2));
      else out(table(['code', 'exit', 'retry', 'meaning'], ENTRIES.map(([code, entry]) => [code, String(entry.exitCode), entry.retryable ? 'yes' : 'no', entry.message])));
    });
}

/** The reference of the errors, in Markdown. */
export function errorsPage(): string {
  const row = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [
    '# Errors',
    '',
    '<!-- made by `npm run generate` from src/errors.ts; do not edit -->',
    '',
    'Branch on the code, never on the text. `retryable`: the same call may succeed later without anyone doing anything.',
    `An error that is not in this table is a fault of espalier and ends with the exit code ${EXIT_UNEXPECTED}.`,
    '',
    row(['code', 'meaning', 'remedy', 'retryable', 'exit code']),
    '|---|---|---|---|---|',
    ...ENTRIES.map(([code, entry]) => row([`\`${code}\``, entry.message, entry.remedy, entry.retryable ? 'yes' : 'no', String(entry.exitCode)])),
    '',
  ].join('\n');
}
