/** The machine that figures were measured on, as their files name it. */
import * as os from 'node:os';

export interface Machine { readonly platform: string; readonly cpu: string; readonly cores: number; readonly node: string }

export const machineOf = (): Machine => ({ platform: `${process.platform}-${process.arch}`, cpu: os.cpus()[0]?.model ?? 'unknown', cores: os.availableParallelism(), node: process.version });
