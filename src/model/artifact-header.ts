/** The JSON header of an artifact: what is allowed in it, and how it is read. */
import { EspalierError } from '../errors.ts';
import type { ContainerLimits } from '../support/container.ts';
import type { Refuse } from '../support/fields.ts';
import { booleanOf, choiceOf, distinctTextsOf, integerOf, listOf, numberOf, recordOf, textOf } from '../support/fields.ts';
import type { Lineage, Model } from './model.ts';
import type { ModelShape } from './shape.ts';
import { vocabularyOf } from './tokenize.ts';
import type { Tokenizer } from './tokenizer.ts';

export interface ArtifactLimits extends ContainerLimits {
  /** Rows of the embedding; also bounds the known words. */
  readonly vocabularyMax: number;
  /** Of each layer, and of the embedding's width. */
  readonly unitsMax: number;
  readonly outputsMax: number;
  /** Characters of a word, suffix or label name. */
  readonly wordCharactersMax: number;
}

export const ARTIFACT_LIMITS: ArtifactLimits = {
  bytesMax: 512 * 2 ** 20,
  headerBytesMax: 32 * 2 ** 20,
  tensorsMax: 64,
  vocabularyMax: 1_000_000,
  unitsMax: 8192,
  outputsMax: 1_000_000,
  wordCharactersMax: 4096,
};

export type Header = Pick<Model, 'shape' | 'tokenizer' | 'labels' | 'lineage'>;

/** The checked header. Calls `refuse`; throws artifact-too-large above a limit, shape-unsupported for a network this version has not. */
export function readHeader(value: unknown, limits: ArtifactLimits, refuse: Refuse): Header {
  const fields = recordOf(value, ['shape', 'tokenizer', 'labels', 'lineage'], 'the header', refuse);
  const shape = readShape(fields.shape, limits, refuse);
  const tokenizer = readTokenizer(fields.tokenizer, limits, refuse);
  if (vocabularyOf(tokenizer) > shape.vocabulary) refuse(`the tokenizer has ${vocabularyOf(tokenizer)} ids, the embedding ${shape.vocabulary} rows`);
  const labels = distinctTextsOf(fields.labels, limits.outputsMax, limits.wordCharactersMax, 'labels', refuse);
  if (labels.length !== shape.outputs) refuse(`there are ${labels.length} labels for ${shape.outputs} outputs`);
  return { shape, tokenizer, labels, lineage: readLineage(fields.lineage, limits, refuse) };
}

function readShape(value: unknown, limits: ArtifactLimits, refuse: Refuse): ModelShape {
  const fields = recordOf(value, ['cell', 'vocabulary', 'inputs', 'layers', 'task', 'outputs', 'state'], 'shape', refuse);
  const size = (field: unknown, max: number, where: string): number => {
    const given = integerOf(field, 1, Number.MAX_SAFE_INTEGER, `shape.${where}`, refuse);
    if (given > max) throw new EspalierError('artifact-too-large', `shape.${where} is ${given}, at most ${max} is allowed.`);
    return given;
  };
  const layers = listOf(fields.layers, 64, 'shape.layers', refuse).map((units) => size(units, limits.unitsMax, 'layers'));
  const cell = textOf(fields.cell, 100, 'shape.cell', refuse), task = textOf(fields.task, 100, 'shape.task', refuse);
  if (cell !== 'lstm') throw new EspalierError('shape-unsupported', `The cell is ${JSON.stringify(cell)}.`);
  if (task !== 'tag' && task !== 'classify') throw new EspalierError('shape-unsupported', `The task is ${JSON.stringify(task)}.`);
  if (layers.length !== 1) throw new EspalierError('shape-unsupported', `It has ${layers.length} layers.`);
  return {
    cell,
    vocabulary: size(fields.vocabulary, limits.vocabularyMax, 'vocabulary'),
    inputs: size(fields.inputs, limits.unitsMax, 'inputs'),
    layers,
    task,
    outputs: size(fields.outputs, limits.outputsMax, 'outputs'),
    state: choiceOf(fields.state, ['carry', 'reset'], 'shape.state', refuse),
  };
}

function readTokenizer(value: unknown, limits: ArtifactLimits, refuse: Refuse): Tokenizer {
  const fields = recordOf(value, ['kind', 'words', 'suffixes', 'foldCase'], 'tokenizer', refuse);
  return {
    kind: choiceOf(fields.kind, ['words'], 'tokenizer.kind', refuse),
    words: distinctTextsOf(fields.words, limits.vocabularyMax, limits.wordCharactersMax, 'tokenizer.words', refuse),
    suffixes: distinctTextsOf(fields.suffixes, 10_000, limits.wordCharactersMax, 'tokenizer.suffixes', refuse),
    foldCase: booleanOf(fields.foldCase, 'tokenizer.foldCase', refuse),
  };
}

function readLineage(value: unknown, limits: ArtifactLimits, refuse: Refuse): Lineage {
  const fields = recordOf(value, ['parent', 'anchor', 'cycle', 'density', 'criterion', 'seed', 'trainedOn'], 'lineage', refuse);
  const idOf = (field: unknown, where: string): string | null => {
    if (field === null) return null;
    const id = textOf(field, 64, where, refuse);
    return /^[0-9a-f]{64}$/.test(id) ? id : refuse(`${where} is not a SHA-256`);
  };
  return {
    parent: idOf(fields.parent, 'lineage.parent'),
    anchor: idOf(fields.anchor, 'lineage.anchor'),
    cycle: integerOf(fields.cycle, 0, Number.MAX_SAFE_INTEGER, 'lineage.cycle', refuse),
    density: numberOf(fields.density, 0, 1, 'lineage.density', refuse),
    criterion: fields.criterion === null ? null : textOf(fields.criterion, 100, 'lineage.criterion', refuse),
    seed: numberOf(fields.seed, -Number.MAX_VALUE, Number.MAX_VALUE, 'lineage.seed', refuse),
    trainedOn: textOf(fields.trainedOn, limits.wordCharactersMax, 'lineage.trainedOn', refuse),
  };
}
