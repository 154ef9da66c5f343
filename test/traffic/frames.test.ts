// Goal: frames, numbers and token ids are read as they are meant, and what is none is refused. Method: examples of each rule, one round trip.
import { describe, expect, it } from 'vitest';
import type { LabelRules, RequestRules } from '../../src/traffic/codec.ts';
import { decodeLabel, decodeRequest, encodePrediction } from '../../src/traffic/codec.ts';

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const base: RequestRules = { wordId: () => 0, vocabulary: 0, frame: 2, stepsMax: 3, bytesMax: 4096 };
const request = (fields: object, rules = base): unknown => {
  const decoded = decodeRequest(bytes({ id: 'r', session: 's', ...fields }), rules);
  return decoded.ok ? decoded.value.inputs : decoded.code;
};
const LABELS: LabelRules = { labels: new Map(), stepsMax: 4, bytesMax: 4096 };
const label = (target: unknown, rules: Partial<LabelRules>): unknown => {
  const decoded = decodeLabel(bytes({ id: 'r', session: 's', target }), { ...LABELS, ...rules });
  return decoded.ok ? decoded.value : decoded.code;
};

describe('frames', () => {
  it('are read row by row', () => {
    expect(request({ frames: [[1, 2], [0.5, -4]] })).toEqual(Float32Array.of(1, 2, 0.5, -4));
  });

  it.each([
    ['request-invalid', {}], ['request-invalid', { frames: 1 }], ['request-invalid', { frames: [[1, 2, 3]] }], ['request-invalid', { frames: [[1]] }], ['request-invalid', { frames: [1, 2] }],
    ['request-invalid', { frames: [[1, null]] }], ['request-invalid', { frames: [[1, '2']] }], ['request-invalid', { frames: [[1, 1e39]] }], ['request-invalid', { frames: [[1, 2]], text: 'a' }],
    ['request-empty', { frames: [] }], ['request-too-long', { frames: [[1, 2], [1, 2], [1, 2], [1, 2]] }],
  ])('are refused with %s: %j', (code, fields) => { expect(request(fields)).toBe(code); });

  it('are not for a model of token ids, nor text for one without a tokenizer', () => {
    expect(request({ frames: [[1, 2]] }, { ...base, vocabulary: 9 })).toBe('request-invalid');
    expect(request({ text: 'a' }, { ...base, vocabulary: 9, split: null })).toBe('request-invalid');
    expect(request({ text: 'abc' }, { ...base, vocabulary: 9, split: (text) => [...text] })).toEqual(Int32Array.of(0, 0, 0));
  });
});

describe('targets in numbers', () => {
  it('are the outputs of a regression', () => {
    expect(label([1, -0.5], { task: 'regress', outputs: 2 })).toMatchObject({ target: new Int32Array(0), values: Float32Array.of(1, -0.5) });
    expect(label(3, { task: 'regress', outputs: 1 })).toMatchObject({ values: Float32Array.of(3) });
    for (const target of [[1], [1, 'a'], [1, 1e39], 'x', null]) expect(label(target, { task: 'regress', outputs: 2 })).toBe('label-invalid');
  });

  it('are token ids of a language model', () => {
    expect(label([0, 6], { task: 'next', outputs: 7 })).toMatchObject({ target: Int32Array.of(0, 6) });
    for (const target of [[7], [-1], [0.5], ['a'], [], [1, 1, 1, 1, 1]]) expect(label(target, { task: 'next', outputs: 7 })).toBe('label-invalid');
  });
});

it('predictions say tokens or values', () => {
  const prediction = { id: 'r', session: 's', labels: Int32Array.of(4, 2), values: Float32Array.of(0.5), confidence: 1, model: 'm', arm: 'champion', at: 3 } as const;
  const read = (task: 'next' | 'regress'): unknown => JSON.parse(new TextDecoder().decode(encodePrediction(prediction, [], task)));
  expect(read('next')).toMatchObject({ tokens: [4, 2] });
  expect(read('regress')).toMatchObject({ values: [0.5] });
});
