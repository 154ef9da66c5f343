/** `espalier inspect FILE`: what a model file holds, and how fast it runs. */
import { Command } from 'commander';
import { chooseEngine } from '../adapters/engine/choose.ts';
import { randomBatch } from '../adapters/engine/rates.ts';
import { sha256 } from '../adapters/digest.ts';
import type { Settings } from '../config/schema.ts';
import { encodeArtifact } from '../model/artifact.ts';
import { initialWeights } from '../model/initial.ts';
import { fullMask } from '../model/mask.ts';
import type { Model } from '../model/model.ts';
import { layerShapes } from '../model/shape.ts';
import { randomFrom } from '../support/random.ts';
import { engineChoiceOf, settingsOf } from './compose/settings.ts';
import type { SettingsOptions } from './compose/settings.ts';
import { readModel } from './model-file.ts';
import { bytesText, out } from './print.ts';
import { speedLines } from './prune/report.ts';
import { UNSEEN, speedTable } from './prune/speed.ts';
import type { SpeedTable } from './prune/speed.ts';
import { withSettings } from './with-settings.ts';

interface InspectOptions extends SettingsOptions { readonly json?: true; readonly bench?: true }

const shareAlive = (mask: Uint8Array): number => mask.reduce((sum, bit) => sum + bit, 0) / mask.length;

/** The facts of a model file, JSON-safe. */
export function inspection(model: Model, bytes: number): object {
  const { id, shape, mask, labels, lineage, tokenizer } = model;
  return {
    id, bytes, shape, lineage,
    layers: mask.map((layer, at) => {
      const { units, inputs, backward } = layerShapes(shape)[at]!;
      return {
        units, inputs, ...(backward ? { backward } : {}), connections: layer.length, density: shareAlive(layer),
        densityOfInputs: shareAlive(layer.subarray(0, inputs * units)), densityOfState: shareAlive(layer.subarray(inputs * units)),
      };
    }),
    vocabulary: { words: tokenizer.words.length, rows: shape.vocabulary, foldCase: tokenizer.foldCase, suffixes: tokenizer.suffixes.length },
    labels,
  };
}

function lines(model: Model, bytes: number): string[] {
  const { id, shape, mask, labels, lineage, tokenizer } = model;
  const named = labels.slice(0, 12).join(' ') + (labels.length > 12 ? ` … (${labels.length - 12} more)` : '');
  return [
    `model       ${id}`,
    `size        ${bytesText(bytes)}`,
    `shape       ${shape.cell} ${shape.inputs} inputs, ${shape.layers.join(' + ')} units, ${shape.outputs} labels; task ${shape.task}, state ${shape.state}${shape.bidirectional === true ? ', both directions' : ''}`,
    ...mask.map((layer, at) => `layer ${String(layerShapes(shape)[at]!.layer + 1).padEnd(6)}${layer.reduce((sum, bit) => sum + bit, 0)} of ${layer.length} connections alive${layerShapes(shape)[at]!.backward ? ' (backwards)' : ''}, density ${shareAlive(layer).toFixed(4)}`),
    `vocabulary  ${tokenizer.words.length} words, ${shape.vocabulary} rows`,
    `labels      ${named}`,
    `lineage     cycle ${lineage.cycle}, density ${lineage.density}, criterion ${lineage.criterion ?? 'none'}, seed ${lineage.seed}`,
    `parent      ${lineage.parent ?? 'none'}`,
    `anchor      ${lineage.anchor ?? 'itself'}`,
    `trained on  ${lineage.trainedOn}`,
  ];
}

/**
 * The model beside a dense one of its shape, on the same batch of random inputs, in turns; both on onnxruntime too, where
 * it is installed. Throws the engine's errors.
 */
async function bench(model: Model, settings: Settings): Promise<SpeedTable> {
  const draft = { ...model, weights: initialWeights(model.shape, randomFrom(1)), mask: fullMask(model.shape), lineage: { parent: null, anchor: null, cycle: 0, density: 1, criterion: null, seed: 1, trainedOn: 'nothing' } };
  const dense = { ...draft, id: encodeArtifact(draft, sha256).id };
  const { engine } = await chooseEngine({ ...engineChoiceOf(settings), cores: 1 });
  const named = [{ name: 'dense, of the same shape', model: dense }, { name: 'this model', model }];
  return speedTable(engine, named, named, randomBatch(model.shape, UNSEEN), false);
}

export function inspectCommand(): Command {
  return withSettings(new Command('inspect')
    .description('what a model file holds: shape, density of each layer, size, lineage, labels; and how fast it runs')
    .argument('<file>', 'model file')
    .option('--bench', 'measure its speed beside a dense model of the same shape, on one thread')
    .option('--json', 'as JSON'))
    .action(async (file: string, options: InspectOptions) => {
      const { settings } = settingsOf(options);
      const { model, bytes } = readModel(file, settings.vault.artifactBytesMax);
      const speeds = options.bench ? await bench(model, settings) : null;
      if (options.json) out(JSON.stringify({ ...inspection(model, bytes), ...(speeds === null ? {} : { speeds: speeds.rows, without: speeds.without }) }, null, 2));
      else out([...lines(model, bytes), ...(speeds === null ? [] : ['', ...speedLines(speeds)])].join('\n'));
    });
}
