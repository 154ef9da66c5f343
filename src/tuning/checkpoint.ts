/**
 * An unfinished job as bytes: what pruning left, and where training stands. Whoever is given the job again goes on from
 * it. A file that does not read, or is of another version, counts for nothing: the job is then done from the beginning.
 */
import { layerShapes } from '../model/shape.ts';
import type { Mask, ModelShape } from '../model/shape.ts';
import type { TuningJob } from '../pruning/job.ts';
import { bitsOf, bytesOfNumbers, flagsOf, float32Of, float64Of } from '../support/bytes.ts';
import type { Container, ContainerFormat, Tensor } from '../support/container.ts';
import { readContainer, writeContainer } from '../support/container.ts';
import type { HeldState } from './network.ts';
import { parametersOf, weightsOfRecord, weightsRecord } from './parameters.ts';
import { sha256 } from './sha256.ts';
import type { TrainingState } from './training-state.ts';

/** What was done before training. */
export interface Begun {
  readonly shape: ModelShape;
  readonly mask: Mask;
  /** What is to be alive at the end, where connections shrink first. */
  readonly shrinkTo: Mask | null;
  readonly scores: readonly Float64Array[] | null;
  readonly origins: readonly number[] | null;
  readonly regrown: number;
  readonly parentAccuracy: number;
  readonly prunedAccuracy: number | null;
  /** Time that it took. */
  readonly seconds: number;
}

export interface Checkpoint { readonly begun: Begun; readonly training: TrainingState }

const DIGEST = 64;
const FORMAT: ContainerFormat = { magic: 'ESPWORK', version: 1, trailerBytes: DIGEST, truncated: 'evidence-invalid', tooLarge: 'evidence-invalid', invalid: 'evidence-invalid' };
const LIMITS = { bytesMax: 2 ** 33, headerBytesMax: 64 * 2 ** 20, tensorsMax: 10_000 };

const sorted = (fields: object): object => Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));

/** The name of a job's work: everything that decides its result. Not the bound on its time, which a second start may have less of, nor the order of its fields. */
export function workName(job: TuningJob): string {
  // undefined is not written.
  const decisive = { ...job, device: undefined, training: sorted({ ...job.training, secondsMax: undefined }) };
  return sha256(new TextEncoder().encode(JSON.stringify(sorted(decisive))));
}

const floats = (name: string, values: Float32Array): Tensor => ({ name, dtype: 'f32', shape: [values.length], data: bytesOfNumbers(values) });
const record = (prefix: string, values: Readonly<Record<string, Float32Array>>): readonly Tensor[] => Object.entries(values).map(([name, own]) => floats(`${prefix}.${name}`, own));
const masks = (prefix: string, mask: Mask): readonly Tensor[] => mask.map((layer, at) => ({ name: `${prefix}.${at}`, dtype: 'bits', shape: [layer.length], data: bitsOf(layer) }));
const held = (prefix: string, state: HeldState | null): readonly Tensor[] => (state ?? []).flatMap(({ h, c }, at) => [floats(`${prefix}.${at}.h`, h), ...(c === null ? [] : [floats(`${prefix}.${at}.c`, c)])]);
const lanesOf = (state: HeldState | null): readonly number[] | null => state?.map(({ lanes }) => lanes) ?? null;

export function encodeCheckpoint({ begun, training }: Checkpoint): Uint8Array<ArrayBuffer> {
  const { shape, mask, shrinkTo, scores, ...facts } = begun, { optimizer, student, teacher, best, ...numbers } = training;
  const header = {
    layers: shape.layers, begun: facts, training: { ...numbers, updates: optimizer.step, best: best === null ? null : { step: best.step, loss: best.loss } },
    shrinks: shrinkTo !== null, scored: scores !== null, student: lanesOf(student), teacher: lanesOf(teacher),
  };
  const bytes = writeContainer(FORMAT, header, [
    ...masks('mask', mask), ...masks('shrink', shrinkTo ?? []), ...(scores ?? []).map((layer, at): Tensor => ({ name: `scores.${at}`, dtype: 'f64', shape: [layer.length], data: bytesOfNumbers(layer) })),
    ...record('value', optimizer.values), ...record('first', optimizer.first), ...record('second', optimizer.second), ...(best === null ? [] : record('best', weightsRecord(shape, best.weights))),
    ...held('student', student), ...held('teacher', teacher),
  ]);
  bytes.set(new TextEncoder().encode(sha256(bytes.subarray(0, -DIGEST))), bytes.length - DIGEST);
  return bytes;
}

type Header = {
  readonly layers: readonly number[]; readonly begun: Omit<Begun, 'shape' | 'mask' | 'shrinkTo' | 'scores'>; readonly shrinks: boolean; readonly scored: boolean;
  readonly training: Omit<TrainingState, 'optimizer' | 'student' | 'teacher' | 'best'> & { readonly updates: number; readonly best: { readonly step: number; readonly loss: number } | null };
  readonly student: readonly number[] | null; readonly teacher: readonly number[] | null;
};

function decode({ header, tensors }: Container, parent: ModelShape): Checkpoint {
  // The digest says that this program wrote it.
  const { layers, begun, training: { updates, best, ...numbers }, shrinks, scored, ...lanes } = header as unknown as Header;
  const shape: ModelShape = { ...parent, layers }, names = parametersOf(shape), own = layerShapes(shape);
  const data = (name: string): Uint8Array => tensors.get(name)!.data;
  const read = (prefix: string): Readonly<Record<string, Float32Array>> => Object.fromEntries(names.map((name) => [name, float32Of(data(`${prefix}.${name}`))]));
  const mask = (prefix: string): Mask => own.map(({ index, sources, units }) => flagsOf(data(`${prefix}.${index}`), sources * units)!);
  const state = (prefix: 'student' | 'teacher'): HeldState | null => lanes[prefix]?.map((count, at) => ({ lanes: count, h: float32Of(data(`${prefix}.${at}.h`)), c: tensors.has(`${prefix}.${at}.c`) ? float32Of(data(`${prefix}.${at}.c`)) : null })) ?? null;
  return {
    begun: { ...begun, shape, mask: mask('mask'), shrinkTo: shrinks ? mask('shrink') : null, scores: scored ? own.map(({ index }) => float64Of(data(`scores.${index}`))) : null },
    training: {
      ...numbers, optimizer: { step: updates, values: read('value'), first: read('first'), second: read('second') }, student: state('student'), teacher: state('teacher'),
      best: best === null ? null : { ...best, weights: weightsOfRecord(shape, read('best')) },
    },
  };
}

/** null where it is not what `encodeCheckpoint` writes. @param parent shape of the parent of the job */
export function decodeCheckpoint(bytes: Uint8Array, parent: ModelShape): Checkpoint | null {
  try {
    if (new TextDecoder().decode(bytes.subarray(-DIGEST)) !== sha256(bytes.subarray(0, -DIGEST))) return null;
    return decode(readContainer(FORMAT, bytes, LIMITS), parent);
  } catch { return null; }
}
