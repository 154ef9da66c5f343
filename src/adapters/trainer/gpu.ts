/** The GPU of this machine: what the driver tells of it, and the libraries that the set-up brought for it. */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Device } from '../../pruning/job.ts';

export interface GpuFound extends Pick<Device, 'gpu' | 'driver'> {
  /** Whether anything of a GPU is there, even where neither name nor driver is told. */
  readonly present: boolean;
  /** Where was looked, in words, each with what was there. */
  readonly lookedAt: readonly string[];
}

const SMI_MS_MAX = 10_000;

/** Names and driver version of all GPUs, as nvidia-smi lists them; null where it does not run. */
function askSmi(program: string): Promise<{ readonly gpu: string; readonly driver: string } | null> {
  return new Promise((resolve) => {
    execFile(program, ['--query-gpu=name,driver_version', '--format=csv,noheader'], { timeout: SMI_MS_MAX }, (error, stdout) => {
      const rows = stdout.trim().split('\n').map((line) => line.split(',').map((cell) => cell.trim()));
      const names = rows.map(([name]) => name ?? '').filter((name) => name !== '');
      resolve(error !== null || names.length === 0 ? null : { gpu: names.join(', '), driver: rows[0]![1] ?? '' });
    });
  });
}

/** "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 …" */
function kernelDriver(file: string): string | null {
  try { return /^NVRM version:.*?\s(\d+(?:\.\d+)+)\s/m.exec(fs.readFileSync(file, 'utf8'))?.[1] ?? null; } catch { return null; }
}

/** @param root folder in place of `/`, and the program in place of nvidia-smi, for tests */
export async function lookForGpu(root = '/', program = 'nvidia-smi'): Promise<GpuFound> {
  const driverFile = path.join(root, 'proc/driver/nvidia/version'), node = path.join(root, 'dev/nvidia0');
  const smi = await askSmi(program), driver = kernelDriver(driverFile), device = fs.existsSync(node);
  return {
    present: smi !== null || device || fs.existsSync(driverFile), gpu: smi?.gpu ?? null, driver: driver ?? smi?.driver ?? null,
    lookedAt: [`nvidia-smi ${smi === null ? 'does not run' : 'lists GPUs'}`, `${driverFile} ${fs.existsSync(driverFile) ? 'is there' : 'is not there'}`, `${node} ${device ? 'is there' : 'is not there'}`],
  };
}

/** Versions of the GPU libraries by the stamp of the set-up; null each where it brought the libraries for the CPU, or nothing. */
export function librariesOf(root: string): Pick<Device, 'cuda' | 'cudnn'> {
  try {
    const { libraries } = JSON.parse(fs.readFileSync(path.join(root, 'node_modules', '.espalier', 'tensorflow.json'), 'utf8')) as { readonly libraries?: Partial<Record<'cuda' | 'cudnn', string>> };
    return { cuda: libraries?.cuda ?? null, cudnn: libraries?.cudnn ?? null };
  } catch { return { cuda: null, cudnn: null }; }
}
