/** Frames on the wire: `"frames": [[…], …]`, one list of `frame` finite numbers for each step. */
import type { Refused, RequestRules } from './codec.ts';

const refuse = (code: Refused['code'], reason: string): Refused => ({ ok: false, code, reason });

/** The frames as [steps · frame], row-major, or why they are none. @param other what the request brings instead of frames */
export function framesOf(frames: unknown, other: unknown, { frame = 0, stepsMax }: RequestRules): Float32Array | Refused {
  if (other !== undefined) return refuse('request-invalid', 'the model reads "frames", neither "text" nor "tokens"');
  if (!Array.isArray(frames)) return refuse('request-invalid', '"frames" must be a list of frames');
  if (frames.length === 0) return refuse('request-empty', 'no steps');
  if (frames.length > stepsMax) return refuse('request-too-long', `${frames.length} steps, at most ${stepsMax} are allowed`);
  const values = new Float32Array(frames.length * frame);
  for (const [step, row] of (frames as readonly unknown[]).entries()) {
    if (!Array.isArray(row) || row.length !== frame) return refuse('request-invalid', `"frames"[${step}] must be a list of ${frame} numbers`);
    for (const [at, value] of (row as readonly unknown[]).entries()) {
      // What is finite in the text may not be in float32.
      if (typeof value !== 'number' || !Number.isFinite(Math.fround(value))) return refuse('request-invalid', `"frames"[${step}][${at}] must be a finite number`);
      values[step * frame + at] = value;
    }
  }
  return values;
}
