/** `espalier demo`: the whole circle on real input, in one process plus the training process. */
import * as fs from 'node:fs';
import { Command, Option } from 'commander';
import { EspalierError } from '../errors.ts';
import { between } from './between.ts';
import { settingsOf } from './compose/settings.ts';
import type { SettingsOptions } from './compose/settings.ts';
import { runDemo } from './demo/run.ts';
import { startView } from './demo/view.ts';
import type { Goal } from '../loop/policy.ts';
import { withSettings } from './with-settings.ts';

interface Options extends SettingsOptions {
  readonly data?: string;
  readonly minutes: number;
  readonly seed: number;
  readonly units: number;
  readonly density: number;
  readonly goal: Extract<Goal, 'density' | 'loss'>;
  readonly keep: boolean;
  readonly json?: string;
  readonly folder?: string;
  readonly port?: number;
}

const EXAMPLES = `
Examples:
  espalier demo                                 eight minutes on the Brown corpus
  espalier demo --minutes 4 --units 64          a short one
  espalier demo --goal loss                     find the fastest model within a point by itself
  espalier demo --data my.jsonl --json out.json your own sequences, the figures in a file
  espalier demo --keep                          goes on serving; Ctrl-C ends it with the report

Your own data: JSON lines, {"words":[…],"tags":[…]} to tag every word, or {"text":"…","label":"…"} to classify;
an optional "genre" groups the report. The first 30 % train, the rest is served, one session in ten is held out.
Exit code 0 only if no request was lost and none answered twice.`;

async function demo(options: Options): Promise<void> {
  const { settings } = settingsOf(options, options.port === undefined ? {} : { 'console.port': options.port });
  if (options.json !== undefined && fs.existsSync(options.json) && fs.statSync(options.json).isDirectory()) throw new EspalierError('usage', `--json wants a file, and ${options.json} is a folder.`);
  const interrupted = new AbortController();
  const interrupt = (): void => {
    if (interrupted.signal.aborted) process.exit(130);
    process.stderr.write('interrupted: ends with the report; once more ends at once\n');
    interrupted.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  let plain: () => string | null = () => null;
  const view = startView(process.stdout, () => plain());
  try {
    const { data, minutes, seed, units, density, goal, keep, json, folder } = options;
    const clean = await runDemo({ data, minutes, seed, units, density, goal, keep, json, folder, settings, sayPlain: (line) => { plain = line; } }, view, interrupted.signal);
    if (!clean) process.exitCode = 1;
  } finally {
    view.stop();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

export function demoCommand(): Command {
  return withSettings(new Command('demo')
    .description('serve live traffic, prune the model behind it, prove the smaller one, swap it in, report')
    .option('--data <file>', 'your own sequences instead of the Brown corpus, JSON lines')
    .addOption(new Option('--minutes <n>', 'bound on the whole demonstration, set-up left out').argParser(between(2, 1440, false)).default(8))
    .addOption(new Option('--units <n>', 'hidden units of the dense model').argParser(between(8, 2048, true)).default(256))
    .addOption(new Option('--density <share>', 'share of the connections to come down to').argParser(between(0.01, 1, false)).default(0.1))
    .addOption(new Option('--goal <goal>', 'density: come down to it; loss: find the fastest model within one point, units first').choices(['density', 'loss']).default('density'))
    .addOption(new Option('--seed <n>', 'seed of everything that is drawn').argParser(between(0, 2 ** 31, true)).default(1))
    .option('--keep', 'go on serving until Ctrl-C', false)
    .option('--json <file>', 'write the figures of the report to a file')
    .option('--folder <dir>', 'keep log and vault here instead of in a temporary folder')
    .addOption(new Option('--port <n>', 'port of /metrics and /healthz; 0 takes any free one').argParser(between(0, 65_535, true)))
    .addHelpText('after', EXAMPLES))
    .action(demo);
}
