/** From a file to a model file: split, train in rounds, judge on the test part, write. */
import * as fs from 'node:fs';
import { writeFile } from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { systemClock } from '../../adapters/clock/system.ts';
import { sha256 } from '../../adapters/digest.ts';
import { chooseEngine } from '../../adapters/engine/choose.ts';
import { writeAtomically } from '../../adapters/files/atomic.ts';
import { storageError } from '../../adapters/files/storage-error.ts';
import { childTrainer } from '../../adapters/trainer/child.ts';
import { filesVault } from '../../adapters/vault/files.ts';
import type { Settings } from '../../config/schema.ts';
import { EspalierError } from '../../errors.ts';
import { encodeArtifact } from '../../model/artifact.ts';
import type { Model, ModelDraft } from '../../model/model.ts';
import type { Cell, StateMode } from '../../model/shape.ts';
import { checkTarget } from '../check-target.ts';
import { Models } from '../compose/models.ts';
import { engineChoiceOf } from '../compose/settings.ts';
import { untrained } from '../data/dense.ts';
import type { OwnShape } from '../data/dense.ts';
import { judge } from '../data/judge.ts';
import { readData } from '../data/read.ts';
import type { OwnData } from '../data/read.ts';
import { bytesText, out, talk } from '../print.ts';
import { showRounds } from './progress.ts';
import type { Trained } from './rounds.ts';
import { trainInRounds } from './rounds.ts';
import { checkSize, scaleRemarks } from './fit-to-train.ts';
import type { Parts } from './split.ts';
import { splitExamples } from './split.ts';
import type { Tokens } from './split-text.ts';
import { splitRunningText } from './split-text.ts';

export interface TrainInput {
  readonly data: string;
  readonly out: string;
  readonly cell: Cell;
  /** Units of each layer, the first one first. */
  readonly layers: readonly number[];
  readonly bidirectional: boolean;
  /** Width of the embedding; undefined leaves it to the data. */
  readonly inputs: number | undefined;
  /** Of a running text. */
  readonly tokens: Tokens | undefined;
  readonly epochs: number;
  readonly seed: number;
  readonly minutes: number;
  readonly labelsMin: number;
  readonly state: StateMode | undefined;
  readonly json: string | undefined;
  readonly settings: Settings;
}

