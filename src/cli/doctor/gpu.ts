/** The GPU: what the driver tells, which libraries the set-up brought for it, and where TensorFlow computes. */
import type { GpuFound } from '../../adapters/trainer/gpu.ts';
import type { Finding } from './finding.ts';
import { ok, poor } from './finding.ts';

/** Where TensorFlow computes here, and the versions of the GPU libraries that it was given. */
export interface Computes {
  readonly device: 'cpu' | 'gpu';
  readonly libraries: { readonly cuda: string; readonly cudnn: string } | null;
}

/** @param computes null where TensorFlow does not load */
export function gpu({ present, gpu: name, driver, lookedAt }: GpuFound, computes: Computes | null): Finding {
  const libraries = computes?.libraries == null ? 'no GPU libraries' : `CUDA ${computes.libraries.cuda}, cuDNN ${computes.libraries.cudnn}`;
  const where = computes === null ? 'TensorFlow does not load' : `TensorFlow computes on the ${computes.device === 'gpu' ? 'GPU' : 'CPU'}`;
  if (!present) return ok('gpu', `none (${lookedAt.join('; ')}); ${libraries}; ${where}`);
  const detail = `${name ?? 'name not told'}, driver ${driver ?? 'not told'}; ${libraries}; ${where}`;
  if (computes?.device === 'gpu') return ok('gpu', detail);
  return poor('gpu', detail, computes?.libraries == null
    ? 'Run `ESPALIER_TENSORFLOW=gpu npm run setup` for the GPU libraries (Linux on x64); it says what it lacks. Training runs on the CPU meanwhile.'
    : 'Install a driver that runs CUDA 12 (525.60.13 or newer), and give a container the GPU (`--gpus all`). Training runs on the CPU meanwhile.');
}
