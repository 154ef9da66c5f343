/** Runs a piece of the program in a process of its own, because what is doubted may take its process down. */
import { execFile } from 'node:child_process';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json. */
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** The last line of stdout as JSON, or in words why there is none. */
export function jsonFromChild(args: readonly string[], limitMs: number): Promise<{ readonly value: unknown } | { readonly failure: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [...args], { cwd: ROOT, timeout: limitMs, maxBuffer: 1 << 20 }, (error, stdout, stderr) => {
      const line = stdout.trim().split('\n').at(-1) ?? '';
      try {
        resolve({ value: JSON.parse(line) as unknown });
      } catch {
        const said = stderr.trim().split('\n').find((text) => /Error/.test(text)) ?? error?.message ?? 'no output';
        resolve({ failure: error?.signal ? `its process ended by ${error.signal}` : said });
      }
    });
  });
}
