/** CLINC150 (Larson et al. 2019): short requests and their intents, of the 150 that are in scope. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EspalierError } from '../../errors.ts';
import type { ReplayItem } from '../../evidence/replay.ts';

export interface Clinc {
  readonly train: readonly ReplayItem[];
  readonly validation: readonly ReplayItem[];
  readonly test: readonly ReplayItem[];
  /** Words of the training part, by id, and their number with one id more for all others. */
  readonly words: readonly string[];
  readonly vocabulary: number;
  readonly labels: readonly string[];
}

type Pairs = readonly (readonly [text: string, intent: string])[];

const wordsOf = (text: string): string[] => text.toLowerCase().split(/\s+/).filter((word) => word !== '');

function pairsOf(file: string, parsed: unknown, part: string): Pairs {
  const pairs = (parsed as Record<string, unknown> | null)?.[part];
  const sound = Array.isArray(pairs) && pairs.length > 0 && pairs.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every((text) => typeof text === 'string') && wordsOf(pair[0] as string).length > 0);
  if (!sound) throw new EspalierError('data-unreadable', `${file}: ${part} is not a list of [text, intent].`);
  return pairs as Pairs;
}

/** @param folder holds `clinc150/data_full.json`, or that file itself. Throws data-unreadable. */
export async function readClinc(folder: string): Promise<Clinc> {
  const files = [join(folder, 'clinc150', 'data_full.json'), join(folder, 'data_full.json')];
  let text: string | undefined;
  for (const file of files) text ??= await readFile(file, 'utf8').catch(() => undefined);
  const file = files[0]!;
  if (text === undefined) throw new EspalierError('data-unreadable', `Neither ${files.join(' nor ')} is there.`);
  let parsed: unknown;
  try { parsed = JSON.parse(text); } catch (error) { throw new EspalierError('data-unreadable', `${file} is not JSON.`, error); }
  const train = pairsOf(file, parsed, 'train');
  const words = new Map<string, number>();
  for (const [sentence] of train) for (const word of wordsOf(sentence)) if (!words.has(word)) words.set(word, words.size);
  const labels = [...new Set(train.map(([, intent]) => intent))].sort();
  const ids = new Map(labels.map((label, id) => [label, id]));
  const itemsOf = (part: string, pairs: Pairs): readonly ReplayItem[] => pairs.map(([sentence, intent], at) => ({
    id: `${part}-${at}`,
    inputs: Int32Array.from(wordsOf(sentence), (word) => words.get(word) ?? words.size),
    targets: Int32Array.of(ids.get(intent) ?? -1),
  }));
  return { train: itemsOf('train', train), validation: itemsOf('val', pairsOf(file, parsed, 'val')), test: itemsOf('test', pairsOf(file, parsed, 'test')), words: [...words.keys()], vocabulary: words.size + 1, labels };
}
