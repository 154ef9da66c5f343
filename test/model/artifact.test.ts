// Goal: a model survives its file unchanged, and nothing else is ever taken for one. Method: round trips over random
// shapes, one forged file for each rule (with a right checksum, so that the rule itself is reached), and seeded fuzz.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { decodeArtifact, encodeArtifact } from '../../src/model/artifact.ts';
import { ARTIFACT_LIMITS } from '../../src/model/artifact-header.ts';
import type { ModelDraft } from '../../src/model/model.ts';
import { sampleModel } from '../../src/model/sample-model.ts';
import type { Cell, ModelShape } from '../../src/model/shape.ts';
import { randomFrom } from '../../src/support/random.ts';
import { sampleDraft, sha256, smallShape } from '../checks/samples.ts';

const draft = sampleDraft(smallShape(3, 5), 1);
const file = encodeArtifact(draft, sha256).bytes;
const codeAfter = (work: () => unknown): string | undefined => {
  try { work(); } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    return code;
  }
  return undefined;
};
const decodeCode = (bytes: Uint8Array): string | undefined => codeAfter(() => decodeArtifact(bytes, sha256));

/** The file with its last 32 bytes made right again. */
function sealed(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy.set(Buffer.from(sha256(copy.subarray(0, -32)), 'hex'), copy.length - 32);
  return copy;
}

const headerOf = (bytes: Uint8Array): { text: string; dataAt: number } => {
  const length = Buffer.from(bytes).readUInt32LE(8);
  return { text: Buffer.from(bytes).toString('utf8', 12, 12 + length), dataAt: Math.ceil((12 + length) / 64) * 64 };
};

/** The file with another header, laid out and sealed as the format says. */
function withHeader(change: (text: string) => string): Uint8Array {
  const { text, dataAt } = headerOf(file);
  const header = Buffer.from(change(text));
  const bytes = Buffer.alloc(Math.ceil((12 + header.length) / 64) * 64 + file.length - dataAt);
  bytes.set(file.subarray(0, 8));
  bytes.writeUInt32LE(header.length, 8);
  bytes.set(header, 12);
  bytes.set(file.subarray(dataAt), bytes.length - (file.length - dataAt));
  return sealed(bytes);
}

type Json = Record<string, unknown>;
const withFields = (change: (header: Record<string, Json> & { tensors: Json[] }) => unknown): Uint8Array => withHeader((text) => {
  const header = JSON.parse(text) as Record<string, Json> & { tensors: Json[] };
  return JSON.stringify(change(header) ?? header);
});

/** The file with an element of a tensor replaced. */
function withTensor(name: string, edit: (data: DataView) => void): Uint8Array {
  const { text, dataAt } = headerOf(file);
  const entry = (JSON.parse(text) as { tensors: { name: string; offset: number; bytes: number }[] }).tensors.find((tensor) => tensor.name === name)!;
  const copy = Uint8Array.from(file);
  edit(new DataView(copy.buffer, dataAt + entry.offset, entry.bytes));
  return sealed(copy);
}

const CELLS: readonly Cell[] = ['lstm', 'gru', 'gru-before', 'rnn-tanh', 'rnn-relu'];

