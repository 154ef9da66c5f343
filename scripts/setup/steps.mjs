// The set-up as a table of steps, and what each command of espalier needs of it.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { ensurePackages } from './packages.mjs';
import { ensureTensorflow } from './tensorflow.mjs';
import { ROOT, SetupError, say } from './world.mjs';

/** The native kernel is wished for, not needed: where it cannot be built, the reference engine serves, slowly. */
async function kernel({ root }) {
  try {
    const { buildKernel } = await import('./kernel.mjs');
    await buildKernel({ root, say });
  } catch (error) {
    say(`kernel: not built: ${error.message}`);
    if (error.remedy && !error.message.includes(error.remedy)) say(`kernel: ${error.remedy}`);
    say('kernel: the reference engine serves instead; it gives the same answers, slowly');
  }
}

const STEPS = { packages: ensurePackages, kernel, tensorflow: ensureTensorflow };
export const ALL_STEPS = Object.keys(STEPS);

/** The steps that a command line needs. Whoever asks for help needs no TensorFlow. */
export function stepsFor([command, subject, ...rest]) {
  if ([command, subject, ...rest].some((word) => word === '--help' || word === '-h')) return ['packages'];
  if (command === 'demo' || (command === 'bench' && subject === 'prune')) return ALL_STEPS;
  if (command === 'bench' && subject === 'kernel') return ['packages', 'kernel'];
  return ['packages'];
}

/** Runs the steps in order; each does nothing where there is nothing to do. Throws SetupError. */
export async function setUp(names, root = ROOT) {
  if (!fs.existsSync(path.join(root, 'package.json'))) throw new SetupError(`${root} is not the folder of espalier`, 'Start it from a complete checkout.');
  for (const name of names) await STEPS[name]({ root, say });
}

/** Exit code of the closed table for "something needed is not reachable". */
export const EXIT_NOT_REACHABLE = 5;

/** Runs the steps; where one fails, says why and what to do, and answers false. */
export async function setUpOrExplain(names) {
  try {
    await setUp(names);
    return true;
  } catch (error) {
    say(`failed: ${error instanceof SetupError ? error.message : error.stack}`);
    if (error instanceof SetupError) say(`remedy: ${error.remedy}`);
    process.exitCode = EXIT_NOT_REACHABLE;
    return false;
  }
}
