/**
 * `espalier bench evidence`: does live evidence matter? A dense LSTM for all intents of CLINC150 is cut for traffic that holds
 * only some of them, with moments of that traffic, of the training set, or none; then the traffic moves to other intents, with
 * the mask fixed or regrown. Arms of a seed share intents, texts, steps and teacher; no label is used after the dense training.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { EspalierError } from '../../errors.ts';
import type { Model } from '../../model/model.ts';
import { openRuntime } from '../../tuning/ops.ts';
import { out, table } from '../print.ts';
import { readClinc } from './clinc.ts';
import type { Cut, EvidenceRow } from './evidence/arms.ts';
import { ARMS, SHIFT_ARMS, cutBy, followed, keyOf, taught } from './evidence/arms.ts';
import type { Difference, Pair } from './evidence/differences.ts';
import { differencesOf } from './evidence/differences.ts';
import type { Specialising } from './evidence/specialise.ts';
import { specialising } from './evidence/specialise.ts';
import type { Settings, Traffic, World } from './evidence/world.ts';
import { classesUsed, clock, drawIntents, rightOf, trafficOf, trainDense, trainingTexts } from './evidence/world.ts';
import { machineOf } from './machine.ts';

/** Dense settings, learning rate, drop-out and share of regrowth were chosen on the validation part, with intents of another seed. */
const FULL: Settings = {
  units: 128, inputs: 64, dense: { epochs: 14, learningRate: 6e-3, dropout: 0.4 }, seeds: [1, 2, 3, 4, 5], densities: [0.1, 0.05, 0.03],
  intents: 30, narrow: 5, steps: 50, learningRate: 1e-2, dropout: 0, regrow: 0.3,
};
const QUICK: Settings = { ...FULL, units: 16, inputs: 8, dense: { ...FULL.dense, epochs: 1 }, seeds: [1], densities: [0.1], steps: 5 };

const PAIRS: readonly Pair[] = [
  ...(['live', 'asked', 'all'] as const).flatMap((measure): Pair[] => [
    { what: '(a) - (b): obs, live against training set', part: 'prune', first: 'live obs', second: 'training obs', measure },
    { what: '(a) - (c): obs, live against magnitude', part: 'prune', first: 'live obs', second: 'magnitude', measure },
    { what: '(a) - (b): fisher, live against training set', part: 'prune', first: 'live fisher', second: 'training fisher', measure },
    { what: '(a) - (c): fisher, live against magnitude', part: 'prune', first: 'live fisher', second: 'magnitude', measure },
    { what: 'magnitude - random', part: 'prune', first: 'magnitude', second: 'random', measure },
  ]),
  { what: 'fisher - obs, live', part: 'prune', first: 'live fisher', second: 'live obs', measure: 'live' },
  { what: 'fisher on used classes - fisher, live', part: 'prune', first: 'live fisher, used classes', second: 'live fisher', measure: 'asked' },
  { what: 'fisher on used classes, live - obs, training set', part: 'prune', first: 'live fisher, used classes', second: 'training obs', measure: 'asked' },
  ...(['live', 'all'] as const).flatMap((measure): Pair[] => [
    { what: 'regrown - fixed', part: 'shift', first: 'regrown', second: 'fixed', measure },
    { what: 'regrown - fixed, both repaired', part: 'shift', first: 'regrown, repaired', second: 'fixed, repaired', measure },
  ]),
];

export interface EvidenceBench {
  readonly machine: ReturnType<typeof machineOf>;
  readonly seed: number;
  readonly seeds: readonly number[];
  readonly settings: Settings;
  /** The dense model on all intents: test, validation; the seconds that it took. */
  readonly dense: { readonly accuracy: number; readonly validation: number; readonly seconds: number };
  readonly rows: readonly EvidenceRow[];
  readonly specialising: readonly Specialising[];
  readonly differences: readonly Difference[];
}

export interface EvidenceBenchOptions {
  readonly data?: string | undefined;
  readonly json?: string | undefined;
  /** Of the dense model. */
  readonly seed: number;
  readonly quick?: boolean | undefined;
  /** Other settings than those of the bench: to choose by validation. */
  readonly settings?: Settings;
  /** Progress, a line each; stderr otherwise. */
  readonly say?: (line: string) => void;
}

interface Run {
  readonly world: World;
  readonly rows: Map<string, EvidenceRow>;
  readonly specialising: Specialising[];
  readonly save: () => Promise<void>;
}

const percent = (share: number): string => (100 * share).toFixed(1);

