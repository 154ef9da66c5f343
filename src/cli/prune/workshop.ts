/** Where attempts are made: the jobs of the loop, in a training process with a vault that is gone afterwards. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { sha256 } from '../../adapters/digest.ts';
import { childTrainer } from '../../adapters/trainer/child.ts';
import { filesVault } from '../../adapters/vault/files.ts';
import type { Settings } from '../../config/schema.ts';
import { encodeReplay } from '../../evidence/replay.ts';
import { encodeArtifact } from '../../model/artifact.ts';
import { densityOfMask } from '../../model/mask.ts';
import type { Model } from '../../model/model.ts';
import type { Engine, EngineSequence, Trainer } from '../../ports.ts';
import type { CandidateReport, CriterionName, TrainingPlan, TuningNews } from '../../pruning/job.ts';
import { splitItems } from '../../tuning/examine.ts';
import { Models } from '../compose/models.ts';
import { engineChoiceOf } from '../compose/settings.ts';
import { runToCandidate } from '../data/dense.ts';
import { epochOf } from '../train/rounds.ts';
import type { PruneParts } from './parts.ts';
import type { Attempt, Held, Take } from './search.ts';
import { timesOf } from './speed.ts';

export interface Order {
  readonly model: Model;
  readonly parts: PruneParts;
  readonly settings: Settings;
  readonly criterion: CriterionName;
  /** Of each attempt. */
  readonly epochs: number;
  readonly seed: number;
  readonly engine: Engine;
  readonly batch: readonly EngineSequence[];
  readonly heard: (attempt: number, news: TuningNews) => void;
}

/** An attempt with all that is told of it. */
export interface Made extends Attempt {
  readonly candidate: Model;
  readonly report: CandidateReport;
  readonly laneStepsPerSecond: number;
  /** For each unit the unit of the original that it was; null where all are there. */
  readonly origins: readonly number[] | null;
  readonly from: string;
  /** Optimizer steps that were planned: fewer were done where time ended. */
  readonly planned: number;
  readonly seconds: number;
}

export const heldOf = ({ id, shape, mask }: Model): Held => ({ model: id, units: shape.layers.reduce((sum, units) => sum + units, 0), density: densityOfMask(mask) });

export interface Workshop {
  /** Throws the trainer's and the engine's errors. */
  make(from: Held, take: Take, secondsMax: number): Promise<Made>;
  /** Ends what is being made: `make` throws then. */
  stop(): void;
  close(): Promise<void>;
}

/** As the loop trains, by its settings; the teacher alone where there are no labels. */
export function trainingOf({ model: { shape }, parts, settings, epochs }: Order, secondsMax: number): TrainingPlan {
  const { training } = settings.loop, items = splitItems(parts.fit, parts.validationShare).training, epoch = epochOf(items, shape);
  return { ...training, steps: epochs * epoch.steps, lanes: epoch.lanes, labelShare: parts.labelled ? training.labelShare : 0, heldOut: parts.validationShare, secondsMax, errorMax: settings.serving.errorMax };
}

/** The name of a job in the lineage and in errors. */
const nameOf = (at: number): string => `attempt ${at}`;

class Attempts implements Workshop {
  readonly #order: Order;
  readonly #folder: string;
  readonly #trainer: Trainer;
  readonly #models: Models;
  readonly #replay: string;
  readonly #made = new Map<string, Made>();
  #attempts = 0;
  /** Accuracy of the original on the held-out part. */
  #accuracy: number | null = null;

  constructor(order: Order, folder: string, trainer: Trainer, models: Models, replay: string) {
    this.#order = order;
    this.#folder = folder;
    this.#trainer = trainer;
    this.#models = models;
    this.#replay = replay;
  }

  async make(from: Held, take: Take, secondsMax: number): Promise<Made> {
    const began = performance.now(), at = ++this.#attempts, { model: { id, lineage }, settings: { loop }, criterion, seed, heard } = this.#order;
    const training = trainingOf(this.#order, secondsMax);
    const { model, report } = await runToCandidate(this.#trainer, {
      id: nameOf(at), cycle: lineage.cycle + 1, seed: seed + at, parent: from.model, teacher: id, anchor: lineage.anchor ?? id, replay: [this.#replay], moments: [],
      density: take.share, criterion, scope: loop.scope, ...(take.kind === 'connection' ? {} : { granularity: take.kind }), reconstruct: loop.reconstruct, training, trainedOn: nameOf(at),
    }, (news) => { heard(at, news); });
    const made = await this.#measured(from, await this.#models.load(model), report, training.steps, began);
    this.#made.set(model, made);
    return made;
  }

  async #measured(from: Held, candidate: Model, report: CandidateReport, planned: number, began: number): Promise<Made> {
    const { model, parts, engine, batch } = this.#order;
    // The first job starts from the original: what it says of its parent is what everything is held against.
    if (from.model === model.id) this.#accuracy = report.parentAccuracy;
    const loss = 100 * (parts.labelled ? this.#accuracy! - report.accuracy : 1 - report.agreement!);
    await engine.enlist(candidate);
    const speed = await timesOf(engine, candidate, model, batch);
    await engine.retire(candidate.id);
    const before = this.#made.get(from.model)?.origins ?? null, own = candidate.lineage.origins;
    const origins = own === undefined ? before : own.map((unit) => before?.[unit] ?? unit);
    return { ...heldOf(candidate), ...speed, candidate, report, loss, origins, from: from.model, planned, seconds: (performance.now() - began) / 1000 };
  }

  stop(): void { void this.#trainer.close(); }

  async close(): Promise<void> {
    await this.#trainer.close();
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** @param order with the original enlisted */
export async function openWorkshop(order: Order): Promise<Workshop> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'espalier-prune-'));
  const { engine: { kind }, trainer: { threads, priority } } = order.settings;
  const vault = filesVault(folder), trainer = childTrainer({ setup: { vault: folder, engine: { kind, variant: engineChoiceOf(order.settings).variant ?? null } }, threads, priority });
  await vault.put(encodeArtifact(order.model, sha256).bytes);
  return new Attempts(order, folder, trainer, new Models(vault), await vault.put(encodeReplay(order.parts.fit)));
}
