#!/usr/bin/env node
// The command `espalier`: does the set-up that the command line needs, then hands over to src/cli.ts in this process,
// so that signals, terminal and exit code are its own.
import { setUpOrExplain, stepsFor } from './setup/steps.mjs';
import { say } from './setup/world.mjs';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  say(`failed: Node ${process.version} is too old`);
  say('remedy: install Node 20.19 or newer');
  process.exitCode = 5;
} else if (await setUpOrExplain(stepsFor(process.argv.slice(2)))) {
  const { register } = await import('tsx/esm/api');
  register();
  const { main } = await import('../src/cli.ts');
  await main(process.argv.slice(2));
}
