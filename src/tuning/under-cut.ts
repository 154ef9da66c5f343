/**
 * Repair under the cut model's own activity: its states, and with them what deeper layers read, are not its parent's any
 * more, and the least squares of the first repair were made for the parent's.
 */
import { mergeMoments } from '../evidence/moments.ts';
import type { ReplayItem } from '../evidence/replay.ts';
import type { Mask, Weights } from '../model/shape.ts';
import type { LayerGradient } from '../pruning/criterion.ts';
import { chooseRidge } from '../pruning/choose-ridge.ts';
import { repairLayer } from '../pruning/reconstruct.ts';
import type { OutputMoments } from '../pruning/reconstruct-output.ts';
import { reconstructOutput } from '../pruning/reconstruct-output.ts';
import { residualGains } from '../pruning/regrow.ts';
import type { CollectedMoments } from './moments-of.ts';
import { momentsOf } from './moments-of.ts';
import type { Runtime } from './ops.ts';
import type { Network } from './parameters.ts';

export interface UnderCut {
  /** Whose pre-activations and logits are to be kept; of the shape of the cut model. */
  readonly reference: Network;
  readonly cut: Weights;
  readonly items: readonly ReplayItem[];
  readonly vectorsMax: number;
  /** Whether the output layer is to be repaired too. */
  readonly withOutput: boolean;
}

/** Moments of the cut model with the reference on the same sequences; in halves of the sequences where there are two or more, by which λ is chosen. */
export interface Collected extends UnderCut { readonly whole: CollectedMoments; readonly halves: readonly [CollectedMoments, CollectedMoments] | null }

const weighted = (a: Float64Array, b: Float64Array, share: number): Float64Array => a.map((value, at) => share * value + (1 - share) * b[at]!);
type Pair = { readonly second: Float64Array; readonly parentSecond: Float64Array };
const joinedPair = (a: Pair, b: Pair, share: number): Pair => ({ second: weighted(a.second, b.second, share), parentSecond: weighted(a.parentSecond, b.parentSecond, share) });

function joinedOutput(a: OutputMoments, b: OutputMoments): OutputMoments {
  const answers = a.answers + b.answers, share = a.answers / answers;
  return { answers, second: weighted(a.second, b.second, share), cross: a.cross === null || b.cross === null ? null : joinedPair(a.cross, b.cross, share) };
}

function joined(a: CollectedMoments, b: CollectedMoments): CollectedMoments {
  return {
    moments: a.moments.map((own, index) => mergeMoments(own, b.moments[index]!)),
    cross: a.cross === null || b.cross === null ? null : a.cross.map((own, index) => joinedPair(own, b.cross![index]!, a.moments[index]!.vectors / (a.moments[index]!.vectors + b.moments[index]!.vectors))),
    output: a.output === null || b.output === null ? null : joinedOutput(a.output, b.output),
  };
}

/** Throws evidence-invalid without items, aborted. */
export async function collectUnder(runtime: Runtime, under: UnderCut, signal: AbortSignal): Promise<Collected> {
  const { reference, cut, items, vectorsMax, withOutput } = under;
  const over = (part: readonly ReplayItem[], vectors: number): Promise<CollectedMoments> =>
    momentsOf(runtime, { id: 'cut', model: { shape: reference.shape, weights: cut }, parent: reference, items: part, vectorsMax: vectors, withOutput }, signal);
  if (items.length < 2) return { ...under, whole: await over(items, vectorsMax), halves: null };
  const halves = [await over(items.filter((_, at) => at % 2 === 0), vectorsMax / 2), await over(items.filter((_, at) => at % 2 === 1), vectorsMax / 2)] as const;
  return { ...under, whole: joined(...halves), halves };
}

/** The weights solved anew under the mask, starting from `current`. @param kept rows of the output layer that may weigh something; null leaves that layer */
export function repairUnder({ reference: { shape, weights }, whole: { moments, cross, output }, halves }: Collected, current: Weights, mask: Mask, kept: Uint8Array | null): Weights {
  const layers = current.layers.map((layer, index) => {
    const problem = { shape, index, parent: weights.layers[index]!, current: layer, mask: mask[index]! };
    const half = (side: CollectedMoments) => ({ moments: side.moments[index]!, cross: side.cross![index]! });
    const ridge = halves === null ? {} : { ridge: chooseRidge(problem, [half(halves[0]), half(halves[1])]) };
    return repairLayer({ ...problem, moments: moments[index]!, cross: cross![index]!, ...ridge });
  });
  if (kept === null || output === null) return { ...current, layers };
  const { output: rows, outputBias } = reconstructOutput({ parent: weights, current, kept, moments: output });
  return { ...current, layers, output: rows, outputBias };
}

/** What dead connections would save, for each layer; in units of the loss where there are gradients. */
export const gainsUnder = ({ reference: { shape, weights }, whole: { moments, cross } }: Collected, current: Weights, mask: Mask, gradients: readonly LayerGradient[] | null): readonly Float64Array[] =>
  current.layers.map((layer, index) => residualGains({ shape, index, parent: weights.layers[index]!, current: layer, mask: mask[index]!, moments: moments[index]!, cross: cross![index]! }, gradients?.[index]!.biasSquares ?? null));
