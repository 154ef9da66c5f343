import { execFile } from 'node:child_process';

/** Runs a program to its end. Rejects with the end of what it said. */
export const runProgram = (program: string, args: readonly string[], { cwd, limitMs }: { readonly cwd: string; readonly limitMs: number }): Promise<void> =>
  new Promise((resolve, reject) => {
    execFile(program, [...args], { cwd, timeout: limitMs, maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
      if (error === null) resolve();
      else reject(new Error(`${program}: ${error.message.split('\n')[0] ?? ''}\n${`${stdout}${stderr}`.slice(-2000)}`));
    });
  });
