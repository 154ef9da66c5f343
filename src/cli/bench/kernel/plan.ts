/** What the kernel bench compares: sizes, densities, batches, and the ratios that are asked for. */
import type { Cell } from '../../../model/shape.ts';

/** One thread each; `fp32`, `int8-g4` and `wasm` are ours, the others are what a user would pick instead. */
export type EngineName = 'fp32' | 'int8-g4' | 'wasm' | 'onnxruntime-fp32' | 'onnxruntime-int8' | 'openvino-bf16' | 'openvino-f32' | 'torch-bf16' | 'torch-f32';

export const OURS: readonly EngineName[] = ['fp32', 'int8-g4', 'wasm'];

/** Numbers of a frame. */
export const INPUTS = 128;
/** Steps of a sequence. */
export const STEPS = 32;
export const BATCHES: readonly number[] = [1, 16, 32, 64, 128];

export interface KernelPlan {
  readonly cells: readonly Extract<Cell, 'lstm' | 'gru'>[];
  readonly hidden: readonly number[];
  readonly densities: readonly number[];
  readonly batches: readonly number[];
  /** Measurements of each, of which the median counts; every contestant has one in each round. */
  readonly rounds: number;
  /** Of one measurement, at least; seconds of the engine's own time. */
  readonly seconds: number;
}

export const PLAN: KernelPlan = { cells: ['lstm', 'gru'], hidden: [128, 256, 512, 1024], densities: [1, 0.5, 0.3, 0.2, 0.1, 0.05], batches: BATCHES, rounds: 7, seconds: 0.06 };
export const QUICK: KernelPlan = { cells: ['lstm', 'gru'], hidden: [64], densities: [1, 0.1], batches: [1, 32], rounds: 3, seconds: 0.005 };

/** What is to be shown of 512 units and 128 inputs: at least so many times the peer's rate. */
export const DEMANDS: readonly { readonly ours: EngineName; readonly cell: 'lstm' | 'gru'; readonly density: number; readonly batch: number | 'best'; readonly peer: EngineName; readonly least: number }[] = [
  { ours: 'fp32', cell: 'lstm', density: 0.2, batch: 'best', peer: 'onnxruntime-fp32', least: 4 },
  { ours: 'fp32', cell: 'lstm', density: 0.2, batch: 'best', peer: 'onnxruntime-int8', least: 1.6 },
  { ours: 'fp32', cell: 'lstm', density: 0.1, batch: 'best', peer: 'onnxruntime-fp32', least: 7 },
  { ours: 'fp32', cell: 'lstm', density: 0.1, batch: 'best', peer: 'onnxruntime-int8', least: 2.8 },
  { ours: 'fp32', cell: 'lstm', density: 0.05, batch: 'best', peer: 'onnxruntime-fp32', least: 12 },
  { ours: 'fp32', cell: 'lstm', density: 0.05, batch: 'best', peer: 'onnxruntime-int8', least: 4.8 },
  { ours: 'int8-g4', cell: 'lstm', density: 0.1, batch: 'best', peer: 'onnxruntime-fp32', least: 16 },
  { ours: 'int8-g4', cell: 'lstm', density: 0.1, batch: 'best', peer: 'onnxruntime-int8', least: 6.4 },
  { ours: 'fp32', cell: 'lstm', density: 0.1, batch: 1, peer: 'onnxruntime-fp32', least: 13 },
  { ours: 'fp32', cell: 'lstm', density: 0.1, batch: 1, peer: 'onnxruntime-int8', least: 1.1 },
  { ours: 'int8-g4', cell: 'lstm', density: 0.1, batch: 1, peer: 'onnxruntime-fp32', least: 40 },
  { ours: 'int8-g4', cell: 'lstm', density: 0.1, batch: 1, peer: 'onnxruntime-int8', least: 3.4 },
  { ours: 'fp32', cell: 'gru', density: 0.1, batch: 'best', peer: 'onnxruntime-fp32', least: 8 },
];

export interface KernelRow {
  readonly engine: EngineName;
  readonly cell: Cell;
  readonly hidden: number;
  /** Of the connections; a peer runs the dense network, which zeros would not speed up. */
  readonly density: number;
  /** Sequences side by side, or the best of them, which is named. */
  readonly batch: number | 'best';
  readonly bestBatch?: number;
  /** fixed: every sequence has STEPS steps; clinc150: the lengths of that corpus, padded by the engines that must, in the order they come or sorted. */
  readonly lengths: 'fixed' | 'clinc150' | 'clinc150-sorted';
  /** Median over the rounds; padding does not count. */
  readonly laneStepsPerSecond: number;
}

export interface KernelRatio {
  readonly ours: EngineName;
  readonly peer: EngineName;
  readonly cell: Cell;
  readonly hidden: number;
  readonly density: number;
  readonly batch: number | 'best';
  readonly lengths: KernelRow['lengths'];
  readonly ratio: number;
}
