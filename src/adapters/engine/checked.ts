/** What both engines refuse before they work, so that a bad call has the same code everywhere. */
import { assert, EspalierError } from '../../errors.ts';
import { checkShape, tensorLengths } from '../../model/cell.ts';
import type { Model } from '../../model/model.ts';
import type { LayerShape, ModelShape } from '../../model/shape.ts';
import { layerShapes, stateLengths } from '../../model/shape.ts';
import type { EngineCall, EngineSequence } from '../../ports.ts';

/** Throws shape-unsupported, and engine-mismatch where a tensor has another length than its shape or is not finite. */
export function checkModel(model: Model): void {
  const { weights, mask, shape } = model;
  checkShape(shape);
  const lengths = tensorLengths(shape);
  const layers = layerShapes(shape);
  if (weights.layers.length !== layers.length || mask.length !== layers.length) {
    throw new EspalierError('engine-mismatch', `${weights.layers.length} layers of weights and ${mask.length} of masks; the shape needs ${layers.length}.`);
  }
  checkTensor('embedding', weights.embedding, lengths.embedding);
  for (const { index, units, sources } of layers) {
    const layer = weights.layers[index]!, bits = mask[index]!, needed = lengths.layers[index]!;
    checkTensor(`kernel of layer ${index}`, layer.kernel, needed.kernel);
    checkTensor(`bias of layer ${index}`, layer.bias, needed.bias);
    if (layer.recurrentBias !== undefined) checkTensor(`recurrent bias of layer ${index}`, layer.recurrentBias, needed.recurrentBias);
    if (bits.length !== sources * units || bits.some((bit) => bit > 1)) throw new EspalierError('engine-mismatch', `The mask of layer ${index} is not ${sources * units} bytes 0 or 1.`);
  }
  checkTensor('output', weights.output, lengths.output);
  checkTensor('outputBias', weights.outputBias, lengths.outputBias);
}

function checkTensor(name: string, values: Float32Array | undefined, length: number): void {
  if (values?.length !== length) throw new EspalierError('engine-mismatch', `Tensor ${name} has ${values?.length ?? 0} numbers; the shape needs ${length}.`);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new EspalierError('engine-mismatch', `Tensor ${name} holds ${values[bad]} at ${bad}.`);
}

/** Numbers of a row of `Activity`: the sources, and for the GRUs one more for each unit. */
export const activityColumns = ({ sources, units, gates }: LayerShape): number => sources + (gates === 3 ? units : 0);

/** Labels of an answer, at most; as the kernel's header has it. */
export const TOP_MAX = 16;

/** Labels of each answer of a call: no more than the model has. */
export const topOf = ({ top = 1 }: Pick<EngineCall, 'top'>, { outputs, task }: ModelShape): number => (task === 'regress' ? 1 : Math.min(top, outputs));

/**
 * Throws request-empty, token-unknown, and engine-failed for frames or a state of the wrong length or not finite.
 * @param numbers false: only types and lengths, where the engine itself looks at every number
 */
export function checkCall(call: EngineCall, shape: ModelShape, numbers = true): void {
  const lengths = stateLengths(shape);
  if (call.sample !== null) assert(Number.isSafeInteger(call.sample.every) && call.sample.every >= 1 && Number.isSafeInteger(call.sample.phase), 'sample: whole every >= 1 and whole phase');
  if (call.top !== undefined) assert(Number.isSafeInteger(call.top) && call.top >= 1 && call.top <= TOP_MAX, `top: a whole number from 1 to ${TOP_MAX}`);
  call.sequences.forEach((sequence, at) => {
    checkInputs(sequence.inputs, shape, at, numbers);
    for (const name of ['h', 'c'] as const) {
      const state = sequence[name];
      if (state !== null && state.length !== lengths[name]) throw new EspalierError('engine-failed', `The state ${name} of sequence ${at} has ${state.length} numbers; the model has ${lengths[name]}.`);
      if (numbers && state?.some((value) => !Number.isFinite(value)) === true) throw new EspalierError('engine-failed', `The state ${name} of sequence ${at} is not finite.`);
    }
  });
}

function checkInputs(inputs: EngineSequence['inputs'], shape: ModelShape, at: number, numbers: boolean): void {
  if (inputs.length === 0) throw new EspalierError('request-empty', `Sequence ${at} of the call.`);
  if (shape.vocabulary > 0) {
    if (!(inputs instanceof Int32Array)) throw new EspalierError('engine-failed', `Sequence ${at} holds frames; the model reads token ids.`);
    const bad = !numbers ? -1 : inputs.findIndex((token) => token < 0 || token >= shape.vocabulary);
    if (bad >= 0) throw new EspalierError('token-unknown', `Id ${inputs[bad]} at step ${bad} of sequence ${at}; the vocabulary has ${shape.vocabulary}.`);
    return;
  }
  if (!(inputs instanceof Float32Array) || inputs.length % shape.inputs !== 0) throw new EspalierError('engine-failed', `Sequence ${at} is not frames of ${shape.inputs} numbers each.`);
  if (numbers && inputs.some((value) => !Number.isFinite(value))) throw new EspalierError('engine-failed', `A frame of sequence ${at} is not finite.`);
}

/** (s + phase) % every === 0 for steps s ≥ 0, whatever the sign and size of the phase: the phase within [0, every). */
export const phaseWithin = (phase: number, every: number): number => ((phase % every) + every) % every;
