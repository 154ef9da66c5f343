/** Runs every int8 variant of an addon, built with sanitizers, on random networks: node int8-check.ts ADDON ROUNDS SEED. */
import { loadAddon } from '../../../src/adapters/engine/addon.ts';
import { NativeEngine } from '../../../src/adapters/engine/native.ts';
import { sampleModel } from '../../../src/model/sample-model.ts';
import type { Cell, ModelShape } from '../../../src/model/shape.ts';
import { stateLengths } from '../../../src/model/shape.ts';
import type { EngineSequence } from '../../../src/ports.ts';
import { randomFrom } from '../../../src/support/random.ts';

const [, , file, rounds, seed] = process.argv;
const random = randomFrom(Number(seed)), below = (n: number): number => Math.floor(random() * n);
const CELLS: readonly Cell[] = ['lstm', 'gru', 'gru-before', 'rnn-tanh'], DENSITIES = [0, 0.05, 0.3, 1];

function shapeOf(round: number): ModelShape {
  const task = (['tag', 'classify', 'next', 'regress'] as const)[below(4)]!, vocabulary = 2 + below(30), whole = task === 'classify' || task === 'regress';
  const bidirectional = whole && random() < 0.4;
  return {
    cell: CELLS[round % CELLS.length]!, vocabulary, inputs: 1 + below(40), layers: Array.from({ length: 1 + below(3) }, () => 1 + below(random() < 0.1 ? 200 : 30)), task,
    outputs: task === 'next' ? vocabulary : 1 + below(20), state: bidirectional ? 'reset' : 'carry', ...(bidirectional ? { bidirectional } : {}),
  };
}

function sequencesOf(shape: ModelShape): readonly EngineSequence[] {
  const lengths = stateLengths(shape), draw = (length: number): Float32Array => Float32Array.from({ length }, () => 2 * random() - 1);
  return Array.from({ length: 1 + below(70) }, (_, at) => ({
    inputs: Int32Array.from({ length: 1 + below(12) }, () => below(shape.vocabulary)),
    h: at % 2 === 0 || shape.state === 'reset' ? null : draw(lengths.h), c: at % 2 === 0 || shape.state === 'reset' ? null : draw(lengths.c),
  }));
}

const addon = loadAddon(file);
for (const { name, supported, precision } of addon.variants()) {
  if (!supported || precision !== 'int8-g4') continue;
  const engine = new NativeEngine(addon, name);
  for (let round = 0; round < Number(rounds); round++) {
    const shape = shapeOf(round), model = sampleModel(shape, DENSITIES[below(DENSITIES.length)]!, random);
    await engine.enlist(model);
    const { answers, units } = await engine.infer({ model: model.id, sequences: sequencesOf(shape), sample: { every: 1 + below(3), phase: below(3) }, top: 1 + below(16) });
    if (answers.some(({ h, c, confidence, ranked }) => ![...h, ...c, confidence, ...ranked?.probabilities ?? [], ...units!.squares].every(Number.isFinite))) throw new Error(`${name}: not finite, round ${round}`);
    await engine.retire(model.id);
  }
  process.stdout.write(`checked ${name}\n`);
}
