/** What both engines refuse before they work, so that a bad call has the same code everywhere. */
import { assert, EspalierError } from '../../errors.ts';
import { checkShape, tensorLengths } from '../../model/cell.ts';
import type { Model } from '../../model/model.ts';
import type { ModelShape } from '../../model/shape.ts';
import { sourcesOf, unitsOf } from '../../model/shape.ts';
import type { EngineCall } from '../../ports.ts';

/** Throws shape-unsupported, and engine-mismatch where a tensor has another length than its shape or is not finite. */
export function checkModel(model: Model): void {
  checkShape(model.shape);
  const { weights, mask, shape } = model;
  const lengths = tensorLengths(shape);
  const layer = weights.layers[0];
  const tensors = { embedding: weights.embedding, kernel: layer?.kernel, bias: layer?.bias, output: weights.output, outputBias: weights.outputBias };
  for (const name of Object.keys(tensors) as (keyof typeof tensors)[]) {
    const values = tensors[name];
    if (values?.length !== lengths[name]) throw new EspalierError('engine-mismatch', `Tensor ${name} has ${values?.length ?? 0} numbers; the shape needs ${lengths[name]}.`);
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) throw new EspalierError('engine-mismatch', `Tensor ${name} holds ${values[bad]} at ${bad}.`);
  }
  const connections = sourcesOf(shape) * unitsOf(shape);
  if (mask.length !== 1 || mask[0]!.length !== connections || mask[0]!.some((bit) => bit > 1)) throw new EspalierError('engine-mismatch', `The mask is not one layer of ${connections} bytes 0 or 1.`);
}

/** Throws request-empty, token-unknown, and engine-failed for a state of the wrong length or not finite. */
export function checkCall(call: EngineCall, shape: ModelShape): void {
  const units = unitsOf(shape);
  if (call.sample !== null) assert(Number.isSafeInteger(call.sample.every) && call.sample.every >= 1 && Number.isSafeInteger(call.sample.phase), 'sample: whole every >= 1 and whole phase');
  call.sequences.forEach(({ inputs, h, c }, at) => {
    if (inputs.length === 0) throw new EspalierError('request-empty', `Sequence ${at} of the call.`);
    const bad = inputs.findIndex((token) => token < 0 || token >= shape.vocabulary);
    if (bad >= 0) throw new EspalierError('token-unknown', `Id ${inputs[bad]} at step ${bad} of sequence ${at}; the vocabulary has ${shape.vocabulary}.`);
    for (const state of [h, c]) {
      if (state !== null && state.length !== units) throw new EspalierError('engine-failed', `The state of sequence ${at} has ${state.length} numbers; the model has ${units} units.`);
      if (state?.some((value) => !Number.isFinite(value)) === true) throw new EspalierError('engine-failed', `The state of sequence ${at} is not finite.`);
    }
  });
}

/** (s + phase) % every === 0 for steps s ≥ 0, whatever the sign and size of the phase: the phase within [0, every). */
export const phaseWithin = (phase: number, every: number): number => ((phase % every) + every) % every;
