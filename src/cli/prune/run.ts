/** From a model file and a file of sequences to a smaller model file: split, search or go straight, judge on the test part, write. */
import { writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import { sha256 } from '../../adapters/digest.ts';
import { chooseEngine } from '../../adapters/engine/choose.ts';
import { writeAtomically } from '../../adapters/files/atomic.ts';
import { storageError } from '../../adapters/files/storage-error.ts';
import type { Settings } from '../../config/schema.ts';
import { EspalierError } from '../../errors.ts';
import { encodeArtifact } from '../../model/artifact.ts';
import type { Model } from '../../model/model.ts';
import type { Engine } from '../../ports.ts';
import type { CriterionName } from '../../pruning/job.ts';
import type { Kind } from '../../pruning/schedule.ts';
import { densityOf } from '../../pruning/schedule.ts';
import { checkTarget } from '../check-target.ts';
import { engineChoiceOf } from '../compose/settings.ts';
import { readModel } from '../model-file.ts';
import { bytesText, out, talk } from '../print.ts';
import type { PruneParts } from './parts.ts';
import { partsFor } from './parts.ts';
import { maskPicture } from './picture.ts';
import type { Shown } from './progress.ts';
import { showAttempts } from './progress.ts';
import type { Outcome } from './report.ts';
import { agreementOn, judgedOn, reportLines, rowsOf, sizesOf } from './report.ts';
import type { Goal, Held, Searched, Take, Verdict } from './search.ts';
import { search } from './search.ts';
import { batchOfItems, speedTable } from './speed.ts';
import type { Made, Workshop } from './workshop.ts';
import { heldOf, openWorkshop } from './workshop.ts';

/** A share of what goes, in some jobs by the cubic schedule; or a search. */
export type Target = Goal | { readonly kind: 'density'; readonly density: number; readonly jobs: number };

export interface PruneInput {
  readonly model: string;
  readonly data: string;
  readonly out: string;
  readonly target: Target;
  readonly granularity: Kind;
  /** A search leaves the units alone. */
  readonly keepUnits: boolean;
  readonly criterion: CriterionName | undefined;
  readonly epochs: number;
  readonly minutes: number;
  /** undefined: that of the model, whose parts of the same file are found again. */
  readonly seed: number | undefined;
  readonly json: string | undefined;
  readonly picture: string | undefined;
  readonly settings: Settings;
}

interface Work {
  readonly input: PruneInput;
  readonly first: Held;
  readonly workshop: Workshop;
  readonly shown: Shown;
  readonly verdicts: Verdict<Made>[];
  readonly interrupted: AbortSignal;
}

/** Less than this is not worth the beginning of another attempt, seconds. */
const SECONDS_MIN = 1;
/** An attempt that fails by itself is refused; anything else ends the command. */
const OWN_FAILURES: readonly string[] = ['trainer-failed', 'parity-failed', 'evidence-invalid', 'engine-mismatch'];

const clockOf = (minutes: number): (() => number) => {
  const end = performance.now() + 60_000 * minutes;
  return () => (end - performance.now()) / 1000;
};

/** To a density in some jobs, whatever is lost. Throws the trainer's errors. */
async function goStraight({ input: { granularity, minutes }, first, workshop, shown, verdicts }: Work, density: number, jobs: number): Promise<Searched<Made>> {
  const left = clockOf(minutes), start = granularity === 'unit' ? 1 : first.density;
  let held: Held = first, best: Made | null = null;
  for (let job = 1; job <= jobs; job++) {
    const wanted = densityOf(job, jobs, density, start);
    const take: Take = { kind: granularity, share: granularity === 'unit' ? Math.min(1, Math.max(1, Math.round(wanted * first.units)) / held.units) : wanted };
    held = best = await workshop.make(held, take, Math.max(SECONDS_MIN, left() / (jobs + 1 - job)));
    const verdict = { take, attempt: best, accepted: true, why: `${best.loss.toFixed(2)} points lost` };
    verdicts.push(verdict);
    shown.verdict(verdict);
  }
  return { best, why: 'the density is reached' };
}

/** Throws what no attempt can be blamed for; aborted where it was interrupted before anything was accepted. */
async function goSearching({ input: { granularity, keepUnits, minutes }, first, workshop, shown, verdicts, interrupted }: Work, goal: Goal): Promise<Searched<Made>> {
  const left = clockOf(minutes);
  const over = (): string | null => (interrupted.aborted ? 'interrupted' : left() < SECONDS_MIN ? `the ${minutes} minutes are over` : null);
  const kinds: readonly Kind[] = granularity === 'unit' ? ['unit'] : keepUnits ? [granularity] : ['unit', granularity];
  const searched = await search<Made>(first, kinds, goal, {
    over,
    attempt: (from, take) => workshop.make(from, take, left()).catch((error: unknown) => {
      if (interrupted.aborted || (error instanceof EspalierError && OWN_FAILURES.includes(error.code))) return (error as Error).message;
      throw error;
    }),
    heard: (verdict) => {
      if (interrupted.aborted && verdict.attempt === null) return;
      verdicts.push(verdict);
      shown.verdict(verdict);
    },
  });
  if (searched.best === null && interrupted.aborted) throw new EspalierError('aborted', 'Nothing was accepted yet.');
  return searched;
}

/** Throws usage where a target is none for this model. */
function checkGoal({ target, granularity }: PruneInput, first: Held): void {
  if (target.kind === 'density' && granularity !== 'unit' && target.density >= first.density) throw new EspalierError('usage', `--density ${target.density}: the model's density is ${first.density.toFixed(4)} already.`);
  if (target.kind === 'density' && granularity === 'unit' && Math.max(1, Math.round(target.density * first.units)) >= first.units) throw new EspalierError('usage', `--density ${target.density} of ${first.units} units takes none away.`);
}

function sayData(name: string, { counts, labelled, dropped }: PruneParts): void {
  talk(`data       ${name}: ${counts.training} to train on, ${counts.validation} held out to decide by, ${counts.test} to judge by at the end; ${labelled ? 'with labels' : 'without labels: the original teaches, and points are those of disagreement with it'}`);
  if (dropped > 0) talk(`           ${dropped} left out`);
}

/** The model that is written: a child of the original, not of the attempts, which nobody has. */
function resultOf(original: Model, { candidate, origins }: Made, trainedOn: string): { readonly model: Model; readonly bytes: Uint8Array } {
  const { shape, weights, mask, tokenizer, labels, lineage } = candidate, { anchor, cycle } = original.lineage;
  const draft = { shape, weights, mask, tokenizer, labels, lineage: { parent: original.id, anchor: anchor ?? original.id, cycle: cycle + 1, density: lineage.density, criterion: lineage.criterion, seed: lineage.seed, trainedOn, ...(origins === null ? {} : { origins }) } };
  const { id, bytes } = encodeArtifact(draft, sha256);
  return { model: { ...draft, id }, bytes };
}

async function outcomeOf(engine: Engine, original: Model, result: Model, made: Made, parts: PruneParts, verdicts: readonly Verdict<Made>[], why: string, errorMax: number, int8: boolean): Promise<Outcome> {
  await engine.enlist(result);
  const [before, after] = [await judgedOn(engine, original, parts.test, errorMax), await judgedOn(engine, result, parts.test, errorMax)];
  const agreement = await agreementOn(engine, [original, result], parts.test, errorMax);
  const named = [{ name: 'original', model: original }, { name: 'result', model: result }];
  return {
    original, result, made, labelled: parts.labelled, verdicts, why, test: { original: before, result: after, agreement, sequences: parts.test.length },
    sizes: { original: sizesOf(original), result: sizesOf(result) }, speeds: await speedTable(engine, named, named.slice(0, 1), batchOfItems(original.shape, parts.test), int8),
  };
}

const jsonOf = ({ input: { target, granularity }, verdicts }: Work, outcome: Outcome, data: string, seed: number, parts: PruneParts): object => {
  const { original, result, made, labelled, why, test, sizes, speeds } = outcome, { density, densities, layers, structuralCost, weightCost, parity } = made.report;
  return {
    model: original.id, data, seed, counts: parts.counts, labelled, target, granularity, why, attempts: rowsOf(verdicts), result: { id: result.id, shape: result.shape, density, layers, densities, structuralCost, weightCost, parity, lossPoints: made.loss, times: made.times },
    test, bytes: sizes, speeds: speeds.rows, without: speeds.without,
  };
};

/**
 * Prunes and writes the model, and says what came of it. Throws usage, data-unreadable, the artifact, trainer and engine
 * errors, storage-full, storage-failed, target-missed where nothing holds the target, and aborted.
 */
export async function runPrune(input: PruneInput, interrupted: AbortSignal): Promise<void> {
  const { settings, target } = input;
  checkTarget('--out', input.out);
  if (input.json !== undefined) checkTarget('--json', input.json);
  if (input.picture !== undefined) checkTarget('--picture', input.picture);
  const read = readModel(input.model, settings.vault.artifactBytesMax).model;
  // A file of another version of espalier may have other bytes: jobs know the original by what is written here.
  const original: Model = { ...read, id: encodeArtifact(read, sha256).id }, first = heldOf(original);
  checkGoal(input, first);
  const seed = input.seed ?? original.lineage.seed, parts = partsFor(original, input.data, seed), name = path.basename(input.data);
  sayData(name, parts);
  const { engine } = await chooseEngine({ ...engineChoiceOf(settings), cores: 1 });
  await engine.enlist(original);
  const shown = showAttempts(process.stderr), verdicts: Verdict<Made>[] = [];
  const workshop = await openWorkshop({ model: original, parts, settings, criterion: input.criterion ?? settings.loop.criterion, epochs: input.epochs, seed, engine, batch: batchOfItems(original.shape, parts.test), heard: shown.news });
  const stop = (): void => { workshop.stop(); };
  interrupted.addEventListener('abort', stop);
  const work: Work = { input, first, workshop, shown, verdicts, interrupted };
  let searched: Searched<Made>;
  try {
    searched = target.kind === 'density' ? await goStraight(work, target.density, target.jobs) : await goSearching(work, target);
  } finally {
    interrupted.removeEventListener('abort', stop);
    shown.end();
    await workshop.close();
  }
  await finish(work, engine, original, parts, searched, seed, name);
}

async function finish(work: Work, engine: Engine, original: Model, parts: PruneParts, { best, why }: Searched<Made>, seed: number, name: string): Promise<void> {
  const { input: { target, out: file, json, picture, granularity, settings }, verdicts } = work;
  if (best === null) throw new EspalierError('target-missed', `Of ${verdicts.length} attempts none was accepted (${why}${verdicts.length === 0 ? '' : `; the last: ${verdicts.at(-1)!.why}`}). Nothing was written.`);
  const { model, bytes } = resultOf(original, best, `${name}: ${parts.counts.training}, ${parts.labelled ? 'labels and the teacher' : 'the teacher alone'}`);
  await writeAtomically(file, bytes).catch((error: unknown) => { throw storageError(error, file); });
  const outcome = await outcomeOf(engine, original, model, best, parts, verdicts, why, settings.serving.errorMax, granularity === 'g4');
  out(`model       ${file}: ${model.id.slice(0, 12)}, ${bytesText(bytes.length)}; ${model.shape.cell} of ${model.shape.layers.join(' + ')} units, density ${best.density.toFixed(4)}`);
  out(reportLines(outcome).join('\n'));
  if (json !== undefined) await writeFile(json, `${JSON.stringify(jsonOf(work, outcome, name, seed, parts), null, 2)}\n`);
  if (picture !== undefined) await writeFile(picture, maskPicture(model, `${path.basename(file)}: connections alive, density ${best.density.toFixed(3)}`));
  if (target.kind === 'speed' && best.times < target.times) throw new EspalierError('target-missed', `The fastest has ${best.times.toFixed(2)} times the speed, ${target.times} were wanted (${why}); ${file} holds it.`);
}
