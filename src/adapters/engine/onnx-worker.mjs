/** A thread that runs ONNX sessions: onnxruntime computes on the thread that asks. Plain JavaScript, so that it starts without a loader. */
import { parentPort } from 'node:worker_threads';
import * as ort from 'onnxruntime-node';

const sessions = new Map();
const SESSION = { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential', graphOptimizationLevel: 'all', logSeverityLevel: 3 };

/** Runs one padded batch: [name, type, values, dims] each; resolves with the asked outputs, the milliseconds, and those of CPU time that the whole process used meanwhile. */
async function run({ model, feeds, fetches }) {
  const session = sessions.get(model);
  if (session === undefined) throw new Error(`no session of ${model}`);
  const given = Object.fromEntries(feeds.map(([name, type, values, dims]) => [name, new ort.Tensor(type, values, dims)]));
  const cpu = process.cpuUsage(), started = performance.now();
  const results = await session.run(given, fetches);
  const ms = performance.now() - started, { user, system } = process.cpuUsage(cpu);
  const outputs = fetches.map((name) => results[name].data);
  return { outputs, ms, cpuMs: (user + system) / 1000 };
}

const ACTIONS = {
  hello: () => Promise.resolve(),
  load: async ({ model, bytes }) => { sessions.set(model, await ort.InferenceSession.create(bytes, SESSION)); },
  run,
  release: async ({ model }) => {
    await sessions.get(model)?.release();
    sessions.delete(model);
  },
};

parentPort.on('message', ({ id, action, ...given }) => {
  ACTIONS[action](given).then(
    (result) => { parentPort.postMessage({ id, result }); },
    (error) => { parentPort.postMessage({ id, error: error instanceof Error ? error.message : String(error) }); },
  );
});
