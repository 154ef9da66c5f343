/** What a model could leave out that the traffic never uses: rows of the vocabulary, classes of the output layer. */
import type { ReplayItem } from '../../../evidence/replay.ts';
import type { Right, Traffic, World } from './world.ts';
import { rightOf } from './world.ts';

const BYTES = Float32Array.BYTES_PER_ELEMENT;

export interface Specialising {
  readonly seed: number;
  readonly intents: number;
  readonly words: number;
  readonly wordsUsed: number;
  readonly classes: number;
  readonly classesUsed: number;
  /** Of the dense model in float32; then what the rows and classes that are never used take of it. */
  readonly bytes: number;
  readonly wordBytesSaved: number;
  readonly classBytesSaved: number;
  /** Dense model on the test requests of the traffic's intents: as it is (asked: only used classes), and with unused words unknown. */
  readonly dense: Right;
  readonly fewerWords: Right;
}

export async function specialising(world: World, seed: number, { texts, intents }: Traffic, used: ReadonlySet<number>): Promise<Specialising> {
  const { dense, clinc: { test } } = world, { shape: { vocabulary, inputs, outputs, layers } } = dense;
  const words = new Set(texts.flatMap((item) => [...item.inputs])), unknown = vocabulary - 1;
  const fewer = test.map((item): ReplayItem => ({ ...item, inputs: Int32Array.from(item.inputs, (word) => (words.has(word) ? word : unknown)) }));
  const { weights } = dense, all = [weights.embedding, ...weights.layers.flatMap(({ kernel, bias }) => [kernel, bias]), weights.output, weights.outputBias];
  return {
    seed, intents: intents.size, words: vocabulary, wordsUsed: words.size, classes: outputs, classesUsed: used.size,
    bytes: BYTES * all.reduce((sum, tensor) => sum + tensor.length, 0),
    // The row of unknown words stays.
    wordBytesSaved: BYTES * inputs * (vocabulary - new Set([...words, unknown]).size),
    classBytesSaved: BYTES * (outputs - used.size) * (layers.at(-1)! + 1),
    dense: await rightOf(world, dense, test, intents, used), fewerWords: await rightOf(world, dense, fewer, intents, used),
  };
}
