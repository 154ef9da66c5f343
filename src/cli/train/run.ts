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
import type { ModelDraft } from '../../model/model.ts';
import type { StateMode } from '../../model/shape.ts';
import { Models } from '../compose/models.ts';
import { engineChoiceOf } from '../compose/settings.ts';
import { untrained } from '../data/dense.ts';
import { evaluateItems } from '../data/evaluate.ts';
import { readData } from '../data/read.ts';
import { sayEvaluation } from '../data/say.ts';
import { bytesText, out, talk } from '../print.ts';
import { showRounds } from './progress.ts';
import type { Trained } from './rounds.ts';
import { trainInRounds } from './rounds.ts';
import type { Parts } from './split.ts';
import { splitLines } from './split.ts';

export interface TrainInput {
  readonly data: string;
  readonly out: string;
  readonly units: number;
  readonly inputs: number;
  readonly epochs: number;
  readonly seed: number;
  readonly minutes: number;
  readonly labelsMin: number;
  readonly state: StateMode | undefined;
  readonly json: string | undefined;
  readonly settings: Settings;
}

/** Said before an hour of training rather than after it. Throws usage. */
function checkTarget(option: string, file: string): void {
  const folder = path.dirname(path.resolve(file));
  if (!fs.existsSync(folder)) throw new EspalierError('usage', `${option} ${file}: there is no folder ${folder}.`);
  if (fs.existsSync(file) && fs.statSync(file).isDirectory()) throw new EspalierError('usage', `${option} wants a file, and ${file} is a folder.`);
}

/** Trains in a process of its own, with a vault that is gone afterwards. */
async function trained(input: TrainInput, parts: Parts, draft: ModelDraft, interrupted: AbortSignal): Promise<{ readonly model: ModelDraft; readonly trained: Trained }> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'espalier-train-'));
  const vault = filesVault(folder);
  const { engine: { kind }, trainer: { threads, priority } } = input.settings;
  const trainer = childTrainer({ setup: { vault: folder, engine: { kind, variant: engineChoiceOf(input.settings).variant ?? null } }, threads, priority });
  const stop = (): void => { void trainer.close(); };
  interrupted.addEventListener('abort', stop);
  const shown = showRounds(process.stderr);
  try {
    const plan = { epochs: input.epochs, secondsMax: 60 * input.minutes, seed: input.seed, validationShare: parts.validationShare };
    const done = await trainInRounds({ trainer, vault, clock: systemClock() }, draft, parts.fit, plan, shown, interrupted);
    return { model: await new Models(vault).load(done.best), trained: done };
  } finally {
    interrupted.removeEventListener('abort', stop);
    shown.end();
    await trainer.close();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Trains and writes the model, and says how good it is. Throws usage, data-unreadable, shape-unsupported, the trainer's
 * and the engine's errors, storage-full, storage-failed, and aborted where it was interrupted before there was a model.
 */
export async function runTrain(input: TrainInput, interrupted: AbortSignal): Promise<void> {
  checkTarget('--out', input.out);
  if (input.json !== undefined) checkTarget('--json', input.json);
  const { task, lines } = readData(input.data);
  const state = input.state ?? (task === 'tag' ? 'carry' : 'reset');
  if (state === 'carry' && task !== 'tag') throw new EspalierError('usage', '--state carry is for tagged words; a text with one label stands by itself.');
  const parts = splitLines(lines, state, input.seed, input.labelsMin);
  const { counts, tokenizer, labels, dropped } = parts;
  const name = path.basename(input.data);
  talk(`data       ${name}: ${counts.training} sequences to train on, ${counts.validation} to stop by, ${counts.test} to judge by; ${labels.length} labels, ${tokenizer.words.length} known words`);
  if (dropped > 0) talk(`           ${dropped} left out: none of their labels is known, or seen ${input.labelsMin} times`);
  const draft = untrained(parts, { cell: 'lstm', inputs: input.inputs, layers: [input.units], task, state }, input.seed);
  const { engine } = await chooseEngine(engineChoiceOf(input.settings));
  const { model: best, trained: { rounds, bestRound, why } } = await trained(input, parts, draft, interrupted);
  if (why !== 'no better' && bestRound === rounds.length && rounds.at(-1)!.accuracy > (rounds.at(-2)?.accuracy ?? 0)) talk(`           still getting better when it ended (${why}): ${why === 'minutes' ? 'more --minutes' : why === 'epochs' ? 'more --epochs' : 'more time'} may help`);
  const epochs = rounds.slice(0, bestRound).reduce((sum, round) => sum + round.epochs, 0);
  // The rounds are no ancestors: whoever gets the file has none of them.
  const { shape, weights, mask } = best;
  const { id, bytes } = encodeArtifact({ shape, weights, mask, tokenizer, labels, lineage: { ...draft.lineage, trainedOn: `${name}: ${counts.training} sequences, at most ${epochs} epochs` } }, sha256);
  await writeAtomically(input.out, bytes).catch((error: unknown) => { throw storageError(error, input.out); });
  const model = { ...best, id };
  await engine.enlist(model);
  const test = await evaluateItems(engine, model, parts.test);
  out(`model      ${input.out}: ${id.slice(0, 12)}, ${bytesText(bytes.length)}; ${shape.cell} of ${shape.layers.join(' + ')} units, best of ${rounds.length} rounds: ${bestRound} (${why})`);
  out('test part');
  sayEvaluation(test);
  if (input.json !== undefined) await writeFile(input.json, `${JSON.stringify({ data: name, seed: input.seed, counts, dropped, words: tokenizer.words.length, shape, model: id, bytes: bytes.length, rounds, bestRound, why, engine: engine.name, test }, null, 2)}\n`);
}
