/** `espalier inspect FILE`: what a model file holds. */
import { Command } from 'commander';
import type { Model } from '../model/model.ts';
import { layerShapes } from '../model/shape.ts';
import { settingsOf } from './compose/settings.ts';
import type { SettingsOptions } from './compose/settings.ts';
import { readModel } from './model-file.ts';
import { bytesText, out } from './print.ts';
import { withSettings } from './with-settings.ts';

interface InspectOptions extends SettingsOptions { readonly json?: true }

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

export function inspectCommand(): Command {
  return withSettings(new Command('inspect')
    .description('what a model file holds: shape, density of each layer, size, lineage, labels')
    .argument('<file>', 'model file')
    .option('--json', 'as JSON'))
    .action((file: string, options: InspectOptions) => {
      const { vault } = settingsOf(options).settings;
      const { model, bytes } = readModel(file, vault.artifactBytesMax);
      if (options.json) out(JSON.stringify(inspection(model, bytes), null, 2));
      else out(lines(model, bytes).join('\n'));
    });
}
