// libtensorflow for the CPU, out of the Python wheel of TensorFlow.
import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { seconds } from '../world.mjs';
import { withWheel } from './download.mjs';
import { PLATFORM, WHEELS } from './pins.mjs';
import { unzip } from './unzip.mjs';

const pin = WHEELS[PLATFORM];
export const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];

/** The entries of a wheel of TensorFlow that are needed: two libraries and the headers of its C interface. */
export const wanted = (name) => LIBRARIES.some((library) => name === `tensorflow/${library}`)
  || (name.startsWith('tensorflow/include/') && name.endsWith('.h') && (name.includes('/c/') || name.includes('/platform/ctstring')));

/** Where a compiler finds what was unpacked. */
export const unpacked = {
  includes: (folder) => [path.join(folder, 'tensorflow', 'include')],
  libraries: (folder) => ({
    folder: path.join(folder, 'tensorflow'),
    link: LIBRARIES.map((library) => path.join(folder, 'tensorflow', library)),
  }),
};

export const wheel = pin && {
  name: 'wheel',
  version: pin.version,
  gigabytes: 1,
  async fetch(into, say) {
    const started = Date.now();
    say(`tensorflow: downloading the wheel ${pin.requirement}, ${pin.megabytes} MB`);
    await withWheel(pin, into, async (file) => {
      say(`tensorflow: wheel there in ${seconds(started)}; unpacking`);
      await unzip(file, wanted, into);
    });
    // Without symbols 383 instead of 517 MB; it works as well with them where strip is missing.
    for (const library of LIBRARIES) spawnSync('strip', ['-s', path.join(into, 'tensorflow', library)], { stdio: 'ignore' });
  },
  ...unpacked,
};
