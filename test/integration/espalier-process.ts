/** The command `espalier` as a process of a test: what it says, its health, its end. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '..', '..');

export class EspalierProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  said = '';

  constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, [path.join(ROOT, 'scripts', 'espalier.mjs'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) stream.on('data', (data: Buffer) => { this.said += data.toString(); });
    this.#ended = once(this.#child, 'exit');
  }

  get pid(): number { return this.#child.pid!; }
  get running(): boolean { return this.#child.exitCode === null && this.#child.signalCode === null; }
  get url(): string | null { return /(http:\S+)\/metrics/.exec(this.said)?.[1] ?? null; }

  /** Null before its console answers. Rejects where the process has ended, with what it said. */
  async health(): Promise<{ readonly ok: boolean; readonly checks: Readonly<Record<string, unknown>> } | null> {
    if (!this.running) throw new Error(`the process has ended:\n${this.said.slice(-4000)}`);
    if (this.url === null) return null;
    return fetch(`${this.url}/healthz`).then((answer) => answer.json() as Promise<{ ok: boolean; checks: Record<string, unknown> }>, () => null);
  }

  async metrics(): Promise<string> { return (await fetch(`${this.url!}/metrics`)).text(); }

  /** Signals, and answers with the exit code, or the signal that ended it. */
  async end(signal: NodeJS.Signals): Promise<number | string | null> {
    if (this.running) this.#child.kill(signal);
    await this.#ended;
    return this.#child.exitCode ?? this.#child.signalCode;
  }
}
