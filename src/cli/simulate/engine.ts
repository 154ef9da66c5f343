/** A scripted engine: models are accuracy levels, so the truth about each is known; it may fail, be slow, or be wrong. */
import { EspalierError } from '../../errors.ts';
import type { Model, ModelId } from '../../model/model.ts';
import type { Clock, Engine, EngineAnswer, EngineCall, EngineSequence } from '../../ports.ts';
import { mix32 } from '../../support/hash.ts';
import { phaseOfToken, truthOf } from '../../traffic/world.ts';
import { OUTPUTS } from './plan.ts';

/** How good a model is. */
export interface Skill {
  /** Probability of a right label at each step, by the phase of the drift. */
  readonly right: readonly number[];
  /** Share of the steps in which it errs on its own, not where its siblings err. */
  readonly independent: number;
  readonly key: number;
}

export interface EnginePorts {
  readonly clock: Clock;
  readonly skillOf: (model: ModelId) => Skill;
  /** Latency of one call, milliseconds; throws where the engine fails. */
  readonly infer: (call: EngineCall) => number;
  readonly enlist: (model: Model) => number;
  /** Told of a call for a model that is not enlisted. */
  readonly stranger: (model: ModelId) => void;
}

const uniform = (hash: number): number => hash / 2 ** 32;

/** The steps of one sequence. The state counts the sequences of the session; the confidence lets the world see it. */
function answerOf({ inputs, h }: EngineSequence, skill: Skill): EngineAnswer {
  let text = 0x2545f491;
  for (const token of inputs) text = mix32(text ^ (token + 1));
  const labels = Int32Array.from(inputs, (token, step) => {
    const shared = mix32(text + step), own = mix32(shared ^ skill.key);
    const draw = uniform(own) < skill.independent ? mix32(own + 1) : shared;
    const right = uniform(draw) < (skill.right[phaseOfToken(token)] ?? skill.right.at(-1)!);
    const truth = truthOf(token, OUTPUTS);
    return right ? truth : (truth + 1 + mix32(draw + 2) % (OUTPUTS - 1)) % OUTPUTS;
  });
  const count = (h?.[0] ?? 0) + 1;
  return { labels, confidence: confidenceOf(count), h: Float32Array.of(count, 0), c: Float32Array.of(count, 0) };
}

/** What the confidence of an answer says: how many sequences its state has seen, this one included. */
export const confidenceOf = (count: number): number => count / 1024;

export function scriptedEngine({ clock, skillOf, infer, enlist, stranger }: EnginePorts): Engine {
  const enlisted = new Set<ModelId>();
  return {
    name: 'scripted',
    enlist: async (model) => {
      const ms = enlist(model);
      await clock.sleep(ms);
      enlisted.add(model.id);
      return { ms, parity: 0, bytes: 1 };
    },
    infer: async (call) => {
      const { model, sequences, sample } = call;
      if (!enlisted.has(model)) {
        stranger(model);
        throw new EspalierError('model-unknown', model);
      }
      const kernelMs = infer(call);
      if (kernelMs > 0) await clock.sleep(kernelMs);
      const skill = skillOf(model);
      const steps = Math.max(...sequences.map(({ inputs }) => inputs.length));
      const rows = sample === null ? 0 : Math.floor((steps + sample.phase % sample.every) / sample.every);
      return { answers: sequences.map((sequence) => answerOf(sequence, skill)), activity: rows === 0 ? null : { rows, columns: 3, values: new Float32Array(3 * rows) }, steps, kernelMs };
    },
    gram: () => Promise.resolve(0),
    retire: (model) => {
      enlisted.delete(model);
      return Promise.resolve();
    },
  };
}
