/** The front door: parses the command line, prints errors with their remedies, sets the exit code. */
import { Command, CommanderError } from 'commander';
import { benchCommand } from './cli/bench.ts';
import { configCommand } from './cli/config.ts';
import { demoCommand } from './cli/demo.ts';
import { doctorCommand } from './cli/doctor.ts';
import { errorsCommand } from './cli/errors.ts';
import { evalCommand } from './cli/eval.ts';
import { explain } from './cli/explain.ts';
import { inspectCommand } from './cli/inspect.ts';
import { pruneCommand } from './cli/prune.ts';
import { serveCommand } from './cli/serve.ts';
import { simulateCommand } from './cli/simulate.ts';
import { steerCommand } from './cli/steer.ts';
import { trainCommand } from './cli/train.ts';
import { tuneCommand } from './cli/tune.ts';

const EXAMPLES = `Examples:
  espalier demo                          serve live traffic, prune the model behind it, swap the smaller one in
  espalier demo --minutes 4 --json FILE  the same within four minutes, with the figures in a file
  espalier train --data FILE --out FILE  a dense model from your own data, to start from
  espalier eval MODEL --data FILE        how good a model is on data with labels
  espalier prune MODEL --data FILE --out FILE  the fastest model that loses half a point
  espalier steer --first MODEL           decide over Kafka; with it serve (many) and tune (one a machine)
  espalier bench prune --data DIR        accuracy by criterion and density
  espalier inspect FILE                  what a model file holds
  espalier simulate --seeds 100          the whole system in virtual time, under faults drawn from seeds
  espalier doctor                        what is there, what is missing, and how to get it
  espalier config sample > FILE          a complete configuration to start from
`;

export function buildProgram(): Command {
  const program = new Command('espalier')
    .description('Trains and prunes a recurrent network while it serves.')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 usage, 3 gate refused, 4 not enough evidence, 5 not reachable, 6 resources.\nNext: `espalier COMMAND --help`, or `espalier doctor` where something does not work.');
  for (const command of [demoCommand(), trainCommand(), evalCommand(), pruneCommand(), serveCommand(), steerCommand(), tuneCommand(), benchCommand(), inspectCommand(), simulateCommand(), doctorCommand(), configCommand(), errorsCommand()]) program.addCommand(command);
  settle(program);
  return program;
}

/** Errors of usage are thrown and not printed by the parser: `explain` says them all in one form. */
function settle(command: Command): void {
  command.exitOverride().configureOutput({ outputError: () => undefined });
  command.commands.forEach(settle);
}

/** Whether the command named by argv has a flag --json (and not an option --json FILE), and it is given. */
function wantsJson(program: Command, argv: readonly string[]): boolean {
  let command: Command = program;
  for (const word of argv) command = command.commands.find((child) => child.name() === word) ?? command;
  return argv.includes('--json') && command.options.some((option) => option.long === '--json' && !option.required && !option.optional);
}

/** Runs one command line, without the program's own name. Sets process.exitCode; never rejects. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = buildProgram();
  const fail = (error: unknown): void => { process.exitCode = explain(error, wantsJson(program, argv)); };
  // A reader that has seen enough (`espalier errors | head`) is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => { if (error.code === 'EPIPE') process.exit(0); });
  process.on('uncaughtException', (error) => { fail(error); process.exit(); });
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    if (error instanceof CommanderError && error.code === 'commander.help') process.exitCode = 2;
    else fail(error);
  }
}
