/** `espalier eval MODEL --data FILE`: what a model gets right on data with labels. */
import { writeFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { chooseEngine } from '../adapters/engine/choose.ts';
import { EspalierError } from '../errors.ts';
import type { ReplayItem } from '../evidence/replay.ts';
import type { Model } from '../model/model.ts';
import { paddingOf } from '../model/pack-g4.ts';
import { engineChoiceOf, settingsOf } from './compose/settings.ts';
import type { SettingsOptions } from './compose/settings.ts';
import { itemsOfSessions, readingOf } from './data/example.ts';
import { checkFits, tokensOf } from './data/fits.ts';
import { judge } from './data/judge.ts';
import type { Judgement } from './data/judge.ts';
import { readData } from './data/read.ts';
import { readModel } from './model-file.ts';
import { out, talk } from './print.ts';
import { sessionsFor } from './train/split.ts';
import { piecesOf, stepsOfText } from './train/split-text.ts';
import { withSettings } from './with-settings.ts';

interface Options extends SettingsOptions { readonly data: string; readonly json?: string; readonly precision: 'fp32' | 'int8' }

const NAMES_MAX = 10;

/** What the model is to answer, and the labels that it does not know. Throws data-unreadable where model and data do not fit. */
function itemsFor(model: Model, file: string): { readonly items: readonly ReplayItem[]; readonly unknown: readonly string[] } {
  const refuse = (what: string): never => { throw new EspalierError('data-unreadable', `${file}: ${what}`); };
  const data = readData(file), reading = readingOf(model);
  checkFits(model, data, file);
  if (data.kind === 'text') {
    const items = itemsOfSessions(reading, piecesOf(stepsOfText(data.text, tokensOf(model))));
    return items.length === 0 ? refuse('there is nothing to foretell in it.') : { items, unknown: [] };
  }
  const items = itemsOfSessions(reading, sessionsFor(data.examples, model.shape.state));
  if (data.task === 'regress') return { items, unknown: [] };
  const known = new Set(model.labels);
  if (items.every(({ targets }) => targets!.every((target) => target < 0))) refuse(`no label is one of the model's: it knows ${model.labels.slice(0, NAMES_MAX).join(', ')}.`);
  return { items, unknown: [...new Set(data.examples.flatMap(({ answer }) => answer as readonly string[]))].filter((label) => !known.has(label)).sort() };
}

/** The same in int8, beside what fp32 gets right. Throws shape-unsupported, engine-unavailable. */
async function evaluateInt8(model: Model, items: readonly ReplayItem[], beside: Judgement, errorMax: number): Promise<object> {
  const { engine, reason } = await chooseEngine({ kind: 'native', precision: 'int8-g4' });
  out('\nin int8');
  talk(`engine     ${engine.name}: ${reason}`);
  await engine.enlist(model);
  const judgement = await judge(engine, model, items, errorMax), padding = paddingOf(model.shape, model.mask);
  out(`against    ${(100 * (judgement.accuracy - beside.accuracy)).toFixed(2)} points of accuracy against fp32; ${(100 * padding.dead).toFixed(1)} % of the weights stored in groups of four are dead`);
  return { engine: engine.name, padding, ...judgement };
}

/** Throws data-unreadable, the artifact errors, the engine's errors. */
async function evaluate(file: string, { data, json, precision, ...options }: Options): Promise<void> {
  const { settings } = settingsOf(options);
  const { model } = readModel(file, settings.vault.artifactBytesMax);
  const { items, unknown } = itemsFor(model, data);
  if (unknown.length > 0) talk(`${unknown.length} labels are unknown to the model: ${unknown.slice(0, NAMES_MAX).join(', ')}${unknown.length > NAMES_MAX ? ', …' : ''}`);
  const { engine, reason } = await chooseEngine(engineChoiceOf(settings));
  talk(`engine     ${engine.name}: ${reason}`);
  await engine.enlist(model);
  out(`model      ${model.id.slice(0, 12)}, density ${model.lineage.density.toFixed(4)}`);
  const judgement = await judge(engine, model, items, settings.serving.errorMax);
  const int8 = precision === 'int8' ? { int8: await evaluateInt8(model, items, judgement, settings.serving.errorMax) } : {};
  if (json !== undefined) await writeFile(json, `${JSON.stringify({ model: model.id, data, engine: engine.name, unknownLabels: unknown, ...judgement, ...int8 }, null, 2)}\n`);
}

export function evalCommand(): Command {
  return withSettings(new Command('eval')
    .description('accuracy, loss and confusions of a model on data with labels (of a language model: bits per token; of a regression: errors), and how fast it runs')
    .argument('<model>', 'model file')
    .requiredOption('--data <file>', 'CSV, JSON lines or plain text, as for train')
    .addOption(new Option('--precision <precision>', 'int8: also by the engine in 8 bits, groups of four, beside fp32').choices(['fp32', 'int8']).default('fp32'))
    .option('--json <file>', 'write the figures to a file')
    .addHelpText('after', '\nExamples:\n  espalier eval intents.espalier --data more.csv --json eval.json\n  espalier eval book.espalier --data another-book.txt'))
    .action(evaluate);
}
