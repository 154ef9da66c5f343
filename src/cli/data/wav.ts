/** Sound files: RIFF WAVE with 16-bit PCM, which is what spoken data sets are made of. */
import { EspalierError } from '../../errors.ts';

export interface Sound {
  /** Of the first channel, −1 to 1. */
  readonly samples: Float64Array;
  /** Samples a second. */
  readonly rate: number;
}

const PCM = 1, HEAD_BYTES = 12, CHUNK_BYTES = 8, FORMAT_BYTES = 16;

/** @param name of the file, for the error. Throws data-unreadable. */
export function readWav(bytes: Uint8Array, name: string): Sound {
  const bad = (what: string): never => { throw new EspalierError('data-unreadable', `${name}: ${what}; a WAV file with 16-bit PCM is wanted.`); };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tag = (at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (bytes.length < HEAD_BYTES || tag(0) !== 'RIFF' || tag(8) !== 'WAVE') bad('not a RIFF WAVE file');
  let format: { readonly channels: number; readonly rate: number } | null = null;
  for (let at = HEAD_BYTES; at + CHUNK_BYTES <= bytes.length;) {
    const kind = tag(at), from = at + CHUNK_BYTES, length = Math.min(view.getUint32(at + 4, true), bytes.length - from);
    if (kind === 'fmt ') {
      if (length < FORMAT_BYTES || view.getUint16(from, true) !== PCM || view.getUint16(from + 14, true) !== 16) bad('not 16-bit PCM');
      format = { channels: view.getUint16(from + 2, true), rate: view.getUint32(from + 4, true) };
      if (format.channels < 1 || format.rate < 1) bad('no channels, or no rate');
    }
    if (kind === 'data') {
      if (format === null) return bad('sound before its format');
      const stride = 2 * format.channels, samples = new Float64Array(Math.floor(length / stride));
      for (let n = 0; n < samples.length; n++) samples[n] = view.getInt16(from + n * stride, true) / 2 ** 15;
      return { samples, rate: format.rate };
    }
    // Chunks begin at even places.
    at = from + length + length % 2;
  }
  return bad('no sound in it');
}
