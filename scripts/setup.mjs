#!/usr/bin/env node
// npm run setup: everything that espalier needs. With --state it changes nothing and prints what is there, as JSON.
import { packagesComplete } from './setup/packages.mjs';
import { ALL_STEPS, setUpOrExplain } from './setup/steps.mjs';
import { stampOf } from './setup/tensorflow.mjs';
import { bindingFile, checkBinding } from './setup/tensorflow/binding.mjs';
import { ROOT, cacheFolder, say, seconds } from './setup/world.mjs';

async function state() {
  const stamp = stampOf(ROOT);
  const check = await checkBinding(ROOT);
  return {
    packages: packagesComplete(ROOT),
    cache: cacheFolder(),
    tensorflow: { loads: check.ok, way: check.ok ? stamp?.way ?? 'found' : null, device: check.device ?? null, libraries: stamp?.libraries ?? null, detail: check.detail, binding: bindingFile(ROOT) },
  };
}

if (process.argv.includes('--state')) {
  process.stdout.write(`${JSON.stringify(await state())}\n`);
} else {
  const started = Date.now();
  if (await setUpOrExplain(ALL_STEPS)) say(`ready (${seconds(started)})`);
}