interface Of { readonly part: EvidenceRow['part']; readonly seed: number; readonly density: number; readonly arm: string; readonly traffic: Traffic; readonly used: ReadonlySet<number>; readonly before?: ReadonlySet<number> }

const missing = ({ rows }: Run, { part, seed, density, arm, traffic }: Of, trained: boolean): boolean => !rows.has(keyOf({ part, seed, density, arm, intents: traffic.intents.size, trained }));

async function note(run: Run, { part, seed, density, arm, traffic, used, before }: Of, model: Model, trained: boolean, seconds: number, regrown?: number): Promise<void> {
  const { world, rows } = run, intents = traffic.intents.size, { test } = world.clinc;
  const validation = (await rightOf(world, model, traffic.validation, traffic.intents, used)).live;
  const right = await rightOf(world, model, test, traffic.intents, used);
  const earlier = before === undefined ? {} : { before: (await rightOf(world, model, test.filter((item) => before.has(item.targets![0]!)), before, used)).live };
  const row: EvidenceRow = { part, seed, intents, density, arm, trained, ...right, validation, ...earlier, ...(regrown === undefined ? {} : { regrown }), seconds };
  rows.set(keyOf(row), row);
  await run.save();
  world.say(`${part} seed ${seed}, ${intents} intents, density ${density}, ${arm}${trained ? ', trained' : ''}: validation ${percent(validation)} %, ${seconds.toFixed(1)} s`);
}

/** Cut or follow, look, train, look: what is in the rows already is not done again. Returns the trained model where it was made. */
async function both(run: Run, of: Of, make: () => Promise<Cut & { readonly regrown?: number }>): Promise<Model | null> {
  if (!missing(run, of, false) && !missing(run, of, true)) return null;
  const began = clock.monotonicMs(), cut = await make(), made = clock.monotonicMs();
  if (missing(run, of, false)) await note(run, of, cut.model, false, (made - began) / 1000, cut.regrown);
  const start = clock.monotonicMs(), model = await taught(run.world, cut, of.traffic.texts, of.seed);
  if (missing(run, of, true)) await note(run, of, model, true, (clock.monotonicMs() - start + made - began) / 1000, cut.regrown);
  return model;
}

interface Seeded { readonly seed: number; readonly now: Traffic; readonly next: Traffic; readonly narrow: Traffic; readonly training: Traffic['texts'] }

function seededBy({ clinc, settings: { intents, narrow } }: World, seed: number): Seeded {
  const drawn = drawIntents(clinc, seed), width = Math.min(intents, Math.floor(drawn.length / 2));
  return {
    seed, now: trafficOf(clinc, drawn.slice(0, width), seed), next: trafficOf(clinc, drawn.slice(width, 2 * width), seed),
    narrow: trafficOf(clinc, drawn.slice(0, Math.max(1, Math.min(narrow, width - 1))), seed), training: trainingTexts(clinc, seed),
  };
}

/** The arm whose model serves when the traffic moves. */
const FIRST = ARMS[0]!;

/** Made when it is first asked for. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => (made ??= make());
}

async function runSeed(run: Run, { seed, now, next, narrow, training }: Seeded): Promise<void> {
  const { world } = run, { dense, settings: { densities } } = world;
  const used = await classesUsed(world, dense, now.texts), usedNext = await classesUsed(world, dense, next.texts), usedNarrow = await classesUsed(world, dense, narrow.texts);
  for (const [traffic, classes] of [[now, used], [narrow, usedNarrow]] as const) {
    if (!run.specialising.some((held) => held.seed === seed && held.intents === traffic.intents.size)) run.specialising.push(await specialising(world, seed, traffic, classes));
  }
  for (const density of densities) {
    let served: Model | null = null;
    for (const arm of ARMS) {
      const cut = once(() => cutBy(world, arm, density, seed, arm.evidence === 'training' ? training : now.texts, used));
      const trained = await both(run, { part: 'prune', seed, density, arm: arm.name, traffic: now, used }, cut);
      if (arm.name === FIRST.name) served = trained;
      // What does not look at the traffic is the same model for any.
      const of: Of = { part: 'prune', seed, density, arm: arm.name, traffic: narrow, used: usedNarrow };
      if (!missing(run, of, false)) continue;
      const began = clock.monotonicMs();
      const { model } = arm.evidence === 'live' ? await cutBy(world, arm, density, seed, narrow.texts, usedNarrow) : await cut();
      await note(run, of, model, false, (clock.monotonicMs() - began) / 1000);
    }
    for (const arm of SHIFT_ARMS) {
      await both(run, { part: 'shift', seed, density, arm, traffic: next, used: usedNext, before: now.intents }, async () => {
        served ??= await taught(world, await cutBy(world, FIRST, density, seed, now.texts, used), now.texts, seed);
        return followed(world, arm, served, density, seed, next.texts);
      });
    }
  }
}

/** Rows of a run before, if it had the same settings and its dense model was the same. */
async function heldIn(json: string | undefined, settings: Settings, seed: number): Promise<EvidenceBench | null> {
  const text = json === undefined ? null : await readFile(json, 'utf8').catch(() => null);
  if (text === null) return null;
  let held: EvidenceBench;
  try { held = JSON.parse(text) as EvidenceBench; } catch (error) { throw new EspalierError('data-unreadable', `${json} is not a file of this bench.`, error); }
  return held.seed === seed && isDeepStrictEqual(held.settings, settings) && isDeepStrictEqual(held.machine, machineOf()) ? held : null;
}

