/** Training steps of each cell, round by round beside the same steps in Keras, so that a change of the machine's pace meets both. */
import type { ReplayItem } from '../../evidence/replay.ts';
import { initialWeights } from '../../model/initial.ts';
import { fullMask } from '../../model/mask.ts';
import type { Cell, ModelShape } from '../../model/shape.ts';
import type { TrainingPlan } from '../../pruning/job.ts';
import { EspalierError } from '../../errors.ts';
import { randomFrom } from '../../support/random.ts';
import type { Batch } from '../../tuning/batches.ts';
import { batchesOf } from '../../tuning/batches.ts';
import { fineTune } from '../../tuning/fine-tune.ts';
import type { Runtime } from '../../tuning/ops.ts';
import { NORM_MAX } from '../../tuning/optimizer.ts';
import { weightsRecord } from '../../tuning/parameters.ts';
import type { Keras } from './keras.ts';
import { quantileOf } from './throughput.ts';

export type TrainShape = Omit<ModelShape, 'cell'>;
/** Shortest and longest sequence. */
export interface Lengths { readonly min: number; readonly max: number }

export const CELLS: readonly Cell[] = ['lstm', 'gru', 'gru-before', 'rnn-tanh', 'rnn-relu'];
const LEARNING_RATE = 1e-3;
export const clock = { monotonicMs: (): number => performance.now() };
export const never = new AbortController().signal;

/** Tokens are real steps of time, padding left out; all figures are medians over the rounds. */
export interface TrainRow {
  readonly cell: Cell;
  readonly batch: number;
  readonly tokensPerSecond: number;
  /** tokens/s of Keras; null where no interpreter was given. */
  readonly keras: number | null;
  /** Ours divided by Keras' of the same round. */
  readonly ratio: number | null;
  /** Processor seconds a second of the wall: about 1 says that one thread worked. */
  readonly cpus: { readonly ours: number; readonly keras: number | null };
  readonly rounds: readonly { readonly ours: number; readonly keras: number | null }[];
}

export interface CellsPlan {
  readonly shape: TrainShape;
  readonly lengths: Lengths;
  /** Lanes, and optimizer steps of a round. */
  readonly batches: readonly { readonly lanes: number; readonly steps: number }[];
  /** Rounds that count; one more goes ahead of them. */
  readonly rounds: number;
}

/** Sequences of random tokens with a random label each. */
export function randomItems({ vocabulary, outputs }: TrainShape, { min, max }: Lengths, count: number, random: () => number): ReplayItem[] {
  const below = (n: number): number => Math.floor(random() * n);
  return Array.from({ length: count }, (_, at) => ({
    id: `item-${at}`, inputs: Int32Array.from({ length: min + below(max - min + 1) }, () => below(vocabulary)), targets: Int32Array.of(below(outputs)),
  }));
}

export const planOf = (lanes: number, steps: number): TrainingPlan => ({ steps, lanes, window: 1, learningRate: LEARNING_RATE, labelShare: 1, temperature: 1, dropout: 0, heldOut: 0, secondsMax: 1e6 });

async function openKeras(keras: Keras, shape: ModelShape, parameters: number, batches: readonly Batch[]): Promise<void> {
  const opened = await keras.open({ shape, learningRate: LEARNING_RATE, normMax: NORM_MAX, batches });
  if (opened.parameters !== parameters) throw new EspalierError('trainer-failed', `Keras' ${shape.cell} has ${opened.parameters} parameters, ours ${parameters}.`);
}

/** One cell at one batch size. Throws usage where the interpreter does not do, trainer-failed where the networks differ. */
export async function measureCell(runtime: Runtime, keras: Keras | null, shape: ModelShape, { lengths, rounds }: CellsPlan, { lanes, steps }: CellsPlan['batches'][number], seed: number): Promise<TrainRow> {
  const random = randomFrom(seed);
  const items = randomItems(shape, lengths, lanes * steps, random), weights = initialWeights(shape, random);
  const parameters = Object.values(weightsRecord(shape, weights)).reduce((sum, { length }) => sum + length, 0);
  // The order and the lanes in which fineTune takes the same items with the same seed.
  const batches = [...batchesOf(shape, items, { lanes, window: 1, epochs: 1, random: randomFrom(seed), rowsMax: lanes * lengths.max })];
  if (keras !== null) await openKeras(keras, shape, parameters, batches);
  const measured: { ours: number; keras: number | null; oursCpus: number; kerasCpus: number | null }[] = [];
  for (let round = 0; round <= rounds; round++) {
    const began = clock.monotonicMs(), cpu = process.cpuUsage();
    const { tokensPerSecond } = await fineTune(runtime, { start: { shape, weights }, mask: fullMask(shape), teacher: null, items, plan: planOf(lanes, steps), seed, clock, signal: never, say: () => undefined });
    const { user, system } = process.cpuUsage(cpu), wallMs = clock.monotonicMs() - began;
    const rival = keras === null ? null : await keras.run();
    if (round === 0) continue;
    measured.push({ ours: tokensPerSecond, keras: rival === null ? null : rival.tokens / rival.seconds, oursCpus: (user + system) / 1000 / wallMs, kerasCpus: rival === null ? null : rival.cpuSeconds / rival.seconds });
  }
  const median = (values: readonly number[]): number => quantileOf([...values], 0.5);
  const ofBoth = (value: (round: (typeof measured)[number]) => number): number | null => (keras === null ? null : median(measured.map(value)));
  return {
    cell: shape.cell, batch: lanes, tokensPerSecond: median(measured.map(({ ours }) => ours)),
    keras: ofBoth((round) => round.keras!), ratio: ofBoth((round) => round.ours / round.keras!),
    cpus: { ours: median(measured.map(({ oursCpus }) => oursCpus)), keras: ofBoth((round) => round.kerasCpus!) },
    rounds: measured.map((round) => ({ ours: round.ours, keras: round.keras })),
  };
}
