// Goal: records are read as they are meant, and hostile ones are refused with a code. Method: examples, and properties over arbitrary bytes and JSON.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LabelRules, RequestRules } from '../../src/traffic/codec.ts';
import { NAME_CHARS_MAX, decodeLabel, decodeRequest, encodePrediction, encodeRefusal } from '../../src/traffic/codec.ts';

const RULES: RequestRules = { wordId: (word) => word.length, vocabulary: 20, stepsMax: 8, bytesMax: 4096 };
const LABEL_RULES: LabelRules = { labels: new Map([['NN', 0], ['VB', 1]]), stepsMax: 8, bytesMax: 4096 };
const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const request = (fields: object): ReturnType<typeof decodeRequest> => decodeRequest(bytes({ id: 'r', session: 's', ...fields }), RULES, 77);
const codeOf = (decoded: { ok: true } | { ok: false; code: string }): string => (decoded.ok ? 'ok' : decoded.code);

describe('decodeRequest', () => {
  it('reads text, words and token ids', () => {
    expect(request({ text: ' a  bb\tccc\n' })).toEqual({ ok: true, value: { id: 'r', session: 's', sequence: 0, inputs: Int32Array.of(1, 2, 3), at: 77 } });
    expect(request({ text: ['a', 'b c'], sequence: 4, at: 12.5 })).toEqual({ ok: true, value: { id: 'r', session: 's', sequence: 4, inputs: Int32Array.of(1, 3), at: 12.5 } });
    expect(request({ tokens: [0, 19] })).toMatchObject({ ok: true, value: { inputs: Int32Array.of(0, 19) } });
  });

  it.each([
    ['request-invalid', {}], ['request-invalid', { text: 'a', tokens: [1] }], ['request-invalid', { text: 7 }], ['request-invalid', { tokens: 'a' }],
    ['request-invalid', { text: null }], ['request-invalid', { text: ['a', 1] }], ['request-invalid', { tokens: [1.5] }], ['request-invalid', { tokens: ['1'] }],
    ['request-invalid', { text: 'a', extra: 1 }], ['request-invalid', { text: 'a', sequence: -1 }], ['request-invalid', { text: 'a', sequence: null }],
    ['request-invalid', { text: 'a', at: 'now' }], ['request-invalid', { text: 'a', at: 1e300 }], ['request-invalid', { text: 'a', id: '' }], ['request-invalid', { text: 'a', id: 5 }],
    ['request-invalid', { text: 'a', session: 'x'.repeat(NAME_CHARS_MAX + 1) }], ['request-invalid', { text: 'a', id: 'lone \ud800' }],
    ['request-empty', { text: '' }], ['request-empty', { text: '  ' }], ['request-empty', { tokens: [] }],
    ['request-too-long', { tokens: new Array(9).fill(1) }], ['request-too-large', { text: 'x'.repeat(5000) }],
    ['token-unknown', { tokens: [20] }], ['token-unknown', { tokens: [-1] }], ['token-unknown', { tokens: [1e300] }],
  ])('refuses with %s: %j', (code, fields) => {
    expect(codeOf(request(fields))).toBe(code);
  });

  it.each([
    ['request-not-json', ''], ['request-not-json', '{'], ['request-not-json', 'null'], ['request-not-json', '[]'], ['request-not-json', '"x"'], ['request-not-json', '[['.repeat(2000)],
    ['request-not-json', `${'['.repeat(2000)}${']'.repeat(2000)}`],
    ['request-invalid', '{"id":"r","session":"s","text":"a","__proto__":{"x":1}}'], ['request-invalid', '{"__proto__":{"id":"r","session":"s","text":"a"}}'],
    ['request-invalid', '{"id":"r","session":"s","tokens":[1e999]}'], ['request-invalid', '{"id":"r","session":"s","text":"a","at":1e999}'],
    ['request-invalid', `{"id":"r","session":"s","text":${'['.repeat(1500)}${']'.repeat(1500)}}`],
  ])('refuses hostile JSON with %s: %j', (code, json) => {
    expect(codeOf(decodeRequest(bytes(json), RULES))).toBe(code);
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(codeOf(decodeRequest(Uint8Array.of(0x22, 0xff, 0x22), RULES))).toBe('request-not-json');
    expect(codeOf(decodeRequest(Uint8Array.from([...bytes('{"id":"'), 0xc3, 0x28, ...bytes('"}')]), RULES))).toBe('request-not-json');
  });

  it('never throws, and never lets a sequence through that breaks the rules', () => {
    const field = fc.oneof(fc.string(), fc.array(fc.string()), fc.array(fc.double()), fc.array(fc.integer({ min: -2, max: 22 })), fc.jsonValue());
    const object = fc.record({ id: fc.oneof(fc.string(), fc.jsonValue()), session: fc.string(), sequence: field, text: field, tokens: field, at: field }, { requiredKeys: [] });
    fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.json().map(bytes), object.map(bytes)), (value) => {
      const decoded = decodeRequest(value, RULES);
      if (!decoded.ok) return;
      expect(decoded.value.inputs.length).toBeGreaterThan(0);
      expect(decoded.value.inputs.length).toBeLessThanOrEqual(RULES.stepsMax);
      expect(Number.isFinite(decoded.value.at) && Number.isSafeInteger(decoded.value.sequence)).toBe(true);
    }), { numRuns: 500 });
  });
});

