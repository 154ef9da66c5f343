/** `espalier train`: a dense model from one's own file, for those who start from nothing. */
import { Command, Option } from 'commander';
import { between } from './between.ts';
import { settingsOf } from './compose/settings.ts';
import type { SettingsOptions } from './compose/settings.ts';
import { runTrain } from './train/run.ts';
import { withSettings } from './with-settings.ts';

interface Options extends SettingsOptions {
  readonly data: string;
  readonly out: string;
  readonly units: number;
  readonly inputs: number;
  readonly epochs: number;
  readonly seed: number;
  readonly minutes: number;
  readonly labelsMin: number;
  readonly state?: 'carry' | 'reset';
  readonly json?: string;
}

const EXAMPLES = `
Examples:
  espalier train --data intents.csv --out intents.espalier             texts with a label each
  espalier train --data tagged.jsonl --out tagger.espalier --units 256 a label for every word
  espalier train --data my.jsonl --out my.espalier --json report.json  the figures in a file

Data: CSV with a header that names the columns text and label (quoting as in RFC 4180), if the name ends with .csv;
else JSON lines, {"text":"…","label":"…"} or {"words":[…],"tags":[…]}. Split by seed: a tenth is the test part, judged
once at the end; a tenth of the rest is the validation part, by which training stops. Equal sequences never stand on
both sides of the test part. Ctrl-C ends with the best model so far.`;

async function train({ data, out, units, inputs, epochs, seed, minutes, labelsMin, state, json, ...options }: Options): Promise<void> {
  const { settings } = settingsOf(options);
  const interrupted = new AbortController();
  const interrupt = (): void => {
    if (interrupted.signal.aborted) process.exit(130);
    process.stderr.write('interrupted: ends with the best model so far; once more ends at once\n');
    interrupted.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  try {
    await runTrain({ data, out, units, inputs, epochs, seed, minutes, labelsMin, state, json, settings }, interrupted.signal);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

export function trainCommand(): Command {
  return withSettings(new Command('train')
    .description('train a dense model on your own file')
    .requiredOption('--data <file>', 'CSV or JSON lines')
    .requiredOption('--out <file>', 'where the model is written')
    .addOption(new Option('--units <n>', 'hidden units').argParser(between(1, 4096, true)).default(128))
    .addOption(new Option('--inputs <n>', 'width of the embedding').argParser(between(1, 4096, true)).default(100))
    .addOption(new Option('--epochs <n>', 'times through the training part, at most').argParser(between(1, 100_000, true)).default(30))
    .addOption(new Option('--minutes <n>', 'bound on the training').argParser(between(0.01, 10_080, false)).default(10))
    .addOption(new Option('--seed <n>', 'seed of everything that is drawn').argParser(between(0, 2 ** 31, true)).default(1))
    .addOption(new Option('--labels-min <n>', 'labels seen less often in the training part are left out').argParser(between(1, 1e9, true)).default(1))
    .addOption(new Option('--state <mode>', 'carry: the state runs through ten lines that follow one another; reset: each line by itself (default: carry for tagged words, reset for texts)').choices(['carry', 'reset']))
    .option('--json <file>', 'write the figures of the report to a file')
    .addHelpText('after', EXAMPLES))
    .action(train);
}
