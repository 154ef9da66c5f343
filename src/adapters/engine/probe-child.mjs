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

async function answer({ file, variant, load, batch }) {
  const addon = createRequire(import.meta.url)(file);
  const found = addon.variants().find(({ name }) => name === variant);
  if (found === undefined) return { error: `the kernel has no variant ${variant}` };
  if (!found.supported) return { error: `this processor lacks ${found.needs}` };
  const [handle] = addon.load(variant, ...load);
  const { tokens, offsets, h, c, labels, confidence } = batch;
  await addon.infer(handle, tokens, offsets, h, c, labels, confidence, 1, 0, 0);
  addon.release(handle);
  return { h, c, labels, confidence };
}
