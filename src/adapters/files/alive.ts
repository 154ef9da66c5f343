import { readFileSync } from 'node:fs';

/** Whether a process of this number runs. One that belongs to somebody else counts as running. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/**
 * When a process started (ticks since boot), where the system tells; null elsewhere. Numbers of processes are used
 * again, in containers from the same small number at every start; number and start together are not.
 */
export function startOf(pid: number): string | null {
  try {
    const line = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
    // The second field, the name in parentheses, may hold anything; the start is the 20th field after it.
    return line.slice(line.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}
