/** What the loop wants of a training process, and what comes back. JSON-safe. */
import type { ModelId } from '../model/model.ts';

/** What a job may demand of the process that does it: any device, or a GPU and nothing else. */
export type DeviceDemand = 'any' | 'gpu';
export type CriterionName = 'random' | 'magnitude' | 'activity' | 'obs' | 'gradient' | 'movement' | 'fisher';
/**
 * network: one ranking over all layers, relative to the mean of each; sensitivity: one ranking, in units of the output's
 * error that cutting each layer alone causes; layer: each layer keeps the same share; unit: each target unit does.
 */
export type RankingScope = 'network' | 'sensitivity' | 'layer' | 'unit';

/**
 * What goes as one: connection, all gate weights of k → j; g4, four consecutive sources 4q..4q+3 of [x; h] into one unit;
 * unit, h and c with all that enters and leaves; layer, a whole layer of a stack.
 */
export type Granularity = 'connection' | 'g4' | 'unit' | 'layer';

/** One job: prune the parent (if a criterion is named), reconstruct, then train on the replay sample. */
export interface TuningJob {
  readonly id: string;
  readonly cycle: number;
  readonly seed: number;
  /** Model to start from (a reference into the vault); an untrained one for the first training. */
  readonly parent: ModelId;
  /** Model whose soft-max teaches; null trains on labels alone. */
  readonly teacher: ModelId | null;
  /** Model from which budgets are counted; null makes the result an anchor itself. */
  readonly anchor: ModelId | null;
  /** Replay samples in the vault (merged before use). */
  readonly replay: readonly string[];
  /** Moments of the parent in the vault (merged before use); empty: collected from the replay sample. */
  readonly moments: readonly string[];
  /** Target density of connections; of units where they are what goes; ignored for layers, and where the criterion is null. */
  readonly density: number;
  readonly criterion: CriterionName | null;
  readonly scope: RankingScope;
  /** connection where left out, as in records of before there was a choice. */
  readonly granularity?: Granularity;
  /** Share of the connections alive after the job that may be others than before it: so many more are cut, and as many come back. None where left out. */
  readonly regrow?: number;
  readonly reconstruct: boolean;
  readonly training: TrainingPlan;
  /** In words, for the lineage of the candidate. */
  readonly trainedOn: string;
  /** Where it must be computed; any where it is left out, as in journals from before there was a choice. */
  readonly device?: DeviceDemand;
}

export interface TrainingPlan {
  /** Optimizer steps. */
  readonly steps: number;
  /** Lanes (sequences side by side) of one step. */
  readonly lanes: number;
  /** Steps of time of one optimizer step, where state is carried (truncated back-propagation through time). */
  readonly window: number;
  /** Peak learning rate of Adam; cosine decay to 2 % of it. */
  readonly learningRate: number;
  /** Share of the loss that the labels get; the teacher gets the rest. 1 without a teacher. */
  readonly labelShare: number;
  /** Temperature of the distillation (Hinton et al. 2015). */
  readonly temperature: number;
  /** Drop-out on inputs and outputs of the recurrent layer, 0 to below 1. */
  readonly dropout: number;
  /** Share of the replay items set aside for the examination, never trained on. */
  readonly heldOut: number;
  /** Wall-clock bound; training ends early (with what it has) when it is reached. */
  readonly secondsMax: number;
  /** regress: largest error of a number that counts as right in training and examination; 0.1 where left out. */
  readonly errorMax?: number;
  /** Optimizer steps of each short trial of a learning rate (half, once, twice, four times `learningRate`) before training; 0 or left out takes it as it is. */
  readonly probeSteps?: number;
  /** Looks at the held-out loss (20 in a training) in succession without a better one after which training ends with the best weights; 0 or left out trains to the end. */
  readonly patience?: number;
  /** Share of the steps in which connections that are to go shrink to zero, instead of being cut and repaired first; none where left out. */
  readonly shrink?: number;
}

export interface CandidateReport {
  /** On the items set aside: share of right steps, mean cross-entropy in nats, agreement with the teacher (null without one). */
  readonly accuracy: number;
  readonly loss: number;
  readonly agreement: number | null;
  /** The same accuracy for the parent, before anything was done. */
  readonly parentAccuracy: number;
  /** Accuracy right after pruning (and reconstruction), before training; null where nothing was pruned. */
  readonly prunedAccuracy: number | null;
  readonly heldOutSteps: number;
  /** Largest difference of (h, c) between the packed kernel and TensorFlow on the same sequences, relative above 1. */
  readonly parity: number;
  readonly density: number;
  /** What went, where it was not connections; the units of each layer that are left; connections that came back. */
  readonly granularity?: Granularity;
  readonly layers?: readonly number[];
  /** The same of the parent. */
  readonly parentLayers?: readonly number[];
  readonly regrown?: number;
  /** Alive connections of each layer: from the inputs, and from the state. */
  readonly densities: readonly { readonly inputs: number; readonly state: number }[];
  /** C(S) = Σ |w| p and C(W) = Σ w² over the alive weights (design: two formulas that are often quoted). */
  readonly structuralCost: number;
  readonly weightCost: number;
  readonly bytes: number;
  readonly steps: number;
  readonly seconds: number;
  /** Peak learning rate, and the held-out loss of each that was tried. */
  readonly learningRate?: number;
  readonly probed?: readonly { readonly rate: number; readonly loss: number }[];
  /** The step whose weights these are, and what ended training. */
  readonly bestStep?: number;
  readonly trainingEnded?: 'steps' | 'time' | 'held-out';
  /** The optimizer step from which the job went on after it was cut off; left out where it was done in one go. */
  readonly resumedAt?: number;
}

export interface Candidate {
  readonly job: string;
  readonly model: ModelId;
  readonly report: CandidateReport;
}

/** Where a training process computes, and with what. */
export interface Device {
  readonly device: 'cpu' | 'gpu';
  /** Version of TensorFlow. */
  readonly tensorflow: string;
  /** The GPU of the machine, whether TensorFlow uses it or not: its name, and the version of its driver; null where there is none, or none is told. */
  readonly gpu: string | null;
  readonly driver: string | null;
  /** Versions of the GPU libraries that the set-up brought; null where it brought none. */
  readonly cuda: string | null;
  readonly cudnn: string | null;
}

export type TuningNews =
  | { readonly kind: 'device'; readonly device: Device }
  | { readonly kind: 'stage'; readonly stage: 'load' | 'score' | 'choose' | 'reconstruct' | 'train' | 'examine' | 'parity' | 'store'; readonly ms: number }
  /** A job that was cut off goes on from its checkpoint, at this optimizer step. */
  | { readonly kind: 'resumed'; readonly step: number; readonly steps: number }
  | { readonly kind: 'progress'; readonly step: number; readonly steps: number; readonly loss: number; readonly accuracy: number; readonly tokensPerSecond: number }
  | { readonly kind: 'candidate'; readonly candidate: Candidate };
