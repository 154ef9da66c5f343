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
import { evaluateItems } from './data/evaluate.ts';
import type { Evaluation } from './data/evaluate.ts';
import { itemsOf } from './data/items.ts';
import { readData } from './data/read.ts';
import { sayEvaluation } from './data/say.ts';
import { readModel } from './model-file.ts';
import { out, talk } from './print.ts';
import { sessionsOfLines } from './train/split.ts';
import { withSettings } from './with-settings.ts';

interface Options extends SettingsOptions { readonly data: string; readonly json?: string; readonly precision: 'fp32' | 'int8' }

const NAMES_MAX = 10;

/** The same in int8, beside what fp32 gets right. Throws shape-unsupported, engine-unavailable. */
async function evaluateInt8(model: Model, items: readonly ReplayItem[], beside: Evaluation): Promise<object> {
  const { engine, reason } = await chooseEngine({ kind: 'native', precision: 'int8-g4' });
  talk(`engine     ${engine.name}: ${reason}`);
  await engine.enlist(model);
  const evaluation = await evaluateItems(engine, model, items), padding = paddingOf(model.shape, model.mask);
  out(`\nin int8    ${(100 * evaluation.accuracy).toFixed(2)} %: ${evaluation.right} of ${evaluation.answers} right (${evaluation.right - beside.right} against fp32); ${Math.round(evaluation.laneStepsPerSecond)} lane-steps/s, one thread`);
  out(`           ${(100 * padding.dead).toFixed(1)} % of the weights stored in groups of four are dead`);
  return { engine: engine.name, padding, ...evaluation };
}

/** Throws data-unreadable, the artifact errors, the engine's errors, and data-unreadable where no label is the model's. */
async function evaluate(file: string, { data, json, precision, ...options }: Options): Promise<void> {
  const { settings } = settingsOf(options);
  const { model } = readModel(file, settings.vault.artifactBytesMax);
  const { task, lines } = readData(data);
  if (task !== model.shape.task) throw new EspalierError('data-unreadable', `${data} is data for the task ${task}, and ${file} is a model for ${model.shape.task}.`);
  const known = new Set(model.labels);
  const unknown = [...new Set(lines.flatMap(({ sequence }) => sequence.tags))].filter((label) => !known.has(label)).sort();
  const items = itemsOf(model, sessionsOfLines(lines, model.shape.state), true);
  if (items.every(({ targets }) => targets!.every((target) => target < 0))) throw new EspalierError('data-unreadable', `No label of ${data} is one of the model's: it knows ${model.labels.slice(0, NAMES_MAX).join(', ')}.`);
  if (unknown.length > 0) talk(`${unknown.length} labels are unknown to the model: ${unknown.slice(0, NAMES_MAX).join(', ')}${unknown.length > NAMES_MAX ? ', …' : ''}`);
  const { engine, reason } = await chooseEngine(engineChoiceOf(settings));
  talk(`engine     ${engine.name}: ${reason}`);
  await engine.enlist(model);
  const evaluation = await evaluateItems(engine, model, items);
  out(`model      ${model.id.slice(0, 12)}, density ${model.lineage.density.toFixed(4)}`);
  sayEvaluation(evaluation);
  const int8 = precision === 'int8' ? { int8: await evaluateInt8(model, items, evaluation) } : {};
  if (json !== undefined) await writeFile(json, `${JSON.stringify({ model: model.id, data, engine: engine.name, unknownLabels: unknown, ...evaluation, ...int8 }, null, 2)}\n`);
}

export function evalCommand(): Command {
  return withSettings(new Command('eval')
    .description('accuracy, loss and confusions of a model on data with labels, and how fast it runs')
    .argument('<model>', 'model file')
    .requiredOption('--data <file>', 'CSV or JSON lines, as for train')
    .addOption(new Option('--precision <precision>', 'int8: also by the engine in 8 bits, groups of four, beside fp32').choices(['fp32', 'int8']).default('fp32'))
    .option('--json <file>', 'write the figures to a file')
    .addHelpText('after', '\nExample:\n  espalier eval intents.espalier --data more.csv --json eval.json'))
    .action(evaluate);
}