describe('artifact', () => {
  it('gives back every model, and the same bytes for the same model', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), fc.integer(), fc.double({ min: 0, max: 1, noNaN: true }), (inputs, units, seed, density) => {
      const made = sampleDraft(smallShape(inputs, units), seed, density);
      const { id, bytes } = encodeArtifact(made, sha256);
      const { id: read, ...rest } = decodeArtifact(bytes, sha256);
      expect(read).toBe(id);
      expect(rest).toStrictEqual(made);
      expect(sha256(bytes)).toBe(id);
      const reordered = Object.fromEntries(Object.entries(rest).reverse().map(([key, value]) => [key, key === 'lineage' ? Object.fromEntries(Object.entries(value).reverse()) : value]));
      expect(encodeArtifact(reordered as unknown as ModelDraft, sha256).id).toBe(id);
    }), { numRuns: 60 });
  });

  it.each(CELLS)('gives back %s networks of every form', (cell) => {
    const forms: readonly Partial<ModelShape>[] = [{}, { layers: [3, 5] }, { vocabulary: 0 }, { task: 'next', outputs: 9 }, { task: 'regress', state: 'reset', bidirectional: true, layers: [2, 4] }];
    for (const [seed, form] of forms.entries()) {
      const shape: ModelShape = { cell, vocabulary: 9, inputs: 3, layers: [4], task: 'tag', outputs: 2, state: 'carry', ...form };
      const made = sampleModel(shape, 0.5, randomFrom(seed));
      const { id, bytes } = encodeArtifact(made, sha256);
      expect(decodeArtifact(bytes, sha256)).toStrictEqual({ ...made, id });
    }
  });

  it('reads from the middle of a larger buffer and shares no memory with it', () => {
    const larger = new Uint8Array(file.length + 7);
    larger.set(file, 3);
    const model = decodeArtifact(larger.subarray(3, 3 + file.length), sha256);
    larger.fill(0);
    expect(model.weights).toStrictEqual(draft.weights);
  });

  it('lays tensors at multiples of 64 bytes and masks in bits', () => {
    const { text, dataAt } = headerOf(file);
    const { tensors } = JSON.parse(text) as { tensors: { name: string; offset: number; bytes: number }[] };
    for (const tensor of tensors) expect((dataAt + tensor.offset) % 64).toBe(0);
    expect(tensors.find((tensor) => tensor.name === 'layers.0.mask')!.bytes).toBe(Math.ceil(8 * 5 / 8));
  });

  it('calls every truncation truncated', () => {
    for (let length = 0; length < file.length; length++) expect(decodeCode(file.subarray(0, length)), `${length} bytes`).toBe('artifact-truncated');
  });

  it('refuses a change of any single byte, by its checksum from the header on', () => {
    const { dataAt } = headerOf(file);
    for (let at = 0; at < file.length; at++) {
      const copy = Uint8Array.from(file);
      copy[at]! ^= 1 << at % 8;
      const code = decodeCode(copy);
      if (at >= dataAt) expect(code, `byte ${at}`).toBe('artifact-altered');
      else expect(code, `byte ${at}`).toMatch(/^artifact-(altered|invalid|truncated|too-large)$/);
    }
  });

  it('refuses what is too large before it looks further', () => {
    expect(codeAfter(() => decodeArtifact(file, () => expect.unreachable(), { ...ARTIFACT_LIMITS, bytesMax: file.length - 1 }))).toBe('artifact-too-large');
    expect(codeAfter(() => decodeArtifact(file, sha256, { ...ARTIFACT_LIMITS, headerBytesMax: 10 }))).toBe('artifact-too-large');
    for (const limit of ['vocabularyMax', 'unitsMax', 'outputsMax'] as const) {
      expect(codeAfter(() => decodeArtifact(file, sha256, { ...ARTIFACT_LIMITS, [limit]: 2 })), limit).toMatch(/artifact-(too-large|invalid)/);
    }
    expect(codeAfter(() => decodeArtifact(file, sha256, { ...ARTIFACT_LIMITS, tensorsMax: 5 }))).toBe('artifact-invalid');
    // Sparse in the file, dense in memory: bounded by what it would take.
    const wide = sampleDraft(smallShape(40, 60), 1), layer = wide.weights.layers[0]!;
    const sparse = encodeArtifact({ ...wide, mask: [new Uint8Array(wide.mask[0]!.length)], weights: { ...wide.weights, layers: [{ ...layer, kernel: new Float32Array(layer.kernel.length) }] } }, sha256).bytes;
    expect(sparse.length).toBeLessThan(4 * layer.kernel.length);
    expect(decodeArtifact(sparse, sha256).weights.layers[0]!.kernel).toEqual(new Float32Array(layer.kernel.length));
    expect(codeAfter(() => decodeArtifact(sparse, sha256, { ...ARTIFACT_LIMITS, bytesMax: sparse.length }))).toBe('artifact-too-large');
    expect(decodeCode(withFields((header) => { header.shape!.layers = [2 ** 40]; }))).toBe('artifact-too-large');
  });

  const forged: Readonly<Record<string, () => Uint8Array>> = {
    'bytes after the end': () => sealed(Uint8Array.from([...file, ...new Uint8Array(64)])),
    'another magic': () => sealed(Uint8Array.from(file, (byte, at) => at === 0 ? 0x50 : byte)),
    'a newer version': () => sealed(Uint8Array.from(file, (byte, at) => at === 7 ? 2 : byte)),
    'a Git LFS pointer': () => Buffer.from(`version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 12345\n`),
    'a header that is no JSON': () => withHeader((text) => text.slice(1)),
    'a header that is a list': () => withHeader(() => '[]'),
    'a header with white space': () => withHeader((text) => text.replace('{', '{ ')),
    'a field twice': () => withHeader((text) => text.replace('{', '{"labels":["X","Y","Z"],')),
    'a nested prototype': () => withHeader((text) => text.replace('"shape":{', '"shape":{"__proto__":{"x":1},')),
    'a prototype at the top': () => withHeader((text) => text.replace('{', '{"__proto__":{"x":1},')),
    'a constructor': () => withFields((header) => { header.lineage!.constructor = {} as never; }),
    'deep nesting': () => withHeader(() => '['.repeat(100_000) + ']'.repeat(100_000)),
    'an unknown field': () => withFields((header) => { header.extra = {}; }),
    'a missing field': () => withFields((header) => Object.fromEntries(Object.entries(header).filter(([key]) => key !== 'labels'))),
    'a wrong type': () => withFields((header) => { header.shape!.inputs = '3'; }),
    'no units': () => withFields((header) => { header.shape!.layers = [0]; }),
    'a size that is no integer': () => withFields((header) => { header.shape!.inputs = 3.5; }),
    'another shape than its tensors': () => withFields((header) => { header.shape!.layers = [6]; }),
    'a tensor of another size': () => withFields((header) => { header.tensors[0]!.bytes = 4; }),
    'a tensor elsewhere': () => withFields((header) => { header.tensors[1]!.offset = 0; }),
    'a tensor of another type': () => withFields((header) => { header.tensors[0]!.dtype = 'i32'; }),
    'a tensor twice': () => withFields((header) => { header.tensors[5]!.name = 'output'; }),
    'a tensor of another name': () => withFields((header) => { header.tensors[5]!.name = 'x'; }),
    'too few labels': () => withFields((header) => { header.labels = ['A', 'B'] as never; }),
    'a label twice': () => withFields((header) => { header.labels = ['A', 'B', 'A'] as never; }),
    'more words than rows': () => withFields((header) => { header.tokenizer!.words = ['1', '2', '3', '4', '5']; }),
    'a parent that is no hash': () => withFields((header) => { header.lineage!.parent = '../x'; }),
    'a density above one': () => withFields((header) => { header.lineage!.density = 1.5; }),
    'a weight that is NaN': () => withTensor('embedding', (data) => { data.setFloat32(4, NaN, true); }),
    'a weight that is infinite': () => withTensor('outputBias', (data) => { data.setFloat32(0, -Infinity, true); }),
    'a weight of a dead connection': () => withTensor('layers.0.mask', (data) => { data.setUint8(0, 0); data.setUint8(1, 0); }),
    'padding that is not zero': () => sealed(Uint8Array.from(file, (byte, at) => at === file.length - 33 ? 1 : byte)),
  };
  it.each(Object.keys(forged))('refuses %s', (name) => {
    expect(decodeCode(forged[name]!())).toBe('artifact-invalid');
  });

  it.each([['cell', 'qrnn'], ['task', 'next'], ['task', 'rank'], ['layers', []], ['bidirectional', true]])('says that it has no network with %s %j', (field, value) => {
    expect(decodeCode(withFields((header) => { header.shape![field] = value; }))).toBe('shape-unsupported');
  });

  it('refuses to write an unsound model', () => {
    const layer = draft.weights.layers[0]!;
    const unsound: Record<string, ModelDraft> = {
      'NaN': { ...draft, weights: { ...draft.weights, output: draft.weights.output.map(() => NaN) } },
      'sizes': { ...draft, weights: { ...draft.weights, outputBias: new Float32Array(2) } },
      'layers': { ...draft, weights: { ...draft.weights, layers: [layer, layer] } },
      'dead weights': { ...draft, weights: { ...draft.weights, layers: [{ ...layer, kernel: layer.kernel.map(() => 1) }] } },
      'mask values': { ...draft, mask: [draft.mask[0]!.map(() => 3)] },
      'labels': { ...draft, labels: ['A'] },
      'density': { ...draft, lineage: { ...draft.lineage, density: NaN } },
    };
    for (const [name, bad] of Object.entries(unsound)) expect(codeAfter(() => encodeArtifact(bad, sha256)), name).toBe('artifact-invalid');
  });

  it('answers fuzz, sealed or not, with nothing but codes', () => {
    const random = randomFrom(7);
    const below = (n: number): number => Math.floor(random() * n);
    for (let round = 0; round < 4000; round++) {
      let bytes = Uint8Array.from(file);
      if (random() < 0.3) bytes = bytes.slice(0, below(bytes.length));
      for (let flips = below(6); flips > 0 && bytes.length > 0; flips--) bytes[below(random() < 0.5 ? Math.min(1200, bytes.length) : bytes.length)] = below(256);
      if (bytes.length > 32 && random() < 0.8) bytes = Uint8Array.from(sealed(bytes));
      codeAfter(() => decodeArtifact(bytes, sha256)); // rethrows what has no code
    }
  });
});
