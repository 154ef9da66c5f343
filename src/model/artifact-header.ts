/** The JSON header of an artifact: what is allowed in it, and how it is read. */
import { EspalierError } from '../errors.ts';
import type { ContainerLimits } from '../support/container.ts';
import type { Refuse } from '../support/fields.ts';
import { booleanOf, choiceOf, distinctTextsOf, integerOf, listOf, numberOf, recordOf, textOf } from '../support/fields.ts';
import type { Lineage, Model } from './model.ts';
import { checkShape } from './cell.ts';
import type { ModelShape } from './shape.ts';
import { GATES, stateLengths } from './shape.ts';
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
  tensorsMax: 160,
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
  // Tokens and numbers need no names.
  const nameless = shape.task === 'next' || shape.task === 'regress';
  if (labels.length !== shape.outputs && !(nameless && labels.length === 0)) refuse(`there are ${labels.length} labels for ${shape.outputs} outputs`);
  return { shape, tokenizer, labels, lineage: readLineage(fields.lineage, shape, limits, refuse) };
}

const TASKS = ['tag', 'classify', 'next', 'regress'] as const;
const isCell = (cell: string): cell is ModelShape['cell'] => Object.hasOwn(GATES, cell);

function readShape(value: unknown, limits: ArtifactLimits, refuse: Refuse): ModelShape {
  // Only networks that read backwards too say so; files of all others are as they always were.
  const both = typeof value === 'object' && value !== null && Object.hasOwn(value, 'bidirectional');
  const fields: Readonly<Record<string, unknown>> = recordOf(value, ['cell', 'vocabulary', 'inputs', 'layers', 'task', 'outputs', 'state', ...(both ? ['bidirectional'] as const : [])], 'shape', refuse);
  const size = (field: unknown, max: number, where: string, min = 1): number => {
    const given = integerOf(field, min, Number.MAX_SAFE_INTEGER, `shape.${where}`, refuse);
    if (given > max) throw new EspalierError('artifact-too-large', `shape.${where} is ${given}, at most ${max} is allowed.`);
    return given;
  };
  const layers = listOf(fields.layers, 64, 'shape.layers', refuse).map((units) => size(units, limits.unitsMax, 'layers'));
  const cell = textOf(fields.cell, 100, 'shape.cell', refuse), task = textOf(fields.task, 100, 'shape.task', refuse);
  if (!isCell(cell)) throw new EspalierError('shape-unsupported', `The cell is ${JSON.stringify(cell)}.`);
  const known = TASKS.find((name) => name === task);
  if (known === undefined) throw new EspalierError('shape-unsupported', `The task is ${JSON.stringify(task)}.`);
  const shape: ModelShape = {
    cell,
    vocabulary: size(fields.vocabulary, limits.vocabularyMax, 'vocabulary', 0),
    inputs: size(fields.inputs, limits.unitsMax, 'inputs'),
    layers,
    task: known,
    outputs: size(fields.outputs, limits.outputsMax, 'outputs'),
    state: choiceOf(fields.state, ['carry', 'reset'], 'shape.state', refuse),
    ...(both && booleanOf(fields.bidirectional, 'shape.bidirectional', refuse) ? { bidirectional: true } : {}),
  };
  checkShape(shape);
  return shape;
}

function readTokenizer(value: unknown, limits: ArtifactLimits, refuse: Refuse): Tokenizer {
  const fields = recordOf(value, ['kind', 'words', 'suffixes', 'foldCase'], 'tokenizer', refuse);
  const tokenizer: Tokenizer = {
    kind: choiceOf(fields.kind, ['words', 'whitespace', 'characters', 'none'], 'tokenizer.kind', refuse),
    words: distinctTextsOf(fields.words, limits.vocabularyMax, limits.wordCharactersMax, 'tokenizer.words', refuse),
    suffixes: distinctTextsOf(fields.suffixes, 10_000, limits.wordCharactersMax, 'tokenizer.suffixes', refuse),
    foldCase: booleanOf(fields.foldCase, 'tokenizer.foldCase', refuse),
  };
  if (tokenizer.kind !== 'words' && tokenizer.suffixes.length > 0) refuse('only the tokenizer of words has suffixes');
  if (tokenizer.kind === 'none' && tokenizer.words.length > 0) refuse('no tokenizer knows no words');
  if (tokenizer.kind === 'characters' && tokenizer.words.some((word) => [...word].length !== 1)) refuse('a known character is not one character');
  return tokenizer;
}

/** Units of all layers of one network. */
const UNITS_MAX = 2 ** 20;

/** The unit of the parent that each unit was: as many as the network has, each once. */
function readOrigins(value: unknown, shape: ModelShape, refuse: Refuse): readonly number[] {
  const origins = listOf(value, UNITS_MAX, 'lineage.origins', refuse).map((unit) => integerOf(unit, 0, UNITS_MAX, 'lineage.origins', refuse));
  if (origins.length !== stateLengths(shape).h || new Set(origins).size !== origins.length) refuse('lineage.origins is not a map of the units');
  return origins;
}

function readLineage(value: unknown, shape: ModelShape, limits: ArtifactLimits, refuse: Refuse): Lineage {
  // Only models that lost or moved units say which they were.
  const moved = typeof value === 'object' && value !== null && Object.hasOwn(value, 'origins');
  const fields: Readonly<Record<string, unknown>> = recordOf(value, ['parent', 'anchor', 'cycle', 'density', 'criterion', 'seed', 'trainedOn', ...(moved ? ['origins'] as const : [])], 'lineage', refuse);
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
    ...(moved ? { origins: readOrigins(fields.origins, shape, refuse) } : {}),
  };
}