/** Trains in a process of its own, with a vault that is gone afterwards. */
async function trained(input: TrainInput, parts: Parts, draft: ModelDraft, interrupted: AbortSignal): Promise<{ readonly model: ModelDraft; readonly trained: Trained }> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'espalier-train-'));
  const vault = filesVault(folder);
  const { engine: { kind }, trainer: { threads, priority } } = input.settings;
  const trainer = childTrainer({ setup: { vault: folder, engine: { kind, variant: engineChoiceOf(input.settings).variant ?? null } }, threads, priority });
  const stop = (): void => { void trainer.close(); };
  interrupted.addEventListener('abort', stop);
  const clock = systemClock(), shown = showRounds(process.stderr, clock, draft.shape.task, input.tokens ?? 'characters');
  try {
    const plan = { epochs: input.epochs, secondsMax: 60 * input.minutes, seed: input.seed, validationShare: parts.validationShare, errorMax: input.settings.serving.errorMax };
    const done = await trainInRounds({ trainer, vault, clock }, draft, parts.fit, plan, shown, interrupted);
    return { model: await new Models(vault).load(done.best), trained: done };
  } finally {
    interrupted.removeEventListener('abort', stop);
    shown.end();
    await trainer.close();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

const INPUTS = 100, INPUTS_CHARACTERS = 32;

/** What the data and the options make of the network. Throws usage where they do not go together. */
function shapeFor(data: OwnData, { state: given, cell, layers, bidirectional, inputs, tokens }: TrainInput): OwnShape {
  const refuse = (what: string): never => { throw new EspalierError('usage', what); };
  const { task } = data, stepwise = task === 'tag' || task === 'next';
  const state = given ?? (stepwise ? 'carry' : 'reset');
  const width = data.kind === 'text' ? 0 : data.width;
  if (state === 'carry' && !stepwise) refuse('--state carry is for tagged steps and running text; a sequence with one answer stands by itself.');
  if (state === 'reset' && task === 'next') refuse('--state reset is not for running text, which goes on from piece to piece.');
  if (bidirectional && stepwise) refuse('--bidirectional is for sequences with one answer: the label of a step must not need the steps that follow.');
  if (tokens !== undefined && data.kind !== 'text') refuse('--tokens is for running text (a file whose name ends with .txt).');
  if (width > 0 && inputs !== undefined && inputs !== width) refuse(`--inputs is ${inputs}, and the frames have ${width} numbers; leave it out.`);
  const embedding = data.kind === 'text' && tokens !== 'words' ? INPUTS_CHARACTERS : INPUTS;
  return { cell, inputs: width > 0 ? width : inputs ?? embedding, layers, task, state, ...(bidirectional ? { bidirectional } : {}) };
}

/** The three parts. Throws data-unreadable with the name of the file. */
function partsOf(data: OwnData, { state }: OwnShape, { data: file, tokens, seed, labelsMin }: TrainInput): Parts {
  try {
    const parts = data.kind === 'text' ? splitRunningText(data.text, tokens ?? 'characters') : splitExamples(data, state, seed, labelsMin);
    checkSize(parts);
    return parts;
  } catch (error) {
    throw error instanceof EspalierError && error.code === 'data-unreadable' ? new EspalierError('data-unreadable', `${file}: ${error.details}`, error) : error;
  }
}

const unitOf = ({ tokens }: TrainInput, { kind }: OwnData): string => (kind === 'text' ? tokens ?? 'characters' : 'sequences');

function sayData(name: string, { counts, reading, dropped }: Parts, { labelsMin, tokens }: TrainInput): void {
  const { task, labels, tokenizer, width, outputs } = reading;
  const what = task === 'next' ? tokens ?? 'characters' : 'sequences';
  const read = width > 0 ? `frames of ${width} numbers` : `${tokenizer.words.length} known ${tokenizer.kind === 'characters' ? 'characters' : 'words'}`;
  const answered = task === 'regress' ? `${outputs} numbers to answer with, ` : task === 'next' ? '' : `${labels.length} labels, `;
  talk(`data       ${name}: ${counts.training} ${what} to train on, ${counts.validation} to stop by, ${counts.test} to judge by; ${answered}${read}`);
  if (dropped > 0) talk(`           ${dropped} left out: none of their labels is known, or seen ${labelsMin} times`);
}

/** Whether more of it might have helped. */
function sayEnd({ rounds, bestRound, why }: Trained): void {
  if (why === 'no better' || bestRound !== rounds.length || rounds.length < 2 || rounds.at(-1)!.accuracy === 1) return;
  talk(`           still getting better when it ended (${why}): ${why === 'minutes' ? 'more --minutes' : why === 'epochs' ? 'more --epochs' : 'more time'} may help`);
}

/**
 * Trains and writes the model, and says how good it is. Throws usage, data-unreadable, shape-unsupported, the trainer's
 * and the engine's errors, storage-full, storage-failed, and aborted where it was interrupted before there was a model.
 */
export async function runTrain(input: TrainInput, interrupted: AbortSignal): Promise<void> {
  checkTarget('--out', input.out);
  if (input.json !== undefined) checkTarget('--json', input.json);
  const data = readData(input.data);
  const own = shapeFor(data, input);
  const parts = partsOf(data, own, input);
  const name = path.basename(input.data);
  sayData(name, parts, input);
  if (data.kind === 'examples') for (const remark of scaleRemarks(data)) talk(`           ${remark}`);
  const draft = untrained(parts.reading, own, input.seed);
  const { engine } = await chooseEngine(engineChoiceOf(input.settings));
  const { model: best, trained: done } = await trained(input, parts, draft, interrupted);
  sayEnd(done);
  const epochs = done.rounds.slice(0, done.bestRound).reduce((sum, round) => sum + round.epochs, 0);
  // The rounds are no ancestors: whoever gets the file has none of them.
  const { shape, weights, mask } = best, { tokenizer, labels } = parts.reading, { counts, dropped } = parts;
  const { id, bytes } = encodeArtifact({ shape, weights, mask, tokenizer, labels, lineage: { ...draft.lineage, trainedOn: `${name}: ${counts.training} ${unitOf(input, data)}, at most ${epochs} epochs` } }, sha256);
  await writeAtomically(input.out, bytes).catch((error: unknown) => { throw storageError(error, input.out); });
  const model: Model = { ...best, id };
  await engine.enlist(model);
  out(`model      ${input.out}: ${id.slice(0, 12)}, ${bytesText(bytes.length)}; ${shape.cell} of ${shape.layers.join(' + ')} units${shape.bidirectional === true ? ' in both directions' : ''}, best of ${done.rounds.length} rounds: ${done.bestRound} (${done.why})`);
  out('test part');
  const test = await judge(engine, model, parts.test, input.settings.serving.errorMax);
  if (input.json !== undefined) await writeFile(input.json, `${JSON.stringify({ data: name, seed: input.seed, counts, dropped, words: tokenizer.words.length, shape, model: id, bytes: bytes.length, rounds: done.rounds, bestRound: done.bestRound, why: done.why, engine: engine.name, test }, null, 2)}\n`);
}
