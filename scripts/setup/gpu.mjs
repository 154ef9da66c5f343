// Whether this machine has an NVIDIA GPU, by whatever shows it: the driver's files, or nvidia-smi.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';

const SMI_MS_MAX = 10_000;
const FILES = ['proc/driver/nvidia/version', 'dev/nvidia0'];

/** What shows a GPU, in words; undefined where nothing does. `root` and `program` stand for `/` and nvidia-smi in tests. */
export function gpuTrace(root = '/', program = 'nvidia-smi') {
  const file = FILES.map((name) => path.join(root, name)).find((name) => fs.existsSync(name));
  if (file !== undefined) return file;
  const listed = spawnSync(program, ['-L'], { encoding: 'utf8', timeout: SMI_MS_MAX });
  return listed.status === 0 && listed.stdout.startsWith('GPU ') ? listed.stdout.split('\n')[0] : undefined;
}
