// Goal: WAV files are read to the sample, and log-mel frames are what their sums say. Method: files made by hand; the plain DFT in float64, pure tones, and silence.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MEL_BANDS, POWER_FLOOR, logMel, melPlan, melWeights, transform } from '../../../src/cli/data/log-mel.ts';
import { readWav } from '../../../src/cli/data/wav.ts';

const ascii = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0));
const little = (value: number, bytes: number): number[] => Array.from({ length: bytes }, (_, at) => (value >> (8 * at)) & 255);
interface Form { readonly channels?: number; readonly bits?: number; readonly before?: number[] }

function wav(samples: readonly number[], { channels = 1, bits = 16, before = [] }: Form = {}): Uint8Array {
  const format = [...ascii('fmt '), ...little(16, 4), ...little(1, 2), ...little(channels, 2), ...little(8000, 4), ...little(16_000 * channels, 4), ...little(2 * channels, 2), ...little(bits, 2)];
  const data = [...ascii('data'), ...little(2 * samples.length, 4), ...samples.flatMap((sample) => little(sample, 2))];
  return Uint8Array.from([...ascii('RIFF'), ...little(4 + format.length + before.length + data.length, 4), ...ascii('WAVE'), ...before, ...format, ...data]);
}

describe('a WAV file', () => {
  it('gives the samples of its first channel, behind chunks of other kinds', () => {
    expect(readWav(wav([0, 16_384, -32_768]), 'a')).toEqual({ rate: 8000, samples: Float64Array.of(0, 0.5, -1) });
    expect(readWav(wav([1, 9, -1, 9], { channels: 2, before: [...ascii('LIST'), ...little(3, 4), 1, 2, 3, 0] }), 'a').samples).toEqual(Float64Array.of(1 / 32_768, -1 / 32_768));
  });

  it('of another form is refused by name', () => {
    const whole = wav([1, 2]);
    for (const bad of [new Uint8Array(0), wav([1], { bits: 8 }), whole.subarray(0, 36), Uint8Array.from([...ascii('RIFF'), 0, 0, 0, 0, ...ascii('WAVE'), ...whole.subarray(36)]), new Uint8Array(100)]) {
      expect(() => readWav(bad, 'bad.wav')).toThrow(expect.objectContaining({ code: 'data-unreadable', details: expect.stringContaining('bad.wav') as string }) as Error);
    }
  });
});

/** X_k = Σ x_n e^(−2πikn/N), as it stands. */
function plainTransform(re: readonly number[], im: readonly number[]): readonly (readonly [number, number])[] {
  return re.map((_, k) => {
    let real = 0, imaginary = 0;
    re.forEach((value, n) => {
      const angle = -2 * Math.PI * k * n / re.length, cos = Math.cos(angle), sin = Math.sin(angle);
      real += value * cos - im[n]! * sin;
      imaginary += value * sin + im[n]! * cos;
    });
    return [real, imaginary];
  });
}

const plainFrame = (samples: Float64Array, rate: number, from: number): number[] => {
  const plan = melPlan(rate), windowed = Array.from({ length: plan.size }, (_, n) => (n < plan.window.length ? (samples[from + n] ?? 0) * (0.5 - 0.5 * Math.cos(2 * Math.PI * n / plan.window.length)) : 0));
  const spectrum = plainTransform(windowed, windowed.map(() => 0));
  return melWeights(MEL_BANDS, plan.size, rate).map((triangle) => Math.log(triangle.reduce((sum, weight, bin) => sum + weight * (spectrum[bin]![0] ** 2 + spectrum[bin]![1] ** 2), 0) + POWER_FLOOR));
};

describe('log-mel frames', () => {
  it('rest on a transform that is the plain one', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 6 }).chain((log) => fc.array(fc.tuple(fc.double({ min: -1, max: 1, noNaN: true }), fc.double({ min: -1, max: 1, noNaN: true })), { minLength: 2 ** log, maxLength: 2 ** log })), (values) => {
      const re = Float64Array.from(values, ([a]) => a), im = Float64Array.from(values, ([, b]) => b);
      const wanted = plainTransform([...re], [...im]);
      transform(re, im);
      wanted.forEach(([a, b], k) => { expect(Math.hypot(re[k]! - a, im[k]! - b)).toBeLessThan(1e-12 * values.length); });
    }));
  });

  it('are the sums of the plain transform, frame by frame', () => {
    const samples = Float64Array.from({ length: 400 }, (_, n) => Math.sin(0.3 * n) + 0.3 * Math.cos(1.7 * n + 0.01 * n * n)), frames = logMel({ samples, rate: 8000 });
    expect(frames.length).toBe(3 * MEL_BANDS);
    for (const step of [0, 1, 2]) plainFrame(samples, 8000, 80 * step).forEach((value, band) => { expect(frames[step * MEL_BANDS + band]).toBeCloseTo(value, 4); });
  });

  it('are 25 ms every 10 ms; silence is the floor, and a sound that is too short has one frame', () => {
    expect(logMel({ samples: new Float64Array(8000), rate: 8000 }).length).toBe((1 + Math.floor((8000 - 200) / 80)) * MEL_BANDS);
    expect([...new Set(logMel({ samples: new Float64Array(3), rate: 8000 }))]).toEqual([Math.fround(Math.log(POWER_FLOOR))]);
    expect(melPlan(16_000)).toMatchObject({ hop: 160, size: 1024 });
  });

  it('show a pure tone in the band that it lies in', () => {
    const edge = (at: number): number => 700 * (10 ** (Math.log10(1 + 4000 / 700) * at / (MEL_BANDS + 1)) - 1);
    for (const band of [3, 15, 38]) {
      const hertz = edge(band + 1), frame = logMel({ samples: Float64Array.from({ length: 200 }, (_, n) => Math.sin(2 * Math.PI * hertz * n / 8000)), rate: 8000 });
      expect(frame.indexOf(Math.max(...frame))).toBe(band);
    }
  });
});
