// libtensorflow for NVIDIA GPUs, and the CUDA libraries that it loads by itself, out of their Python wheels. The library
// looks for them relative to its own place (RUNPATH $ORIGIN/../nvidia/<name>/lib), so all wheels go into one folder.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { withWheel } from './download.mjs';
import { GPU, PLATFORM } from './pins.mjs';
import { unpacked, wanted } from './wheel.mjs';
import { unzip } from './unzip.mjs';

const ofCuda = (name) => /^nvidia\/[^/]+\/(lib|bin|nvvm)\//.test(name) && !name.endsWith('.py');

/** Programs of the wheels (ptxas) must be allowed to run; a zip reader that knows no rights does not say so. */
function allowPrograms(into) {
  const nvidia = path.join(into, 'nvidia');
  for (const name of fs.existsSync(nvidia) ? fs.readdirSync(nvidia) : []) {
    const bin = path.join(nvidia, name, 'bin');
    for (const file of fs.existsSync(bin) ? fs.readdirSync(bin, { withFileTypes: true }) : []) if (file.isFile()) fs.chmodSync(path.join(bin, file.name), 0o755);
  }
}

/** The way of a table of pins: { version, gigabytes, brings, wheels }. */
export const gpuWay = (pin) => ({
  name: 'gpu',
  version: pin.version,
  gigabytes: pin.gigabytes,
  /** Versions of the libraries, for `doctor` and the facts. */
  brings: pin.brings,
  async fetch(into, say) {
    const megabytes = pin.wheels.reduce((sum, one) => sum + one.megabytes, 0);
    say(`tensorflow: downloading ${pin.wheels.length} wheels for the GPU, ${megabytes} MB`);
    // One after the other, so that the disk never holds all of them packed and unpacked.
    for (const [at, one] of pin.wheels.entries()) {
      say(`tensorflow: ${one.requirement}, ${one.megabytes} MB (${at + 1} of ${pin.wheels.length})`);
      await withWheel(one, into, (file) => unzip(file, (name) => wanted(name) || ofCuda(name), into));
    }
    allowPrograms(into);
  },
  ...unpacked,
});

export const gpu = GPU[PLATFORM] && gpuWay(GPU[PLATFORM]);
