/** `espalier train`: a dense model from one's own file, for those who start from nothing. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { between } from './between.ts';
import { interruptible } from './interruptible.ts';
import { settingsOf } from './compose/settings.ts';
import type { SettingsOptions } from './compose/settings.ts';
import type { Cell } from '../model/shape.ts';
import { GATES } from '../model/shape.ts';
import { EspalierError } from '../errors.ts';
import { runTrain } from './train/run.ts';
import type { Tokens } from './train/split-text.ts';
import { withSettings } from './with-settings.ts';

interface Options extends SettingsOptions {
  readonly data: string;
  readonly out: string;
  readonly cell: Cell;
  readonly units?: number;
  readonly layers?: readonly number[];
  readonly bidirectional?: boolean;
  readonly tokens?: Tokens;
  readonly inputs?: number;
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
  espalier train --data book.txt --out book.espalier --cell gru        a language model, character by character
  espalier train --data digits.jsonl --out digits.espalier --layers 128,64 --bidirectional   frames of numbers
  espalier train --data book.txt --out words.espalier --tokens words   word by word
  espalier train --data my.jsonl --out my.espalier --json report.json  the figures in a file

Data, by the end of the name:
  .csv   a header that names the columns text and label (quoting as in RFC 4180);
  .txt   running text, for a model that foretells the next character (or word);
         its last tenth is the test part, a tenth of the rest, before it, the validation part;
  else   JSON lines: {"text":"…"}, {"words":[…]} or {"frames":[[…],…]} (numbers of each step),
         with "label":"…" (one for all), "tags":[…] (one a step) or "values":[…] (numbers to be answered).
Numbers are taken as they are, in frames and in values: scale them to about -1 to 1 yourself, and scale what is served
alike. A value counts as right within serving.errorMax (--set serving.errorMax=0.05).
Lines are split by seed: a tenth is the test part, judged once at the end; a tenth of the rest is the validation part,
by which training stops. Equal sequences never stand on both sides of the test part. Ctrl-C ends with the best model so far.`;

const UNITS = 128, UNITS_MAX = 4096, LAYERS_MAX = 16;

/** `128,64` as the units of two layers. */
function layersOf(text: string): readonly number[] {
  const layers = text.split(',').map(Number);
  if (layers.length > LAYERS_MAX || !layers.every((units) => Number.isInteger(units) && units >= 1 && units <= UNITS_MAX)) throw new InvalidArgumentError(`Units of each layer, for example 128,64: 1 to ${LAYERS_MAX} whole numbers from 1 to ${UNITS_MAX}.`);
  return layers;
}

async function train({ data, out, cell, units, layers, bidirectional = false, tokens, inputs, epochs, seed, minutes, labelsMin, state, json, ...options }: Options): Promise<void> {
  if (units !== undefined && layers !== undefined) throw new EspalierError('usage', '--units is one layer of --layers; give one of them.');
  const { settings } = settingsOf(options);
  await interruptible((interrupted) => runTrain({ data, out, cell, layers: layers ?? [units ?? UNITS], bidirectional, tokens, inputs, epochs, seed, minutes, labelsMin, state, json, settings }, interrupted));
}

export function trainCommand(): Command {
  return withSettings(new Command('train')
    .description('train a dense model on your own file')
    .requiredOption('--data <file>', 'CSV, JSON lines or plain text')
    .requiredOption('--out <file>', 'where the model is written')
    .addOption(new Option('--cell <cell>', 'recurrent cell; gru resets after the product, gru-before before it').choices(Object.keys(GATES)).default('lstm'))
    .addOption(new Option('--units <n>', `hidden units of one layer (default: ${UNITS})`).argParser(between(1, UNITS_MAX, true)))
    .addOption(new Option('--layers <n,n,…>', 'hidden units of each layer of a stack').argParser(layersOf))
    .option('--bidirectional', 'read sequences with one answer in both directions')
    .addOption(new Option('--inputs <n>', 'width of the embedding (default: 100, of characters 32)').argParser(between(1, 4096, true)))
    .addOption(new Option('--tokens <kind>', 'steps of a running text (default: characters)').choices(['characters', 'words']))
    .addOption(new Option('--epochs <n>', 'times through the training part, at most').argParser(between(1, 100_000, true)).default(30))
    .addOption(new Option('--minutes <n>', 'bound on the training').argParser(between(0.01, 10_080, false)).default(10))
    .addOption(new Option('--seed <n>', 'seed of everything that is drawn').argParser(between(0, 2 ** 31, true)).default(1))
    .addOption(new Option('--labels-min <n>', 'labels seen less often in the training part are left out').argParser(between(1, 1e9, true)).default(1))
    .addOption(new Option('--state <mode>', 'carry: the state runs through ten lines that follow one another; reset: each line by itself (default: carry for tags, reset for sequences with one answer)').choices(['carry', 'reset']))
    .option('--json <file>', 'write the figures of the report to a file')
    .addHelpText('after', EXAMPLES))
    .action(train);
}
