import type { Tokenizer } from './tokenizer.ts';
import type { Mask, ModelShape, Weights } from './shape.ts';

/** SHA-256 of the artifact's bytes, in hexadecimal. */
export type ModelId = string;

/** Where a model comes from. */
export interface Lineage {
  readonly parent: ModelId | null;
  /** The last dense (or densely retrained) ancestor, from which every accuracy budget is counted; null for an anchor itself. */
  readonly anchor: ModelId | null;
  readonly cycle: number;
  /** Alive connections divided by all connections. */
  readonly density: number;
  /** Name of the criterion, or null where nothing was pruned. */
  readonly criterion: string | null;
  readonly seed: number;
  /** What it was trained on, in words. */
  readonly trainedOn: string;
  /**
   * For each unit (all layers one after the other) the unit of the parent that it was; only where they are not the same.
   * By it the state of a session goes from the parent to this model at a swap.
   */
  readonly origins?: readonly number[];
}

export interface Model {
  readonly id: ModelId;
  readonly shape: ModelShape;
  readonly weights: Weights;
  readonly mask: Mask;
  readonly tokenizer: Tokenizer;
  /** Label names, in the order of the outputs. */
  readonly labels: readonly string[];
  readonly lineage: Lineage;
}

/** A model before its bytes are known. */
export type ModelDraft = Omit<Model, 'id'>;
