/** `espalier prune MODEL --data FILE --out FILE`: the loop's own work offline, in one go. */
import { Command, Option } from 'commander';
import { EspalierError } from '../errors.ts';
import { CRITERIA } from '../pruning/criterion.ts';
import type { CriterionName } from '../pruning/job.ts';
import { between } from './between.ts';
import { interruptible } from './interruptible.ts';
import { settingsOf } from './compose/settings.ts';
import type { SettingsOptions } from './compose/settings.ts';
import type { Target } from './prune/run.ts';
import { runPrune } from './prune/run.ts';
import type { Kind } from '../pruning/schedule.ts';
import { withSettings } from './with-settings.ts';

interface Options extends SettingsOptions {
  readonly data: string;
  readonly out: string;
  readonly density?: number;
  readonly maxLoss?: number;
  readonly minSpeedup?: number;
  readonly granularity: Kind;
  readonly keepUnits?: true;
  readonly criterion?: CriterionName;
  readonly jobs: number;
  readonly epochs: number;
  readonly minutes: number;
  readonly seed?: number;
  readonly json?: string;
  readonly picture?: string;
}

const LOSS = 0.5;

const EXAMPLES = `
Examples:
  espalier prune intents.espalier --data intents.csv --out small.espalier                   as fast as 0.5 points allow
  espalier prune tagger.espalier --data raw.jsonl --out small.espalier --max-loss 1         lines without labels will do
  espalier prune book.espalier --data book.txt --out small.espalier --density 0.1 --picture masks.svg
  espalier prune digits.espalier --data digits.jsonl --out small.espalier --min-speedup 8 --granularity g4
  espalier prune intents.espalier --data intents.csv --out small.espalier --granularity unit --density 0.5

One of three targets; without any it is --max-loss ${LOSS}:
  --density     to this share of the connections (of the units, with --granularity unit), whatever it costs;
  --max-loss    the fastest model that loses so many points of accuracy at most on a held-out part; where the data have
                no labels, points of disagreement with the original. Units go first, by halves, then connections; a
                refused step is tried once more, smaller; every step starts from the last accepted one;
  --min-speedup the same with a budget that grows from 0.5 points on, until the measured speed is reached.
Speed is measured on the engine that serves, on the same batch, original and result in turns.

Data as for train; lines without a label, tags or values are taught by the original alone. They are split by seed as
train splits them, and the seed is the model's own: given the file that it was trained on, the test part is new to it.
Ctrl-C ends with the best model so far.`;

/** Throws usage where more than one target is given. */
function targetOf({ density, maxLoss, minSpeedup, jobs, keepUnits, granularity }: Options): Target {
  if ([density, maxLoss, minSpeedup].filter((given) => given !== undefined).length > 1) throw new EspalierError('usage', '--density, --max-loss and --min-speedup are three targets; give one of them.');
  if (keepUnits === true && (density !== undefined || granularity === 'unit')) throw new EspalierError('usage', '--keep-units is for a search for connections or g4.');
  if (density !== undefined) return { kind: 'density', density, jobs };
  return minSpeedup === undefined ? { kind: 'loss', points: maxLoss ?? LOSS } : { kind: 'speed', times: minSpeedup };
}

async function prune(model: string, options: Options): Promise<void> {
  const target = targetOf(options), { settings } = settingsOf(options);
  const { data, out, granularity, keepUnits = false, criterion, epochs, minutes, seed, json, picture } = options;
  await interruptible((interrupted) => runPrune({ model, data, out, target, granularity, keepUnits, criterion, epochs, minutes, seed, json, picture, settings }, interrupted));
}

export function pruneCommand(): Command {
  return withSettings(new Command('prune')
    .description('make a model smaller and faster on your own file, labelled or not')
    .argument('<model>', 'model file')
    .requiredOption('--data <file>', 'CSV, JSON lines or plain text, as for train; labels may be missing')
    .requiredOption('--out <file>', 'where the model is written')
    .addOption(new Option('--density <share>', 'share that is to be left').argParser(between(0.001, 0.999, false)))
    .addOption(new Option('--max-loss <points>', `points of accuracy that may be lost (default: ${LOSS})`).argParser(between(0, 100, false)))
    .addOption(new Option('--min-speedup <times>', 'wanted speed, in those of the original').argParser(between(1, 10_000, false)))
    .addOption(new Option('--granularity <what>', 'what goes: single connections, groups of four for the int8 engine, or whole units; a search takes units first').choices(['connection', 'g4', 'unit']).default('connection'))
    .option('--keep-units', 'a search takes connections only')
    .addOption(new Option('--criterion <name>', 'how the cost of a removal is estimated (default: loop.criterion)').choices(Object.keys(CRITERIA)))
    .addOption(new Option('--jobs <n>', 'with --density: jobs in which it is reached, by the cubic schedule').argParser(between(1, 100, true)).default(3))
    .addOption(new Option('--epochs <n>', 'times through the training part for each attempt').argParser(between(1, 100_000, true)).default(10))
    .addOption(new Option('--minutes <n>', 'bound on all attempts').argParser(between(0.01, 10_080, false)).default(10))
    .addOption(new Option('--seed <n>', 'seed of everything that is drawn (default: that of the model)').argParser(between(0, 2 ** 31, true)))
    .option('--json <file>', 'write the figures of the report to a file')
    .option('--picture <file>', 'draw the masks of the result, in SVG')
    .addHelpText('after', EXAMPLES))
    .action(prune);
}