function print({ rows, differences, dense }: EvidenceBench): void {
  const points = (share: number | null): string => (share === null ? '-' : (100 * share).toFixed(2));
  const mean = (values: readonly number[]): string => percent(values.reduce((sum, value) => sum + value, 0) / values.length);
  const groups = new Map<string, EvidenceRow[]>();
  for (const row of rows) {
    const key = [row.part, row.intents, row.density, row.trained ? 'trained' : 'cut', row.arm].join('|');
    groups.set(key, [...groups.get(key) ?? [], row]);
  }
  out(`Dense: ${percent(dense.accuracy)} % on all intents`);
  out(table(['part', 'intents', 'density', 'state', 'arm', 'seeds', 'served %', 'used classes only %', 'all %'], [...groups].map(([key, group]) =>
    [...key.split('|'), String(group.length), mean(group.map(({ live }) => live)), mean(group.map(({ asked }) => asked)), mean(group.map(({ all }) => all))])));
  out(table(['difference, points', 'on', 'intents', 'density', 'state', 'mean', '95 % from', 'to', 'covers 0'], differences.map((of) =>
    [of.what, of.measure, String(of.intents), String(of.density), of.trained ? 'trained' : 'cut', points(of.mean), points(of.low), points(of.high), of.coversZero === null ? '-' : of.coversZero ? 'yes' : 'no'])));
}

/** Prints the tables; writes { machine, seed, seeds, settings, dense, rows, specialising, differences } where a file is given, and goes on from it. Throws usage, data-unreadable, trainer-unavailable. */
export async function runEvidenceBench({ data, json, seed, quick = false, settings = quick ? QUICK : FULL, say = (line) => { process.stderr.write(`${line}\n`); } }: EvidenceBenchOptions): Promise<EvidenceBench> {
  if (data === undefined) throw new EspalierError('usage', '`bench evidence` needs --data with the folder that holds clinc150.');
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  const clinc = await readClinc(data), runtime = openRuntime(), held = await heldIn(json, settings, seed);
  const began = clock.monotonicMs(), model = await trainDense(runtime, clinc, settings, seed, say), seconds = (clock.monotonicMs() - began) / 1000;
  const world: World = { runtime, clinc, settings, dense: model, say }, everything = new Set(clinc.labels.keys());
  const accuracyOn = async (items: typeof clinc.test): Promise<number> => (await rightOf(world, model, items, everything, everything)).all;
  const dense = { accuracy: await accuracyOn(clinc.test), validation: await accuracyOn(clinc.validation), seconds };
  say(`dense: validation ${percent(dense.validation)} %, ${seconds.toFixed(1)} s`);
  const same = held !== null && held.dense.accuracy === dense.accuracy && held.dense.validation === dense.validation;
  const rows = new Map((same ? held.rows : []).map((row) => [keyOf(row), row])), special = same ? [...held.specialising] : [];
  const result = (): EvidenceBench => ({ machine: machineOf(), seed, seeds: settings.seeds, settings, dense, rows: [...rows.values()], specialising: special, differences: differencesOf([...rows.values()], PAIRS) });
  const save = async (): Promise<void> => {
    if (json === undefined) return;
    // In one piece or not at all: a run that is killed goes on from here.
    await writeFile(`${json}.part`, `${JSON.stringify(result(), null, 2)}\n`);
    await rename(`${json}.part`, json);
  };
  const run: Run = { world, rows, specialising: special, save };
  for (const each of settings.seeds) await runSeed(run, seededBy(world, each));
  await save();
  print(result());
  return result();
}
