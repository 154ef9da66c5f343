// The other side of probe.ts, in a process of its own: loads the addon, runs what it is sent, answers, ends. If the
// binary kills this process, the parent sees the signal and nothing else suffers. Plain JavaScript, so that it starts
// without a loader.
import { createRequire } from 'node:module';
import process from 'node:process';

process.once('message', (message) => {
  answer(message).then(
    (result) => { process.send(result, () => { process.disconnect(); }); },
    (error) => { process.send({ error: String(error?.message ?? error).split('\n')[0] }, () => { process.disconnect(); }); },
  );
});

async function answer({ file, variant, runs }) {
  const addon = createRequire(import.meta.url)(file);
  const found = addon.variants().find(({ name }) => name === variant);
  if (found === undefined) return { error: `the kernel has no variant ${variant}` };
  if (!found.supported) return { error: `this processor lacks ${found.needs}` };
  const answers = [];
  for (const { load, batch } of runs) {
    const [handle] = addon.load(variant, ...load);
    const { inputs, offsets, h, c, labels, values, confidence, mode, top, best, chances, activity } = batch;
    await addon.infer(handle, inputs, offsets, h, c, labels, values, confidence, mode, 0, 0, top, best, chances, activity);
    addon.release(handle);
    answers.push({ h, c, labels, values, confidence });
  }
  return { answers };
}
