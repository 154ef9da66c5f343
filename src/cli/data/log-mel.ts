/**
 * Log-mel frames of a sound (Davis & Mermelstein 1980, without their last cosine transform): short windows, the power of each
 * frequency, summed by triangles that are equally wide on the mel scale, and the logarithm of it. Float64 throughout.
 */
import { assert } from '../../errors.ts';
import type { Sound } from './wav.ts';

/** 25 ms every 10 ms, 40 bands: what speech recognisers have used since the nineties. */
const WINDOW_SECONDS = 0.025, HOP_SECONDS = 0.01;
export const MEL_BANDS = 40;
/** Added to the power before the logarithm: about that of the rounding of 16-bit samples. */
export const POWER_FLOOR = 1e-10;

/** m = 2595 log10(1 + f / 700), and back (O'Shaughnessy 1987). */
const melOf = (hertz: number): number => 2595 * Math.log10(1 + hertz / 700);
const hertzOf = (mel: number): number => 700 * (10 ** (mel / 2595) - 1);

/** In place: the discrete Fourier transform X_k = Σ x_n e^(−2πikn/N) by halves (Cooley & Tukey 1965); N is a power of two. */
export function transform(re: Float64Array, im: Float64Array): void {
  const n = re.length;
  assert(n >= 1 && (n & (n - 1)) === 0 && im.length === n, 'as many values as a power of two');
  for (let at = 1, to = 0; at < n; at++) {
    let bit = n >> 1;
    for (; (to & bit) !== 0; bit >>= 1) to ^= bit;
    to ^= bit;
    if (at < to) {
      [re[at], re[to]] = [re[to]!, re[at]!];
      [im[at], im[to]] = [im[to]!, im[at]!];
    }
  }
  for (let half = 1; half < n; half *= 2) {
    for (let k = 0; k < half; k++) {
      const angle = -Math.PI * k / half, cos = Math.cos(angle), sin = Math.sin(angle);
      for (let low = k; low < n; low += 2 * half) {
        const high = low + half, turnedRe = re[high]! * cos - im[high]! * sin, turnedIm = re[high]! * sin + im[high]! * cos;
        re[high] = re[low]! - turnedRe;
        im[high] = im[low]! - turnedIm;
        re[low]! += turnedRe;
        im[low]! += turnedIm;
      }
    }
  }
}

/** Triangles over the bins 0..size/2 of a transform, [bands, size / 2 + 1]: band b rises from edge b to b + 1 and falls to b + 2. */
export function melWeights(bands: number, size: number, rate: number): readonly Float64Array[] {
  const edges = Array.from({ length: bands + 2 }, (_, at) => hertzOf(melOf(rate / 2) * at / (bands + 1)));
  return Array.from({ length: bands }, (_, band) => Float64Array.from({ length: size / 2 + 1 }, (__, bin) => {
    const [low, middle, high] = [edges[band]!, edges[band + 1]!, edges[band + 2]!], hertz = bin * rate / size;
    return Math.max(0, Math.min((hertz - low) / (middle - low), (high - hertz) / (high - middle)));
  }));
}

export interface MelPlan { readonly window: Float64Array; readonly hop: number; readonly size: number; readonly weights: readonly Float64Array[] }

/** Hann's window; the transform is the next power of two but one, so that the narrow triangles below 300 Hz hold several bins. */
export function melPlan(rate: number, bands = MEL_BANDS): MelPlan {
  const width = Math.round(WINDOW_SECONDS * rate), size = 2 ** (Math.ceil(Math.log2(width)) + 1);
  return {
    window: Float64Array.from({ length: width }, (_, n) => 0.5 - 0.5 * Math.cos(2 * Math.PI * n / width)), hop: Math.round(HOP_SECONDS * rate), size, weights: melWeights(bands, size, rate),
  };
}

/** Frames [steps, bands], one for each hop at which a whole window fits; a shorter sound is filled up with silence to one. */
export function logMel({ samples, rate }: Sound, { window, hop, size, weights }: MelPlan = melPlan(rate)): Float32Array {
  const steps = 1 + Math.max(0, Math.floor((samples.length - window.length) / hop)), frames = new Float32Array(steps * weights.length);
  for (let step = 0; step < steps; step++) {
    const re = new Float64Array(size), im = new Float64Array(size);
    window.forEach((weight, n) => { re[n] = weight * (samples[step * hop + n] ?? 0); });
    transform(re, im);
    weights.forEach((triangle, band) => {
      let power = 0;
      for (let bin = 0; bin < triangle.length; bin++) if (triangle[bin]! > 0) power += triangle[bin]! * (re[bin]! ** 2 + im[bin]! ** 2);
      frames[step * weights.length + band] = Math.log(power + POWER_FLOOR);
    });
  }
  return frames;
}
