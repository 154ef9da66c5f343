/** The native addon as JavaScript sees it, and where it lies. See src/kernel/README.md. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { EspalierError } from '../../errors.ts';
import type { PackedG4 } from '../../model/pack-g4.ts';
import type { PackedModel } from '../../model/pack.ts';
import type { Cell } from '../../model/shape.ts';

/** A loaded model; an opaque external of the addon. */
export interface AddonHandle { readonly opaque: unique symbol }

/** int8-g4: weights and activations of 8 bits, in groups of four. */
export type Precision = 'fp32' | 'int8-g4';
/** Of a variant, by its name. */
export const precisionOf = (variant: string): Precision => (variant.endsWith('-g4') ? 'int8-g4' : 'fp32');

export interface AddonVariant {
  readonly name: string;
  /** Instruction sets it needs, in words. */
  readonly needs: string;
  readonly precision: Precision;
  readonly supported: boolean;
  /** Lanes of a block, narrowest first. */
  readonly widths: readonly number[];
}

export interface AddonResult {
  readonly steps: number;
  /** By the wall clock, and by the CPU time of the thread that ran it. */
  readonly ms: number;
  readonly cpuMs: number;
  readonly rows: number;
  /** What each layer read, [rows, columns] (`Activity`); empty for an empty batch. */
  readonly values: readonly Float32Array[];
}

export const OUTPUT_MODES = { none: 0, tag: 1, next: 1, classify: 2, regress: 3 } as const;
export type OutputMode = (typeof OUTPUT_MODES)[keyof typeof OUTPUT_MODES];

/** Calls queue work on libuv's pool; their arrays must not be touched before the promise settles. */
export interface Addon {
  variants(): readonly AddonVariant[];
  /** Handle and its bytes. Throws where an array does not fit or a source is out of range. */
  load(...args: LoadArguments | LoadArgumentsG4): readonly [AddonHandle, number];
  /** Calls in flight end well; later ones are refused. */
  release(handle: AddonHandle): void;
  /**
   * Tokens [steps] or frames [steps, inputs]; h and c [sequences, units of all layers] (c empty but for the LSTM), labels,
   * values [sequences, outputs] and confidence are written in place; best and chances [labels, top] too, where top > 1. To
   * activity [2, units of all layers] are added the sums of |h| and h² over all steps. Rejects with code and sequence.
   */
  infer(handle: AddonHandle, inputs: Int32Array | Float32Array, offsets: Uint32Array, h: Float32Array, c: Float32Array, labels: Int32Array, values: Float32Array, confidence: Float32Array, mode: OutputMode, every: number, phase: number, top: number, best: Int32Array, chances: Float32Array, activity: Float64Array): Promise<AddonResult>;
  gram(variant: string, values: Float32Array, rows: number, columns: number, into: Float64Array): Promise<number>;
}

type LayerArguments = readonly [units: number, inputs: number, ptr: Uint32Array, source: Uint32Array, values: Float32Array, bias: Float32Array];
type LayerArgumentsG4 = readonly [units: number, inputs: number, ptr: Uint32Array, source: Uint32Array, values: Int8Array, bias: Float32Array, scale: Float32Array];
type Sizes = readonly [variant: string, cell: number, bidirectional: 0 | 1, vocabulary: number, outputs: number];
export type LoadArguments = readonly [...Sizes, layers: readonly LayerArguments[], embedding: Float32Array, output: Float32Array, outputBias: Float32Array];
/** Of the variants whose precision is int8-g4. */
export type LoadArgumentsG4 = readonly [...Sizes, layers: readonly LayerArgumentsG4[],
  embedding: readonly [bytes: Uint8Array, step: number], output: readonly [weights: Int8Array, scale: Float32Array], outputBias: Float32Array];

/** As the kernel numbers them. */
const CELLS: readonly Cell[] = ['lstm', 'gru', 'gru-before', 'rnn-tanh', 'rnn-relu'];

export const loadArguments = (variant: string, p: PackedModel): LoadArguments => [
  variant, CELLS.indexOf(p.cell), p.bidirectional ? 1 : 0, p.vocabulary, p.outputs,
  p.layers.map((l) => [l.units, l.inputs, l.ptr, l.source, l.values, l.bias] as const), p.embedding, p.output, p.outputBias,
];

export const loadArgumentsG4 = (variant: string, p: PackedG4): LoadArgumentsG4 => [
  variant, CELLS.indexOf(p.cell), p.bidirectional ? 1 : 0, p.vocabulary, p.outputs,
  p.layers.map((l) => [l.units, l.inputs, l.ptr, l.source, l.values, l.bias, l.scale] as const), [p.embedding, p.step], [p.output, p.outputScale], p.outputBias,
];

function folderOfPackage(): string {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(folder, 'package.json')) && path.dirname(folder) !== folder) folder = path.dirname(folder);
  return folder;
}

/** Where this machine's own build lies: build/kernel/espalier_kernel.node under the folder of package.json. */
export const kernelPath = (): string => path.join(folderOfPackage(), 'build', 'kernel', 'espalier_kernel.node');

/** Where a prebuilt addon lies, named as node-gyp-build has it: prebuilds/<platform>-<arch>/espalier.node. */
export const prebuildPath = (): string => path.join(folderOfPackage(), 'prebuilds', `${process.platform}-${process.arch}`, 'espalier.node');

/** Where to look for the addon, in this order: those that are there, or the place of the own build where none is. */
export function kernelPaths(): readonly string[] {
  const found = [kernelPath(), prebuildPath()].filter((file) => existsSync(file));
  return found.length > 0 ? found : [kernelPath()];
}

/** Loads the addon into this process. Probe it first (probe.ts): a broken binary can end the process. Throws engine-unavailable. */
export function loadAddon(file: string = kernelPath()): Addon {
  try {
    return createRequire(import.meta.url)(file) as Addon;
  } catch (error) {
    throw new EspalierError('engine-unavailable', `${file}: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`, error);
  }
}
