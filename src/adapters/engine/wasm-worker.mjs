// The thread of wasm.ts: one instance of src/kernel/espalier.wasm with its own memory, asked one thing after the other.
// Plain JavaScript, so that it starts without a loader.
import process from 'node:process';
import { parentPort, workerData } from 'node:worker_threads';

const { exports: kernel } = new WebAssembly.Instance(new WebAssembly.Module(workerData.module));
kernel._initialize?.();

/** As in kernel.h and addon.c. */
const FAILURES = [undefined, ['out-of-memory', 'not enough memory for the batch'], ['bad-token', 'a token lies outside the vocabulary'], ['empty', 'a sequence has no steps'],
  ['bad-state', 'a state is not finite'], ['bad-frame', 'a frame is not finite']];
const WORD = 4;
/** Words of wasm.c's Call; the results begin at FAILURE. */
const CALL_WORDS = 21, FAILURE = 16;

const refusal = (code, message, sequence = 0) => Object.assign(new Error(message), { code, sequence });
const cpuMs = typeof process.threadCpuUsage === 'function' ? () => { const { user, system } = process.threadCpuUsage(); return (user + system) / 1000; } : () => performance.now();

/** What one call has in linear memory; given back together at its end. */
class Memory {
  #held = [];

  reserve(bytes) {
    const at = kernel.reserve(bytes) >>> 0;
    if (at === 0) throw refusal('out-of-memory', 'not enough memory in the module');
    this.#held.push(at);
    return at;
  }

  put(array) {
    const at = this.reserve(array.byteLength);
    new Uint8Array(kernel.memory.buffer, at, array.byteLength).set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    return at;
  }

  giveBack() { for (const at of this.#held) kernel.discard(at); }
}

/** A copy out of linear memory, whose buffer another growth replaces. */
const copied = (Type, at, length) => new Type(kernel.memory.buffer, at >>> 0, length).slice();

function textAt(at) {
  const bytes = new Uint8Array(kernel.memory.buffer, at >>> 0);
  return String.fromCharCode(...bytes.subarray(0, bytes.indexOf(0)));
}

const models = new Map();

const operations = {
  load(memory, id, [, cell, bidirectional, vocabulary, outputs, layers, embedding, output, outputBias]) {
    const words = Uint32Array.from(layers.flatMap(([units, inputs, ptr, source, values, bias]) => [units, inputs, source.length, memory.put(ptr), memory.put(source), memory.put(values), memory.put(bias)]));
    const model = kernel.load(cell, bidirectional, vocabulary, outputs, layers.length, memory.put(words), memory.put(embedding), memory.put(output), memory.put(outputBias)) >>> 0;
    if (model === 0) throw refusal('bad-argument', textAt(kernel.reasonOf()));
    models.set(id, { model, layers: layers.length });
    return { bytes: kernel.bytesOf(model) >>> 0 };
  },

  release(memory, id) {
    const loaded = models.get(id);
    models.delete(id);
    if (loaded !== undefined) kernel.release(loaded.model);
    return {};
  },

  infer(memory, id, [inputs, offsets, h, c, labels, values, confidence, mode, every, phase, top, best, chances, activity]) {
    const loaded = models.get(id);
    if (loaded === undefined) throw refusal('bad-argument', 'the handle is a loaded model');
    const { model, layers } = loaded;
    const tokens = inputs instanceof Int32Array, given = memory.put(inputs);
    const arrays = { h, c, labels, values, confidence, best, chances, activity };
    const at = Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, memory.put(array)]));
    const call = memory.put(Uint32Array.from({ length: CALL_WORDS }, (_, word) => [tokens ? given : 0, tokens ? 0 : given, memory.put(offsets), offsets.length - 1, at.h, at.c, at.labels, at.values, at.confidence, mode, every, phase, top, at.best, at.chances, at.activity][word] ?? 0));
    const from = performance.now(), cpuFrom = cpuMs();
    kernel.infer(model, call);
    const ms = performance.now() - from, cpu = cpuMs() - cpuFrom;
    const [failure, failedAt, steps, rows] = copied(Uint32Array, call + FAILURE * WORD, 4);
    try {
      if (failure !== 0) throw refusal(...FAILURES[failure], failedAt);
      const sampled = offsets.length === 1 ? [] : Array.from({ length: layers }, (_, l) => copied(Float32Array, rows === 0 ? 0 : kernel.sampleAt(call, l), rows === 0 ? 0 : rows * kernel.columnsAt(call, l)));
      const written = Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, copied(array.constructor, at[name], array.length)]));
      return { written, steps, ms, cpuMs: cpu, rows, values: sampled };
    } finally {
      kernel.settled(model, call);
    }
  },

  gram(memory, id, [values, rows, columns, into]) {
    const from = cpuMs(), sums = memory.put(into);
    if (kernel.gram(memory.put(values), rows, columns, sums) === 0) throw refusal('out-of-memory', 'not enough memory for the second moments');
    return { written: { into: copied(Float64Array, sums, into.length) }, cpuMs: cpuMs() - from };
  },
};

/** After a trap the instance is in no known state: it answers nothing any more. */
let broken;
parentPort.on('message', ({ number, what, id, args }) => {
  const memory = new Memory();
  try {
    if (broken !== undefined) throw refusal('trapped', broken);
    const result = operations[what](memory, id, args);
    const buffers = [...Object.values(result.written ?? {}), ...(Array.isArray(result.values) ? result.values : [])].map(({ buffer }) => buffer);
    parentPort.postMessage({ number, result }, [...new Set(buffers)]);
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) broken = `the module trapped: ${error.message}`;
    parentPort.postMessage({ number, error: { code: error.code ?? 'trapped', message: broken ?? error.message, sequence: error.sequence ?? 0 } });
  }
  if (broken === undefined) memory.giveBack();
});
const widths = [];
for (let at = 0, width; (width = kernel.widthAt(at)) > 0; at++) widths.push(width);
parentPort.postMessage({ widths });