describe('decodeLabel', () => {
  const label = (fields: object): ReturnType<typeof decodeLabel> => decodeLabel(bytes({ id: 'r', session: 's', ...fields }), LABEL_RULES, 5);

  it('reads one name and several, unknown names as −1', () => {
    expect(label({ target: 'VB' })).toEqual({ ok: true, value: { id: 'r', session: 's', target: Int32Array.of(1), at: 5 } });
    expect(label({ target: ['NN', '?', '__proto__'], at: 9 })).toEqual({ ok: true, value: { id: 'r', session: 's', target: Int32Array.of(0, -1, -1), at: 9 } });
  });

  it.each([{}, { target: [] }, { target: [1] }, { target: null }, { target: new Array(9).fill('NN') }, { target: 'NN', text: 'a' }, { target: 'NN', id: '' }, { target: 'x'.repeat(5000) }])('refuses %j', (fields) => {
    expect(codeOf(label(fields))).toBe('label-invalid');
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.json().map(bytes)), (value) => {
      decodeLabel(value, LABEL_RULES);
    }), { numRuns: 300 });
  });
});

describe('encodePrediction', () => {
  const prediction = { id: 'r', session: 's', labels: Int32Array.of(1, 0), confidence: 0.5, model: 'm', arm: 'champion', at: 3 } as const;
  const read = (value: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(value));

  it('names the label of each step, or the one label', () => {
    expect(read(encodePrediction(prediction, ['NN', 'VB'], 'tag'))).toEqual({ ...prediction, labels: ['VB', 'NN'] });
    expect(read(encodePrediction({ ...prediction, labels: Int32Array.of(1) }, ['NN', 'VB'], 'classify'))).toEqual({ id: 'r', session: 's', label: 'VB', confidence: 0.5, model: 'm', arm: 'champion', at: 3 });
  });

  it('alternatives, where more than one label was asked for: those of each step, those of a class, those of a language model as tokens', () => {
    const ranked = { top: 2, labels: Int32Array.of(1, 0, 0, 1), probabilities: Float32Array.of(0.75, 0.25, 0.123456, 0.00001) };
    const alternatives = [[['VB', 0.75], ['NN', 0.25]], [['NN', 0.1235], ['VB', 0]]];
    expect(read(encodePrediction({ ...prediction, ranked }, ['NN', 'VB'], 'tag'))).toMatchObject({ labels: ['VB', 'NN'], alternatives });
    expect(read(encodePrediction({ ...prediction, labels: Int32Array.of(1), ranked: { top: 2, labels: Int32Array.of(1, 0), probabilities: Float32Array.of(0.75, 0.25) } }, ['NN', 'VB'], 'classify'))).toMatchObject({ label: 'VB', alternatives: alternatives[0] });
    expect(read(encodePrediction({ ...prediction, ranked }, [], 'next'))).toMatchObject({ tokens: [1, 0], alternatives: [[[1, 0.75], [0, 0.25]], [[0, 0.1235], [1, 0]]] });
  });
});

describe('encodeRefusal', () => {
  it('keeps the beginning of the record', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 3000 }), (value) => {
      const { record, ...rest } = JSON.parse(new TextDecoder().decode(encodeRefusal(value, 'request-invalid', 'why'))) as { record: string };
      expect(rest).toEqual({ code: 'request-invalid', reason: 'why', bytes: value.length });
      expect(Uint8Array.from(Buffer.from(record, 'base64'))).toEqual(value.slice(0, 1024));
    }));
  });
});
